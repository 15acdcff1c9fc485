"""Run a graph: plugin and resources, progress, and what became of every node."""

import json
import logging
import multiprocessing
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from nipype import Node, Workflow

from bidsml import errors
from bidsml.bids.store import disk_error
from bidsml.bids.textfiles import read_yaml
from bidsml.errors import BidsmlError, DiskError, InterruptedRunError, UsageError
from bidsml.graph.batch import BATCH_PLUGINS, NO_RESULT
from bidsml.graph.multiproc import SteadyMultiProc
from bidsml.graph.node import DISK_FULL, ERROR_FILE, RECEIPT_FILE, StepInterface
from bidsml.graph.verification import forget_broken

logger = logging.getLogger(__name__)

_OWN_PLUGINS = {"MultiProc": SteadyMultiProc, **BATCH_PLUGINS}
PLUGINS = ("Linear", "MultiProc", "SLURM", "SLURMGraph", "SGE", "SGEGraph", "PBS", "LSF", "Dask")
LOCAL_PLUGINS = ("Linear", "MultiProc")
# Their registrations are one call of a library for many minutes, during which Python hears no signal.
_DEAF_STEPS = ("bidsml.steps.anatomical:", "bidsml.steps.functional:")
STEP_MODULES = (
    "bidsml.steps.participant",
    "bidsml.steps.anatomical",
    "bidsml.steps.functional",
    "bidsml.steps.preprocessed",
    "bidsml.steps.views",
    "bidsml.steps.task",
    "bidsml.steps.assembly",
    "bidsml.steps.group",
    "bidsml.steps.curves",
    "bidsml.steps.freezing",
    "bidsml.steps.publication",
    "bidsml.steps.application",
)

Graph: TypeAlias = Workflow
"""What the rooms above hold and hand back; only this room knows that it is Nipype's."""

Progress = Callable[[str, str], None]
"""First the number of nodes and ``total``; then a node's full name and ``start``, ``end`` or ``exception``."""


@dataclass(frozen=True)
class NodeFailure:
    """Why one node failed. ``crash`` is the end of the traceback where the failure is a bug."""

    node: str
    error: BidsmlError
    is_bug: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """What became of a graph.

    Attributes
    ----------
    published
        Full names of the publishing nodes that finished in this run.
    failures
        Nodes that failed by their own fault, not for want of input.
    """

    published: frozenset[str]
    failures: tuple[NodeFailure, ...] = field(default=())


def plugin_settings(
    plugin_file: Path | None, *, nprocs: int, mem_gb: float, graph: Graph | None = None
) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the Nipype plugin: from a YAML file, else Linear for one process, MultiProc for more.

    A graph that registers images has a worker even for one process: this one can then be stopped at any time.

    Raises
    ------
    MissingInputError, DataError, UsageError
        The plugin file is not there, is not YAML, names no plugin of Nipype, or has lines for a shell that are none.
    """
    if plugin_file is None:
        if nprocs == 1 and not _is_deaf(graph):
            return "Linear", {}
        multiprocessing.set_forkserver_preload([*STEP_MODULES])
        limits = {"n_procs": nprocs, "memory_gb": mem_gb, "raise_insufficient": False}
        return "MultiProc", {**limits, "mp_context": "forkserver"}
    content = read_yaml(plugin_file)
    if not isinstance(content, Mapping) or content.get("plugin") not in PLUGINS:
        found = content.get("plugin") if isinstance(content, Mapping) else content
        raise UsageError(f"{plugin_file}: plugin is {found!r}", hint=errors.near_names(str(found), PLUGINS))
    arguments = content.get("plugin_args") or {}
    if not isinstance(arguments, Mapping):
        found = repr(arguments)[:60]
        raise UsageError(f"{plugin_file}: plugin_args must be a mapping, found {found}", hint="see Nipype's plugins")
    for name in ("sbatch_args", "qsub_args", "wrapper_cmd"):
        _check_line(arguments.get(name), what=f"{plugin_file}: {name}")
    return str(content["plugin"]), dict(arguments)


def _is_deaf(graph: Graph | None) -> bool:
    steps = () if graph is None else (node.interface for node in _nodes(graph).values())
    return any(isinstance(each, StepInterface) and each.step.startswith(_DEAF_STEPS) for each in steps)


def _check_line(given: object, *, what: str) -> None:
    """Check that words for a shell, where given, are one text that can be taken apart."""
    try:
        shlex.split("" if given is None else given)  # type: ignore[call-overload]
    except (AttributeError, ValueError) as error:
        raise UsageError(f"{what} is no line for a shell: {given!r}", hint="give it as one text in quotes") from error


def run_workflow(
    workflow: Workflow,
    *,
    plugin: str,
    plugin_args: Mapping[str, Any],
    crash_dir: Path,
    stop_on_first_crash: bool = False,
    progress: Progress | None = None,
) -> RunOutcome:
    """Run the graph to its end and say which nodes failed.

    Other participants' nodes go on when one fails, unless ``stop_on_first_crash``.

    Raises
    ------
    DiskError
        The disk of the work or the output folder is full.
    """
    crash_dir.mkdir(parents=True, exist_ok=True)
    workflow.config["execution"] = {
        "hash_method": "content",
        "crashdump_dir": str(crash_dir),
        "crashfile_format": "txt",
        "poll_sleep_duration": "0.02" if plugin in LOCAL_PLUGINS else "1",
        "stop_on_first_crash": str(stop_on_first_crash).lower(),
        "remove_unnecessary_outputs": "false",
        "create_report": "false",
        "check_version": "false",
    }
    nodes = _nodes(workflow)
    plugin_args = {**plugin_args, "status_callback": _node_callback(progress)}
    if progress is not None:
        progress(str(len(nodes)), "total")
    folders = {name: Path(workflow.base_dir).joinpath(*name.split(".")) for name in nodes}
    _check_results(nodes, folders, n_threads=int(plugin_args.get("n_procs", 1)))
    for folder in folders.values():
        for left_over in (RECEIPT_FILE, ERROR_FILE):
            (folder / left_over).unlink(missing_ok=True)
    crashed: Exception | None = None
    steady = _OWN_PLUGINS[plugin](plugin_args=dict(plugin_args)) if plugin in _OWN_PLUGINS else plugin
    try:
        workflow.run(plugin=steady, plugin_args=dict(plugin_args))
    except InterruptedRunError:
        raise
    except Exception as error:  # Nipype raises whatever a node raised: sorted out below, from the nodes' own folders.
        logger.debug("the graph ended with %s", error)
        _raise_disk_full(error, Path(workflow.base_dir))
        crashed = error
    failures = _explained(folders) or ([] if crashed is None else [_unexplained(crashed, crash_dir)])
    if crashed is not None and all(failure.is_bug is False for failure in failures):
        failures += _bugs(crash_dir, known={failure.node for failure in failures})
    for failure in failures:
        if isinstance(failure.error, DiskError):
            raise failure.error  # The machine's failure, not a participant's: it is everyone's.
    published = frozenset(name for name, folder in folders.items() if (folder / RECEIPT_FILE).is_file())
    return RunOutcome(published, tuple(failures))


def _check_results(nodes: Mapping[str, Node], folders: Mapping[str, Path], *, n_threads: int) -> None:
    """Let nodes run again whose files are not as they were made; those that always run need no look."""
    cached = {name: folders[name] for name, node in nodes.items() if not node.overwrite}
    steps = frozenset(name for name in cached if isinstance(nodes[name].interface, StepInterface))
    forget_broken(cached, steps=steps, n_threads=n_threads)


def _raise_disk_full(error: BaseException, work_dir: Path) -> None:
    """Raise what a full disk did to Nipype's own files: then neither results nor crash files can be relied on."""
    seen: BaseException | None = error
    found: OSError | None = None
    while seen is not None:
        if isinstance(seen, DiskError):
            raise seen
        if isinstance(seen, OSError) and seen.errno in DISK_FULL:
            found = seen
        seen = seen.__cause__ or seen.__context__
    if found is not None:
        place = Path(found.filename) if isinstance(found.filename, str) else work_dir / "files"
        raise disk_error(found, place, needed="more is needed") from error


def _node_callback(progress: Progress | None) -> Callable[[Node, str], None]:
    """Pass on what a node does."""

    def callback(node: Node, status: str) -> None:
        if progress is not None:
            progress(node.fullname, status)

    return callback


def describe_nodes(graph: Graph) -> list[tuple[str, float]]:
    """Every node's full name and the memory it asks for, in GB."""
    return [(name, float(node.mem_gb)) for name, node in _nodes(graph).items()]


def draw(graph: Graph, stem: Path) -> Path:
    """Write the graph as Graphviz text, and as SVG where the ``dot`` program is installed.

    Returns
    -------
    Path
        The ``.svg``, or the ``.dot`` where there is no ``dot`` program.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    dot = stem.with_suffix(".dot")
    image_format = "svg" if shutil.which("dot") else "dot"
    graph.write_graph(dotfilename=str(dot), graph2use="colored", format=image_format, simple_form=True)
    return stem.with_suffix(f".{image_format}")


def _nodes(workflow: Workflow) -> dict[str, Node]:
    """Nodes by full name, which is also their place below the work folder."""
    return {f"{workflow.name}.{name}": workflow.get_node(name) for name in sorted(workflow.list_node_names())}


def _explained(folders: Mapping[str, Path]) -> list[NodeFailure]:
    """Failures that a step explained itself, read from its node's folder."""
    found = []
    for name, folder in folders.items():
        path = folder / ERROR_FILE
        if path.is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            kind: type[BidsmlError] = getattr(errors, content["kind"])
            found.append(NodeFailure(name, kind(content["message"], hint=content["hint"])))
    return found


def _bugs(crash_dir: Path, known: set[str]) -> list[NodeFailure]:
    """Crashes that no step explained: Nipype's text crash files, less those of known failures."""
    found = []
    for path in sorted(crash_dir.glob("crash-*.txt")):
        text = path.read_text(encoding="utf-8", errors="replace")
        name = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Node:")), "")
        if name and name not in known:
            explained = _explain_crash(name, text)
            if explained is not None:
                found.append(NodeFailure(name, explained))
                continue
            last = text.strip().splitlines()[-1]
            message = f"{name} failed unexpectedly: {last}"
            hint = f"this is a bug in bidsml; report it with logs/crash/{path.name}"
            found.append(NodeFailure(name, BidsmlError(message, hint=hint), is_bug=True))
    return found


def _explain_crash(name: str, text: str) -> BidsmlError | None:
    """Find what a crash file says of a machine that failed; ``None`` where it is the program's own."""
    if "BrokenProcessPool" in text or NO_RESULT in text:
        return _killed(name)
    full = re.search(r"^(?:bidsml\.errors\.DiskError: |OSError: \[Errno \d+\] )(.*(?:No space|quota).*)$", text, re.M)
    if full is None:
        return None
    return DiskError(f"{name}: {full[1]}", hint="free space, then run the same command again; finished work is kept")


def _killed(name: str) -> InterruptedRunError:
    return InterruptedRunError(
        f"a worker process was killed while {name} ran, most often for want of memory",
        hint="run the same command again to resume, with fewer --nprocs or more memory",
    )


def _unexplained(error: Exception, crash_dir: Path) -> NodeFailure:
    bugs = _bugs(crash_dir, set())
    if bugs:
        return bugs[0]
    message = f"the graph could not run: {type(error).__name__}: {error}"
    return NodeFailure("graph", BidsmlError(message, hint="this is a bug in bidsml; please report it"), is_bug=True)
