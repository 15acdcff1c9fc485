"""Progress of a graph: a bar on a terminal, one line a minute elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bidsml.graph.run import Progress as NodeCallback

LINE_EVERY_S = 60.0


@contextmanager
def node_progress(console: Console, title: str, *, every_s: float = LINE_EVERY_S) -> Iterator[NodeCallback]:
    """Give a callback for :func:`bidsml.graph.run.run_workflow`, and show what it is told.

    The callback is first called as ``callback("<number of nodes>", "total")``.
    """
    if console.is_terminal:
        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[node]}"))
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
            yield _bar_callback(bar, title)
    else:
        counts = {"total": 0, "end": 0, "exception": 0}
        stop = threading.Event()
        thread = threading.Thread(target=_print_lines, args=(console, title, counts, stop, every_s), daemon=True)
        thread.start()
        try:
            yield lambda node, status: _count(counts, node, status)
        finally:
            stop.set()
            thread.join()


def _bar_callback(bar: Progress, title: str) -> NodeCallback:
    task = bar.add_task(title, total=None, node="")

    def callback(node: str, status: str) -> None:
        if status == "total":
            bar.update(task, total=int(node))
        elif status == "start":
            bar.update(task, node=node.partition(".")[2])
        else:
            bar.advance(task)

    return callback


def _count(counts: dict[str, int], node: str, status: str) -> None:
    if status == "total":
        counts["total"] = int(node)
    elif status in counts:
        counts[status] += 1


def _print_lines(console: Console, title: str, counts: dict[str, int], stop: threading.Event, every_s: float) -> None:
    started = time.monotonic()
    while not stop.wait(every_s):
        minutes = (time.monotonic() - started) / 60
        failed = f", {counts['exception']} failed" if counts["exception"] else ""
        done = counts["end"] + counts["exception"]
        console.print(f"{title}: {done} of {counts['total']} nodes{failed}, {minutes:.0f} min", highlight=False)
