"""Show a graph or run it, alike for both levels."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from bidsml.app.check import free_gb
from bidsml.bids.locks import hold_locks
from bidsml.bids.store import remove_left_overs, write_atomic
from bidsml.bids.workfolder import STAMP_FILE, note_analysis, prepare_work_folder
from bidsml.graph.run import Graph, Progress, RunOutcome, describe_nodes, draw, plugin_settings, run_workflow
from bidsml.spec import AnalysisSpec, RunOptions, spec_digest

logger = logging.getLogger(__name__)

SHOWN = 20


@contextmanager
def work_folder(
    spec: AnalysisSpec, options: RunOptions, *, graph: str, participants: Sequence[str] = ()
) -> Iterator[Path]:
    """Give the work folder to one job: made, checked and locked, as is its part of the output folder.

    A dry run has a folder that goes away, and locks nothing.

    Parameters
    ----------
    graph
        Level and analysis, as in ``participant_rest-connectome``.
    participants
        Labels of those the job writes to; none at the group level.

    Raises
    ------
    InterruptedRunError
        Another job is at work on the same.
    BidsmlError
        The work folder can't be had, see :func:`bidsml.bids.workfolder.prepare_work_folder`.
    """
    if options.dry_run:
        with TemporaryDirectory(prefix="bidsml-") as folder:
            yield Path(folder)
        return
    work, out = options.work_dir, options.output_dir
    prepare_work_folder(work, bids_dir=options.bids_dir)
    part = "" if options.shard is None else f"_shard-{options.shard}"
    own = [f"sub-{label}" for label in participants] or [f"group-{spec.name}{part}"]
    with (
        hold_locks(out / "logs" / "locks", own, what=f"the output folder {out}"),
        hold_locks(work / "locks", [f"{graph}_{name}" for name in own], what=f"the work folder {work}"),
    ):
        note_analysis(work, graph=graph, spec_digest=spec_digest(spec))
        _sweep(out, "" if part else spec.name, participants)
        yield work
    if options.clean_workdir:
        _remove_empty(work)


def _sweep(out: Path, analysis: str, participants: Sequence[str]) -> None:
    """Remove what a killed job left half-written where this one alone writes; elsewhere what nobody writes any more."""
    for label in participants:
        remove_left_overs((out / f"sub-{label}").rglob(".*.tmp"), all_dead=True)
        remove_left_overs(out.glob(f".sub-{label}.*.tmp"), all_dead=True)
    if analysis and not participants:
        remove_left_overs((out / "group" / analysis).rglob(".*.tmp"), all_dead=True)
        remove_left_overs((out / "phenotype").glob(".*.tmp"))
    remove_left_overs(out.glob(".*.tmp"))


def show_plan(
    graph: Graph, options: RunOptions, *, inputs: Sequence[Path], outputs: Sequence[str], say: Callable[[str], None]
) -> None:
    """Print what a run would read, compute and write, and the memory and disk it needs."""
    unique = sorted(set(inputs))
    size_gb = sum(path.stat().st_size for path in unique if path.exists()) / 1e9
    _list(say, f"inputs: {len(unique)} files, {size_gb:.3f} GB", [str(path) for path in unique])
    nodes = describe_nodes(graph)
    largest = max((gb for _, gb in nodes), default=0.0)
    _list(say, f"nodes: {len(nodes)}", [f"{name} ({gb:.2g} GB)" for name, gb in nodes])
    _list(say, f"outputs in {options.output_dir}:", list(outputs))
    plugin, _ = plugin_settings(options.plugin_file, nprocs=options.nprocs, mem_gb=options.mem_gb, graph=graph)
    say(f"plugin {plugin}, {options.nprocs} processes, {options.mem_gb:.1f} GB at most, {largest:.2g} GB by one node")
    say(f"work folder {options.work_dir}: {free_gb(options.work_dir):.1f} GB free")


def _list(say: Callable[[str], None], title: str, lines: Sequence[str]) -> None:
    say(title)
    for line in lines[:SHOWN]:
        say(f"  {line}")
    if len(lines) > SHOWN:
        say(f"  … and {len(lines) - SHOWN} more")


def _warn_of_size(graph: Graph, options: RunOptions) -> None:
    """Say which step asks for more memory than there is to be; it runs by itself all the same, as in fMRIPrep."""
    name, largest_gb = max(describe_nodes(graph), key=lambda node: node[1], default=("", 0.0))
    if largest_gb > options.mem_gb:
        logger.warning("%s asks for %.2g GB, --mem-gb is %.2g: it runs alone", name, largest_gb, options.mem_gb)


def execute(graph: Graph, options: RunOptions, *, name: str, progress: Progress | None) -> RunOutcome:
    """Run a graph with the options' plugin; keep crash files as text in the output's ``logs/crash``.

    Raises
    ------
    DiskError
        The disk of the work or the output folder is full.
    """
    # Its own for every run: a crash of another job must not be taken for one of this.
    (options.work_dir / "crash").mkdir(exist_ok=True)
    crash_dir = Path(mkdtemp(dir=options.work_dir / "crash", prefix=f"{name}_"))
    if options.write_graph:
        draw(graph, options.output_dir / "logs" / f"{name}_graph")
    if options.plugin_file is None:
        # A scheduler has limits of its own.
        _warn_of_size(graph, options)
    plugin, plugin_args = plugin_settings(
        options.plugin_file, nprocs=options.nprocs, mem_gb=options.mem_gb, graph=graph
    )
    outcome = run_workflow(
        graph,
        plugin=plugin,
        plugin_args=plugin_args,
        crash_dir=crash_dir,
        stop_on_first_crash=options.stop_on_first_crash,
        progress=progress,
    )
    for path in sorted(crash_dir.glob("crash-*.txt")):
        write_atomic(options.output_dir / "logs" / "crash" / path.name, path.read_bytes())
    shutil.rmtree(crash_dir)
    if options.clean_workdir and not outcome.failures:
        shutil.rmtree(options.work_dir / graph.name, ignore_errors=True)
        shutil.rmtree(options.work_dir / "inputs" / name, ignore_errors=True)
    return outcome


def _remove_empty(work: Path) -> None:
    """Remove the work folder where nothing is left in it; another analysis or job may have its own there."""
    for folder in (work / "inputs", work / "crash"):
        with suppress(OSError):
            folder.rmdir()
    if {path.name for path in work.iterdir()} <= {STAMP_FILE, "locks"} and not any((work / "locks").glob("*.lock")):
        shutil.rmtree(work, ignore_errors=True)
