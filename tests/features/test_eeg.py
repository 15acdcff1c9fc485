"""Band power and covariance of recordings, from known spectra."""

from pathlib import Path

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.features import check_feature
from bidsml.features.eeg_covariance import extract_eeg_covariance, shrink
from bidsml.features.eeg_power import BANDS, extract_eeg_power
from bidsml.matrices import edges_to_matrix
from bidsml.records import Scan, ScanData
from bidsml.spec import FeatureSpec

FREQUENCIES = np.arange(1.0, 45.5, 0.5)


def data(spectrum: np.ndarray, **change: object) -> ScanData:
    names = tuple(f"E{number}" for number in range(len(spectrum)))
    scan = Scan("1", "eeg", Path("sub-1_eeg.vhdr"))
    return ScanData(scan, regions=names, spectrum=spectrum, frequencies_hz=FREQUENCIES, **change)


def power(spectrum: np.ndarray, **keys: object):
    options = FeatureSpec(kind="eeg_power", **keys)
    return extract_eeg_power(data(spectrum), block="b", options=options)


def test_absolute_power_is_density_times_width():
    vector = power(np.full((1, len(FREQUENCIES)), 3.0), measure="absolute")
    expected = [np.log10(3.0 * (high - low)) for low, high in BANDS.values()]
    np.testing.assert_allclose(vector.values, expected)
    assert vector.names == tuple(f"E0_{band}" for band in BANDS)


def test_relative_power_does_not_depend_on_the_scale_and_its_shares_add_up():
    spectrum = np.random.default_rng(0).uniform(0.1, 2, (3, len(FREQUENCIES)))
    vector = power(spectrum)
    np.testing.assert_allclose(power(1e6 * spectrum).values, vector.values)
    np.testing.assert_allclose((10 ** vector.values.reshape(3, -1)).sum(axis=1), 1)


def test_bands_that_leave_a_gap_are_shares_of_the_whole_range():
    vector = power(np.ones((1, len(FREQUENCIES))), bands={"low": (2.0, 4.0), "high": (30.0, 42.0)})
    np.testing.assert_allclose(10**vector.values, [2 / 40, 12 / 40])
    assert vector.settings["bands_hz"] == {"low": [2.0, 4.0], "high": [30.0, 42.0]}


def test_a_missing_channel_is_missing_in_every_band():
    spectrum = np.ones((2, len(FREQUENCIES)))
    spectrum[1] = np.nan
    options = FeatureSpec(kind="eeg_power")
    vector = extract_eeg_power(data(spectrum, missing={"E1": "marked bad"}), block="b", options=options)
    assert np.isnan(vector.values).tolist() == [False] * 5 + [True] * 5
    assert vector.missing == {f"E1_{band}": "marked bad" for band in BANDS}


def test_a_band_between_two_frequencies_is_refused():
    with pytest.raises(DataError, match="holds no frequency"):
        power(np.ones((1, len(FREQUENCIES))), bands={"narrow": (10.1, 10.3)})


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"bands": {"slow": (0.5, 2.0)}}, "band slow"),
        ({"bands": {"alpha": (13.0, 8.0)}}, "band alpha"),
        ({"recording": {"low_pass_hz": 30.0}}, "band gamma"),
        # A share of itself: 1 for everyone.
        ({"bands": {"alpha": (8.0, 13.0)}}, "the one band alpha holds all of its power"),
        ({"kind": "eeg_covariance", "shrinkage": 0.0}, "singular"),
        ({"kind": "eeg_covariance", "bands": {"a": (1.0, 2.0)}}, "does not take 'bands'"),
    ],
)
def test_wrong_blocks_are_refused(keys, words):
    with pytest.raises(AnalysisFileError, match=words):
        check_feature(FeatureSpec(**{"kind": "eeg_power", **keys}), 0)


def test_shrinking_keeps_the_trace_and_makes_every_covariance_invertible():
    centred = np.eye(4) - 0.25
    shrunken = shrink(centred, 0.01)
    assert np.trace(shrunken) == pytest.approx(np.trace(centred))
    assert np.linalg.eigvalsh(shrunken).min() == pytest.approx(0.01 * 3 / 4)
    np.testing.assert_array_equal(shrink(centred, 0.0), centred)


def test_covariance_folds_back_and_a_missing_channel_is_nan():
    rng = np.random.default_rng(1)
    covariance = np.cov(rng.standard_normal((3, 100)))
    covariance[1], covariance[:, 1] = np.nan, np.nan
    given = data(np.ones((3, len(FREQUENCIES))), covariance=covariance, missing={"E1": "marked bad"})
    vector = extract_eeg_covariance(given, block="b", options=FeatureSpec(kind="eeg_covariance"))
    matrix = edges_to_matrix(vector.values, 3, "covariance")
    present = np.ix_([0, 2], [0, 2])
    np.testing.assert_allclose(matrix[present], shrink(covariance[present], 0.01))
    assert np.isnan(matrix[1]).all()
    assert (vector.layout, vector.nodes) == ("covariance", ("E0", "E1", "E2"))
