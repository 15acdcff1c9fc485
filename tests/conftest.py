"""Fixtures shared by all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Before anything imports Nipype: no call home, nothing read from or written to the home folder.
os.environ["NIPYPE_NO_ET"] = os.environ["NO_ET"] = "1"
os.environ.setdefault("NIPYPE_CONFIG_DIR", str(Path(__file__).resolve().parents[1] / "bidsml" / "graph"))


pytest_plugins = ["fault_table", "faulty_study"]

ON_REQUEST = ("containers", "slurm")
"""Markers of tests that need root and programs beside Python: run only where ``-m`` names them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unasked = [name for name in ON_REQUEST if name not in config.option.markexpr]
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in unasked)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a folder of real data by name; skips the test where the data are not on this machine."""
    root = Path(os.environ.get("BIDSML_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"real data '{name}' is not here; set BIDSML_TEST_DATA to the folder that holds it")
        return path

    return find
