"""A bar on a terminal; elsewhere a line now and then."""

import io
import time

from rich.console import Console

from bidsml.app.progress import node_progress


def told(progress) -> None:
    progress("3", "total")
    for node, end in (("wf.a", "end"), ("wf.b", "exception"), ("wf.c", "end")):
        progress(node, "start")
        progress(node, end)


def test_lines_count_done_and_failed_nodes():
    console = Console(file=io.StringIO(), force_terminal=False)
    with node_progress(console, "group demo", every_s=0.02) as progress:
        told(progress)
        end = time.monotonic() + 10
        while "3 of 3 nodes, 1 failed" not in console.file.getvalue():
            assert time.monotonic() < end
            time.sleep(0.01)
    printed = console.file.getvalue()
    time.sleep(0.05)
    assert console.file.getvalue() == printed, "nothing is printed after the end"


def test_a_short_run_prints_nothing():
    console = Console(file=io.StringIO(), force_terminal=False)
    with node_progress(console, "group demo") as progress:
        told(progress)
    assert console.file.getvalue() == ""


def test_a_terminal_gets_a_bar():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with node_progress(console, "group demo") as progress:
        told(progress)
    assert "3/3" in console.file.getvalue()
