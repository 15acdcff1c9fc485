"""Several scans of one person become one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bidsml.errors import DataError
from bidsml.preproc.concatenate import concatenate_scans
from bidsml.preproc.quality import scan_qc
from bidsml.records import Scan, ScanData


def make_scan(run: int, n_volumes: int = 40, **missing: str) -> ScanData:
    rng = np.random.default_rng(run)
    signals = rng.standard_normal((n_volumes, 3))
    lost = [name in missing for name in "abc"]
    signals[:, lost] = np.nan
    scan = Scan(participant_id="1", kind="bold", path=Path(f"run-{run}.nii.gz"), entities={"run": str(run)})
    kept = np.arange(n_volumes) >= run
    qc = scan_qc(
        scan, kept=kept, tr_s=2.0, n_regions=3, n_regions_missing=sum(lost), coverage=np.array([1, 0.9, run / 10])
    )
    qc = replace(qc, mean_fd_mm=run / 10, max_fd_mm=float(run), warnings=(f"note {run}",))
    return ScanData(
        scan=scan,
        regions=("a", "b", "c"),
        signals=signals[kept],
        unfiltered=signals,
        missing=missing,
        tr_s=2.0,
        qc=qc,
        atlas="x",
    )


def test_one_scan_stays_as_it_is() -> None:
    scan = make_scan(1)
    assert concatenate_scans([scan]) is scan


def test_signals_follow_each_other() -> None:
    first, second = make_scan(1), make_scan(2, 30)
    data = concatenate_scans([first, second])
    assert_array_equal(data.signals, np.concatenate([first.signals, second.signals]))
    assert data.run_lengths == (40, 30)
    assert len(data.unfiltered) == 70


def test_missing_in_one_is_missing_in_all() -> None:
    data = concatenate_scans([make_scan(1), make_scan(2, b="outside")])
    assert data.missing == {"b": "sub-1 run-2: outside"}
    assert np.isnan(data.signals[:, 1]).all()
    assert np.isfinite(data.signals[:, [0, 2]]).all()
    assert data.qc.n_regions_missing == 1


def test_quality_adds_up() -> None:
    qc = concatenate_scans([make_scan(1, 40), make_scan(3, 20)]).qc
    assert (qc.n_volumes, qc.n_volumes_kept) == (60, 39 + 17)
    assert qc.minutes_kept == pytest.approx((39 + 17) * 2 / 60)
    assert qc.mean_fd_mm == pytest.approx((0.1 * 40 + 0.3 * 20) / 60)
    assert qc.max_fd_mm == 3
    assert qc.censored.sum() == 4
    assert qc.region_coverage.tolist() == [1, 0.9, 0.1]
    assert qc.warnings == ("sub-1 run-1: note 1", "sub-1 run-3: note 3")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regions": ("a", "b", "d")}, "2 regions are in one only"),
        ({"regions": ("a", "c", "b")}, "order"),
        ({"tr_s": 0.8}, "0.8 s"),
        ({"signals": None}, "only time series"),
        ({"missing": dict.fromkeys("abc", "gone")}, "no region"),
    ],
)
def test_unlike_scans_are_refused(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        concatenate_scans([make_scan(1), replace(make_scan(2), **change)])
