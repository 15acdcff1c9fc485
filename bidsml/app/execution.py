"""Show a graph or run it, alike for both levels."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bidsml.app.check import free_gb
from bidsml.errors import DiskError
from bidsml.graph.run import Graph, Progress, RunOutcome, describe_nodes, draw, plugin_settings, run_workflow
from bidsml.spec import RunOptions

SHOWN = 20


@contextmanager
def planning_folder(options: RunOptions) -> Iterator[Path]:
    """Give the folder that a graph's own input records are written to: a dry run leaves nothing behind."""
    if options.dry_run:
        with TemporaryDirectory(prefix="bidsml-") as folder:
            yield Path(folder)
    else:
        yield options.work_dir


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
    plugin, _ = plugin_settings(options.plugin_file, nprocs=options.nprocs, mem_gb=options.mem_gb)
    say(f"plugin {plugin}, {options.nprocs} processes, {options.mem_gb:.1f} GB at most, {largest:.2g} GB by one node")
    say(f"work folder {options.work_dir}: {free_gb(options.work_dir):.1f} GB free")


def _list(say: Callable[[str], None], title: str, lines: Sequence[str]) -> None:
    say(title)
    for line in lines[:SHOWN]:
        say(f"  {line}")
    if len(lines) > SHOWN:
        say(f"  … and {len(lines) - SHOWN} more")


def execute(graph: Graph, options: RunOptions, *, name: str, progress: Progress | None) -> RunOutcome:
    """Run a graph with the options' plugin; keep crash files as text in the output's ``logs/crash``.

    Raises
    ------
    DiskError
        The work folder cannot be made.
    """
    crash_dir = options.work_dir / "crash" / name
    shutil.rmtree(crash_dir, ignore_errors=True)
    try:
        crash_dir.mkdir(parents=True)
    except OSError as error:
        raise DiskError(f"cannot make {crash_dir}: {error.strerror}", hint="choose another --work-dir") from error
    if options.write_graph:
        draw(graph, options.output_dir / "logs" / f"{name}_graph")
    plugin, plugin_args = plugin_settings(options.plugin_file, nprocs=options.nprocs, mem_gb=options.mem_gb)
    outcome = run_workflow(
        graph,
        plugin=plugin,
        plugin_args=plugin_args,
        crash_dir=crash_dir,
        stop_on_first_crash=options.stop_on_first_crash,
        progress=progress,
    )
    for path in sorted(crash_dir.glob("crash-*.txt")):
        kept = options.output_dir / "logs" / "crash" / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
    if options.clean_workdir and not outcome.failures:
        _clean(options.work_dir, [options.work_dir / graph.name, options.work_dir / "inputs" / name, crash_dir])
    return outcome


def _clean(work_dir: Path, folders: Sequence[Path]) -> None:
    """Remove what one graph made, and the folders that are empty then; another analysis may have its own there."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (work_dir / "inputs", work_dir / "crash", work_dir):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
