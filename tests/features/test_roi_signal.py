"""Variability of signals with known answers."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bidsml.errors import DataError
from bidsml.features.roi_signal import extract_roi_signal
from bidsml.records import ScanData
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data


def extract(data: ScanData, measure: str) -> np.ndarray:
    return extract_roi_signal(data, block="v", options=FeatureSpec(kind="roi_signal", measure=measure)).values


def test_sd_is_the_sample_standard_deviation(correlated: np.ndarray) -> None:
    assert_allclose(extract(make_data(correlated), "sd"), correlated.std(axis=0, ddof=1))


def test_mssd_is_blind_to_drifts_that_sd_sees(correlated: np.ndarray) -> None:
    drift = correlated + np.linspace(0, 30, len(correlated))[:, None]
    assert_allclose(extract(make_data(drift), "mssd"), extract(make_data(correlated), "mssd"), rtol=0.02)
    assert (extract(make_data(drift), "sd") > 3 * extract(make_data(correlated), "sd")).all()


def test_mssd_of_white_noise_is_root_two_sd() -> None:
    noise = np.random.default_rng(0).standard_normal((20000, 2))
    # Standard error of a variance of 20,000 values: 1 %; of the ratio of roots about 1 %.
    assert_allclose(extract(make_data(noise), "mssd") / extract(make_data(noise), "sd"), np.sqrt(2), rtol=0.03)


@pytest.mark.parametrize("measure", ["sd", "mssd"])
def test_censored_and_unsteady_volumes_have_no_influence(correlated: np.ndarray, measure: str) -> None:
    censored = np.zeros(len(correlated), dtype=bool)
    censored[[0, 1, 60, 61, 200]] = True
    marked = correlated.copy()
    marked[:2] = np.nan
    data = make_data(marked)
    data = replace(data, qc=replace(data.qc, censored=censored))
    spiked = marked.copy()
    spiked[[60, 61, 200]] += 1000
    assert_allclose(extract(data, measure), extract(replace(data, unfiltered=spiked), measure))
    assert np.isfinite(extract(data, measure)).all()


@pytest.mark.parametrize("measure", ["sd", "mssd"])
def test_level_between_runs_does_not_count(correlated: np.ndarray, measure: str) -> None:
    shifted = correlated.copy()
    shifted[100:] += 50
    runs = (100, 200)
    assert_allclose(
        extract(make_data(shifted, run_lengths=runs), measure),
        extract(make_data(correlated, run_lengths=runs), measure),
    )


def test_too_short_or_absent(correlated: np.ndarray) -> None:
    with pytest.raises(DataError, match="needs 10 volumes"):
        extract(make_data(correlated[:6]), "sd")
    with pytest.raises(DataError, match="needs time series"):
        extract(make_data(), "sd")


def test_volumes_censored_by_another_tool_are_no_neighbours(correlated: np.ndarray) -> None:
    holed = correlated.copy()
    holed[100] = np.nan
    steps = np.delete(np.diff(correlated, axis=0), [99, 100], axis=0)
    assert_allclose(extract(make_data(holed), "mssd"), np.sqrt((steps**2).mean(axis=0)))
