"""Denoising: what must be removed, kept, refused and said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bidsml.errors import DataError
from bidsml.preproc.clean import clean_scan, extract_scan
from bidsml.preproc.confounds import Confounds
from bidsml.preproc.regions import RegionSignals
from bidsml.records import Atlas, Scan, ScanData
from bidsml.spec import DenoiseSpec
from tests.preproc.conftest import simulate_bold

N_VOLUMES = 200
TR_S = 2.0
SCAN = Scan(participant_id="1", kind="bold", path=Path("sub-1_bold.nii.gz"), entities={"task": "rest"})
WIDE = DenoiseSpec(strategy="none", high_pass_hz=0.0, low_pass_hz=0.0, fd_censor_mm=0.0)


def make_regions(signals: np.ndarray, missing: dict[str, str] | None = None) -> RegionSignals:
    names = tuple(f"r{n}" for n in range(signals.shape[1]))
    return RegionSignals(
        names=names,
        signals=signals,
        coverage=np.ones(len(names)),
        missing=missing or {},
        n_nonfinite_voxels=0,
        n_volumes=len(signals),
        tr_s=TR_S,
    )


def make_confounds(regressors: np.ndarray | None = None, fd_mm: np.ndarray | None = None, steady: int = 0) -> Confounds:
    columns = regressors if regressors is not None else np.empty((N_VOLUMES, 0))
    return Confounds(
        table=pd.DataFrame(columns, columns=[f"c{n}" for n in range(columns.shape[1])]),
        fd_mm=fd_mm if fd_mm is not None else np.empty(0),
        non_steady=np.arange(N_VOLUMES) < steady,
    )


def run(signals: np.ndarray, confounds: Confounds, denoise: DenoiseSpec = WIDE, **missing: str) -> ScanData:
    return clean_scan(
        SCAN, make_regions(signals, missing), confounds=confounds, denoise=denoise, tr_s=TR_S, atlas="power2011"
    )


@pytest.fixture
def signals() -> np.ndarray:
    return 1000 + 10 * np.random.default_rng(1).standard_normal((N_VOLUMES, 4))


def test_confounds_leave_no_trace(signals: np.ndarray) -> None:
    regressors = np.random.default_rng(2).standard_normal((N_VOLUMES, 5))
    mixed = signals + regressors @ np.full((5, 4), 30.0)
    data = run(mixed, make_confounds(regressors))
    for cleaned in (data.signals, data.unfiltered):
        assert np.abs(np.corrcoef(cleaned.T, regressors.T)[:4, 4:]).max() < 0.01
    # The regression is a projection: what was mixed in makes no difference.
    assert_allclose(data.signals, run(signals, make_confounds(regressors)).signals, atol=1e-10)


def test_signals_are_standardised_and_only_kept_volumes(signals: np.ndarray) -> None:
    fd_mm = np.full(N_VOLUMES, 0.1)
    fd_mm[0] = np.nan
    fd_mm[[50, 51, 120]] = 0.9
    denoise = DenoiseSpec(strategy="none", fd_censor_mm=0.5, high_pass_hz=0.01, low_pass_hz=0.1)
    data = run(signals, make_confounds(fd_mm=fd_mm, steady=3), denoise)
    assert data.signals.shape == (N_VOLUMES - 6, 4)
    assert_allclose(data.signals.mean(axis=0), 0, atol=1e-12)
    assert_allclose(data.signals.std(axis=0, ddof=1), 1)
    assert np.flatnonzero(data.qc.censored).tolist() == [0, 1, 2, 50, 51, 120]
    assert data.qc.minutes_kept == pytest.approx(194 * 2 / 60)
    assert data.qc.max_fd_mm == pytest.approx(0.9)


def test_censored_volume_has_no_influence(signals: np.ndarray) -> None:
    fd_mm = np.full(N_VOLUMES, 0.1)
    fd_mm[70] = 2.0
    denoise = DenoiseSpec(strategy="none", fd_censor_mm=0.5)
    spiked = signals.copy()
    spiked[70] += 5000
    confounds = make_confounds(fd_mm=fd_mm)
    assert_allclose(run(spiked, confounds, denoise).signals, run(signals, confounds, denoise).signals, atol=1e-9)
    # without censoring it does
    off = DenoiseSpec(strategy="none", fd_censor_mm=0.0)
    assert not np.allclose(run(spiked, confounds, off).signals, run(signals, confounds, off).signals, atol=0.1)


def test_band_pass_keeps_the_band_and_unfiltered_keeps_all() -> None:
    time = np.arange(N_VOLUMES) * TR_S
    slow, inside, fast = (np.sin(2 * np.pi * f * time) for f in (0.004, 0.04, 0.2))
    data = run(
        1000 + 10 * np.stack([inside, inside + fast, inside + slow], axis=1),
        make_confounds(),
        DenoiseSpec(strategy="none", high_pass_hz=0.01, low_pass_hz=0.1, fd_censor_mm=0.0),
    )
    # edges of the run apart, filtered copies agree with the sine inside the band
    assert np.corrcoef(data.signals[30:-30].T).min() > 0.99
    assert np.corrcoef(data.unfiltered[:, 0], data.unfiltered[:, 1])[0, 1] < 0.8


def test_unfiltered_is_in_percent_whatever_the_scanner_s_units(signals: np.ndarray) -> None:
    once, scaled = run(signals, make_confounds()), run(7.5 * signals, make_confounds())
    assert_allclose(once.unfiltered, scaled.unfiltered, rtol=1e-10)
    assert_allclose(once.unfiltered.std(axis=0), 1.0, rtol=0.2)  # 10 of 1000


def test_unfiltered_marks_volumes_before_the_steady_state(signals: np.ndarray) -> None:
    signals[:2] *= 3
    data = run(signals, make_confounds(steady=2))
    assert data.unfiltered.shape == (N_VOLUMES, 4)
    assert np.isnan(data.unfiltered[:2]).all()
    assert np.isfinite(data.unfiltered[2:]).all()
    assert_allclose(data.unfiltered[2:], run(signals[2:], shorter(2)).unfiltered, atol=1e-10)


def shorter(by: int) -> Confounds:
    confounds = make_confounds()
    return replace(confounds, table=confounds.table.iloc[by:], non_steady=confounds.non_steady[by:])


def test_demeaned_images_are_not_called_percent(signals: np.ndarray) -> None:
    data = run(signals - 1000, make_confounds())
    assert any("not in percent" in warning for warning in data.qc.warnings)
    assert_allclose(data.unfiltered.std(axis=0), 10, rtol=0.2)


def test_missing_regions_keep_their_columns(signals: np.ndarray) -> None:
    gone = signals.copy()
    gone[:, 1] = np.nan
    data = run(gone, make_confounds(), r1="outside")
    assert data.missing == {"r1": "outside"}
    assert np.isnan(data.signals[:, 1]).all()
    assert_allclose(data.signals[:, [0, 2, 3]], run(signals, make_confounds()).signals[:, [0, 2, 3]])


def test_region_that_is_a_confound_is_missing(signals: np.ndarray) -> None:
    data = run(signals, make_confounds(signals[:, [2]]))
    assert list(data.missing) == ["r2"]
    assert np.isnan(data.signals[:, 2]).all()
    assert data.qc.n_regions_missing == 1


def test_too_few_volumes_are_refused(signals: np.ndarray) -> None:
    regressors = np.random.default_rng(0).standard_normal((N_VOLUMES, 36))
    fd_mm = np.full(N_VOLUMES, 1.0)
    fd_mm[:45] = 0.1
    with pytest.raises(DataError, match="45 of 200 volumes"):
        run(signals, make_confounds(regressors, fd_mm), DenoiseSpec(strategy="none"))
    fd_mm[:] = 1.0
    with pytest.raises(DataError, match="0 of 200"):
        run(signals, make_confounds(fd_mm=fd_mm), DenoiseSpec(strategy="none"))


def test_little_freedom_is_said(signals: np.ndarray) -> None:
    regressors = np.random.default_rng(0).standard_normal((N_VOLUMES, 36))
    narrow = DenoiseSpec(strategy="none", high_pass_hz=0.01, low_pass_hz=0.08)
    # 200 volumes × 4 s × 0.07 Hz = 56, less 36 regressors
    assert run(signals, make_confounds(regressors), narrow).qc.warnings == ()
    warned = run(signals, make_confounds(np.column_stack([regressors, regressors[:, :3] ** 2])), narrow).qc.warnings
    assert "17 degrees" in warned[0]
    assert run(signals, make_confounds(regressors)).qc.warnings == ()


def test_table_of_another_length_is_refused(signals: np.ndarray) -> None:
    with pytest.raises(DataError, match="200 rows"):
        run(signals[:150], make_confounds())


def test_filter_needs_a_repetition_time_that_reaches_the_band(signals: np.ndarray) -> None:
    regions = make_regions(signals)
    for tr_s, message in ((None, "repetition time"), (8.0, "0.062 Hz")):
        with pytest.raises(DataError, match=message):
            clean_scan(
                SCAN, regions, confounds=make_confounds(), denoise=DenoiseSpec(strategy="none"), tr_s=tr_s, atlas="x"
            )


def test_notes_of_a_scan(save: Callable[..., Path], labels: Atlas) -> None:
    """No table, no mask, no atlas space, a header that says another repetition time: each is said."""
    scan = Scan(participant_id="1", kind="bold", path=save(simulate_bold(), tr_s=1.79), tr_s=2.0)
    data = extract_scan(scan, labels, DenoiseSpec(strategy="none"))
    said = " | ".join(data.qc.warnings)
    for words in ("motion is not known", "no brain mask", "space of atlas", "1.79 s"):
        assert words in said
    assert data.tr_s == 2.0
    assert data.atlas == "boxes"
    assert data.qc.tr_s == 2.0


@pytest.mark.parametrize(
    ("image", "atlas", "fits"),
    [
        ("MNI152NLin2009cAsym", "MNI152", True),
        ("MNI152NLin6Asym", "MNI152NLin2009cAsym", True),
        ("T1w", "MNI152", False),
        ("", "MNI152", False),
        ("fsaverage", "T1w", False),
    ],
)
def test_spaces(save: Callable[..., Path], labels: Atlas, image: str, atlas: str, fits: bool) -> None:
    scan = Scan(
        participant_id="1",
        kind="bold",
        path=save(simulate_bold()),
        tr_s=2.0,
        entities={"space": image} if image else {},
    )
    if not fits:
        with pytest.raises(DataError, match="space"):
            extract_scan(scan, replace(labels, space=atlas), WIDE)
        return
    data = extract_scan(scan, replace(labels, space=atlas), WIDE)
    assert any(image in w for w in data.qc.warnings) == (atlas != "MNI152")
