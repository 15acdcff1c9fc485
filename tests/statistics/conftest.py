"""The simulated cohorts of the learning tests, shared by file: test folders are no packages."""

import importlib.util
import sys
from pathlib import Path

import pytest

_path = Path(__file__).resolve().parents[1] / "learn" / "conftest.py"
_spec = importlib.util.spec_from_file_location("simulated_cohorts", _path)
_module = importlib.util.module_from_spec(_spec)
sys.modules["simulated_cohorts"] = _module  # dataclasses look their module up
_spec.loader.exec_module(_module)


@pytest.fixture(name="simulate")
def _simulate():
    return _module.simulate


@pytest.fixture
def figure(request):
    """Hold a figure against its band; the table of all stands at the end of the run."""

    def hold(name, value, low, high):
        request.node.user_properties.append(("figure", f"{name}: {value:.4g} (band {low:g} to {high:g})"))
        assert low <= value <= high, f"{name} is {value:.4g}, outside of {low:g} to {high:g}"

    return hold


def pytest_terminal_summary(terminalreporter):
    reports = [one for how in ("passed", "failed") for one in terminalreporter.getreports(how) if one.when == "call"]
    lines = [words for one in reports for name, words in one.user_properties if name == "figure"]
    if lines:
        terminalreporter.section("statistics")
        for line in lines:
            terminalreporter.write_line(line)
