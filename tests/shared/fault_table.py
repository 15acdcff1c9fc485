"""The fault table: what each row of ``tests/faults/rows.tsv`` came to, from the tests that are marked with it.

A pytest plugin. ``@pytest.mark.fault(20)`` says that a test proves row 20, wherever the test lies. With
``--fault-table`` the table is printed at the end of the run, and a row that no test ran for makes the run fail.
"""

import csv
from collections import defaultdict
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

ROWS = Path(__file__).resolve().parents[1] / "faults" / "rows.tsv"
PROPERTY = "fault row"


def read_rows() -> dict[int, tuple[str, str]]:
    """Fault and what it must produce, by number."""
    with ROWS.open(encoding="utf-8", newline="") as handle:
        lines = list(csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {int(row): (fault, produces) for row, fault, produces in lines[1:]}


def pytest_addoption(parser):
    parser.addoption("--fault-table", action="store_true", help="print the fault table; fail where a row has no test")


def pytest_configure(config):
    config.addinivalue_line("markers", "fault(row, ...): proves these rows of tests/faults/rows.tsv")


def pytest_itemcollected(item):
    known = read_rows()
    for row in sorted({row for mark in item.iter_markers("fault") for row in mark.args}):
        if row not in known:
            raise pytest.UsageError(f"{item.nodeid}: there is no row {row!r} in {ROWS.name}")
        # Properties travel with the reports from xdist's workers.
        item.user_properties.append((PROPERTY, row))


def pytest_sessionfinish(session):
    config = session.config
    if not config.getoption("--fault-table") or hasattr(config, "workerinput"):
        return
    missing = set(read_rows()) - set(results(config))
    if missing and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--fault-table"):
        return
    found = results(config)
    table = Table("#", "fault", "must produce", "result", show_lines=True)
    for row, (fault, produces) in read_rows().items():
        table.add_row(str(row), fault, produces, describe(found.get(row, {})))
    terminalreporter.section("the fault table")
    console = Console(width=max(120, terminalreporter._tw.fullwidth), color_system=None)
    with console.capture() as captured:
        console.print(table, markup=False)
    terminalreporter.write(captured.get())
    lacking = [str(row) for row in read_rows() if row not in found]
    if lacking:
        terminalreporter.write_line(f"no test ran for row {', '.join(lacking)}", red=True)


def results(config) -> dict[int, dict[str, tuple[str, str]]]:
    """Outcome and reason of every test by its name, by row: the worst of its phases."""
    order = ("skipped", "passed", "failed")
    found: dict[int, dict[str, tuple[str, str]]] = defaultdict(dict)
    stats = config.pluginmanager.get_plugin("terminalreporter").stats
    for report in (one for kind in list(stats) for one in stats[kind] if isinstance(one, pytest.TestReport)):
        if report.when != "call" and report.outcome == "passed":
            continue
        reason = report.longrepr[2].removeprefix("Skipped: ") if report.skipped and report.longrepr else ""
        # Expected to fail is not proven.
        outcome = "failed" if hasattr(report, "wasxfail") else report.outcome
        for name, row in report.user_properties:
            if name == PROPERTY:
                before = found[row].get(report.nodeid, ("skipped", ""))
                found[row][report.nodeid] = max(before, (outcome, reason), key=lambda one: order.index(one[0]))
    return found


def describe(tests: dict[str, tuple[str, str]]) -> str:
    """One row's result in words."""
    if not tests:
        return "NO TEST"
    by_outcome = {kind: [n for n, (o, _) in tests.items() if o == kind] for kind in ("failed", "passed", "skipped")}
    words = [f"{kind} ({len(names)})" for kind, names in by_outcome.items() if names and kind != "skipped"]
    words += [f"FAILED: {name.rpartition('::')[2]}" for name in by_outcome["failed"]]
    reasons = sorted({reason for outcome, reason in tests.values() if outcome == "skipped"})
    words += [f"skipped ({len(by_outcome['skipped'])}): {'; '.join(reasons)}"] if by_outcome["skipped"] else []
    return "\n".join(words)
