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
