"""The code that makes pages of the documentation, found as the build finds it."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="session")
def docs() -> Path:
    return DOCS


@pytest.fixture(scope="session", autouse=True)
def _from_code():
    sys.path[:0] = [str(DOCS), str(DOCS / "figures"), str(Path(__file__).resolve().parent)]
    yield
    for _ in range(3):
        sys.path.pop(0)
