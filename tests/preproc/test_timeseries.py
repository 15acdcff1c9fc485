"""Ready-made time series: standardised and nothing more."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bidsml.errors import DataError
from bidsml.preproc.timeseries import clean_timeseries
from bidsml.records import Scan, ScanData
from bidsml.spec import DenoiseSpec

SCAN = Scan(participant_id="1", kind="timeseries", path=Path("x_timeseries.tsv"), entities={"atlas": "HO"})
NAMES = ("a", "b", "c")


def run(values: np.ndarray, names: tuple[str, ...] = NAMES, scan: Scan = SCAN) -> ScanData:
    return clean_timeseries(scan, names=names, values=values, denoise=DenoiseSpec(), tr_s=2.0)


@pytest.fixture
def values() -> np.ndarray:
    return 5 + 3 * np.random.default_rng(0).standard_normal((100, 3))


def test_standardises_without_filtering(values: np.ndarray) -> None:
    data = run(values)
    assert_allclose(data.signals, (values - values.mean(axis=0)) / values.std(axis=0, ddof=1), atol=1e-12)
    assert_allclose(data.unfiltered, values)
    assert data.atlas == "HO"
    assert data.qc.minutes_kept == pytest.approx(100 * 2 / 60)
    assert np.isnan(data.qc.mean_fd_mm)


def test_wholly_empty_volumes_were_censored_elsewhere(values: np.ndarray) -> None:
    values[[3, 40, 41]] = np.nan
    data = run(values)
    assert data.signals.shape == (97, 3)
    assert np.flatnonzero(data.qc.censored).tolist() == [3, 40, 41]
    assert data.missing == {}


def test_broken_regions_are_missing_with_their_reasons(values: np.ndarray) -> None:
    values = np.column_stack([values, values[:, 0]])
    values[:, 0] = np.nan
    values[7, 1] = np.inf
    values[:, 2] = 4.2
    data = run(values, names=("empty", "holed", "flat", "good"))
    assert set(data.missing) == {"empty", "holed", "flat"}
    assert "1 of 100" in data.missing["holed"]
    assert np.isnan(data.signals[:, :3]).all()
    assert np.isfinite(data.signals[:, 3]).all()
    assert data.qc.n_regions_missing == 3


def test_motion_is_read_where_it_lies_beside(values: np.ndarray, tmp_path: Path) -> None:
    table = tmp_path / "motion.tsv"
    table.write_text("framewise_displacement\nn/a\n" + "0.3\n" * 99)
    scan = Scan(participant_id="1", kind="timeseries", path=Path("x.tsv"), confounds=table)
    data = run(values, scan=scan)
    assert data.qc.mean_fd_mm == pytest.approx(0.3)
    assert data.signals.shape == (100, 3)


@pytest.mark.parametrize(
    ("names", "rows"), [(("a", "b"), 100), (("a", "b", "b"), 100), (NAMES, 5)], ids=["columns", "twice", "short"]
)
def test_unusable_series_are_refused(values: np.ndarray, names: tuple[str, ...], rows: int) -> None:
    with pytest.raises(DataError, match=r"x_timeseries\.tsv"):
        run(values[:rows], names=names)


def test_every_region_lost_is_an_error(values: np.ndarray) -> None:
    with pytest.raises(DataError, match="all 3 regions"):
        run(np.ones_like(values))
