"""One person's data, simulated."""

from pathlib import Path

import numpy as np
import pytest

from bidsml.records import Scan, ScanData, ScanQC


def make_data(signals: np.ndarray | None = None, **change: object) -> ScanData:
    n_regions = signals.shape[1] if signals is not None else 4
    scan = Scan(participant_id="1", kind="timeseries", path=Path("sub-1_timeseries.tsv"))
    fields: dict = {
        "scan": scan,
        "regions": tuple(f"r{n}" for n in range(n_regions)),
        "signals": signals,
        "unfiltered": signals,
        "tr_s": 2.0,
        "qc": ScanQC(participant_id="1", label="sub-1"),
        "atlas": "x",
        "networks": tuple("AABB"[n % 4] for n in range(n_regions)),
    }
    return ScanData(**{**fields, **change})


@pytest.fixture
def correlated() -> np.ndarray:
    """Signals of four regions with something in common: ``(300, 4)``."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((300, 4)) + rng.standard_normal((300, 1))
