"""A step function becomes a Nipype node: inputs from its signature, hashed by content, rerun when its code changes."""

import errno
import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from nipype import Merge, Node, Workflow
from nipype.interfaces.base import (
    BaseInterface,
    DynamicTraitedSpec,
    File,
    InputMultiObject,
    TraitedSpec,
    Undefined,
    traits,
)
from threadpoolctl import threadpool_limits

from bidsml.bids.store import disk_error, write_json
from bidsml.errors import BidsmlError, DiskError
from bidsml.extension import Plugin
from bidsml.graph.sources import node_digest, source_digest
from bidsml.graph.verification import write_digests

ERROR_FILE = "error.json"
RECEIPT_FILE = "receipt.json"
"""What a publishing step leaves in its node's folder when it is finished."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class _StepOutput(TraitedSpec):  # type: ignore[misc]
    out = traits.Any(desc="path, or list of paths, that the step made")


class StepInterface(BaseInterface):  # type: ignore[misc]
    """Runs one function of ``bidsml.steps`` in the node's folder.

    The function takes paths and short scalars, and ``out_dir``, the folder it writes to; it returns a path
    or a list of paths. Two more inputs exist for hashing alone: ``depends_on``, files that the function
    finds through a record, and ``source_digest``.
    """

    input_spec = DynamicTraitedSpec
    output_spec = _StepOutput

    def __init__(self, step: str, *, n_threads: int = 1, **inputs: Any) -> None:
        super().__init__(**inputs)
        self.step = step
        self.n_threads = n_threads
        hints = get_type_hints(_load(step))
        self._names = [name for name in inspect.signature(_load(step)).parameters if name != "out_dir"]
        for name in self._names:
            self.inputs.add_trait(name, _trait(hints[name]))
        self.inputs.add_trait("depends_on", InputMultiObject(File(exists=True)))
        self.inputs.add_trait("source_digest", traits.Str())
        unset = dict.fromkeys([*self._names, "depends_on"], Undefined)
        self.inputs.trait_set(trait_change_notify=False, source_digest=source_digest(step.partition(":")[0]), **unset)
        self._result: Path | list[Path] | None = None

    def run(self, *words: Any, **settings: Any) -> Any:
        """Run the step, and let through what stops it from outside: Nipype takes that for a failure of the node."""
        result = super().run(*words, **settings)
        last_line = (getattr(result.runtime, "traceback", None) or "").strip().rpartition("\n")[2]
        stops: tuple[type[KeyboardInterrupt], ...] = (KeyboardInterrupt, *KeyboardInterrupt.__subclasses__())
        for stop in stops:
            if last_line.partition(":")[0].endswith(stop.__name__):
                raise stop
        return result

    def _run_interface(self, runtime: Any) -> Any:
        folder = Path(runtime.cwd)
        function = _load(self.step)
        hints = get_type_hints(function)
        given = {
            n: _typed(getattr(self.inputs, n), hints[n]) for n in self._names if _is_given(self.inputs, n, hints[n])
        }
        try:
            with threadpool_limits(self.n_threads), _disk_errors(folder):
                self._result = function(**given, out_dir=folder)
                write_digests(folder)
        except BidsmlError as error:
            report = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
            with suppress(DiskError):  # The error itself is raised; on a full disk it can't be written down.
                write_json(folder / ERROR_FILE, report)
            raise
        return runtime

    def _list_outputs(self) -> dict[str, Any]:
        made = self._result
        return {"out": [str(path) for path in made] if isinstance(made, list) else str(made)}


def make_node(
    step: Callable[..., Path | list[Path]],
    name: str,
    *,
    mem_gb: float,
    n_threads: int = 1,
    depends_on: Sequence[Path] = (),
    always: bool = False,
    plugins: Sequence[Plugin] = (),
) -> Node:
    """Make a node of a step function.

    Parameters
    ----------
    step
        A module-level function of ``bidsml.steps``.
    mem_gb
        Peak memory, for the scheduler.
    depends_on
        Files whose content decides the result although the function is not handed their paths directly.
    always
        Run even when nothing changed: for steps that publish into the output folder.
    plugins
        What the step calls of other packages: it runs again when one of them changes.
    """
    interface = StepInterface(f"{step.__module__}:{step.__name__}", n_threads=n_threads)
    if plugins:
        interface.inputs.source_digest = node_digest(step.__module__, plugins)
    if depends_on:
        interface.inputs.depends_on = [str(path) for path in depends_on]
    return Node(interface, name=name, mem_gb=mem_gb, n_procs=n_threads, overwrite=True if always else None)


def connect_list(workflow: Workflow, sources: Sequence[Node], target: Node, field: str) -> None:
    """Hand the outputs of several nodes to one list input."""
    if not sources:
        target.inputs.trait_set(**{field: []})
        return
    if len(sources) == 1:
        workflow.connect(sources[0], "out", target, field)
        return
    merge = Node(Merge(len(sources)), name=f"{target.name}_{field}", run_without_submitting=True)
    for number, source in enumerate(sources, start=1):
        workflow.connect(source, "out", merge, f"in{number}")
    workflow.connect(merge, "out", target, field)


def nth(paths: list[str], index: int) -> str:
    """Take one of a node's outputs, as the function of a connection: Nipype carries its source, without imports."""
    return paths[index]


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Explain why a step that fills files by itself could not."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        place = Path(error.filename) if isinstance(error.filename, str) else folder / "files"
        raise disk_error(error, place, needed=f"more than the {written} bytes written so far are needed") from error


@cache
def _load(step: str) -> Callable[..., Path | list[Path]]:
    module, _, name = step.partition(":")
    function: Callable[..., Path | list[Path]] = getattr(importlib.import_module(module), name)
    return function


def _trait(hint: Any) -> Any:
    if hint is Path:
        return File(exists=True)
    if hint == list[Path]:
        return InputMultiObject(File(exists=True))
    scalars = {str: traits.Str, int: traits.Int, float: traits.Float, bool: traits.Bool}
    if hint not in scalars:
        raise TypeError(f"a step takes paths and scalars, not {hint}")
    return scalars[hint]()


def _typed(value: Any, hint: Any) -> Any:
    if hint is Path:
        return Path(value)
    if hint == list[Path]:
        paths = [] if value is Undefined else [value] if isinstance(value, str) else value
        return [Path(path) for path in paths]
    return value


def _is_given(inputs: Any, name: str, hint: Any) -> bool:
    # Nipype can't tell an empty list from none: a list input is always given.
    return hint == list[Path] or getattr(inputs, name) is not Undefined
