"""Variability of connectivity between sliding windows."""

import numpy as np
import pandas as pd
import pytest

from bidsml.errors import DataError
from bidsml.features import CATALOG
from bidsml.records import ScanQC
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data


def extract(signals: np.ndarray, *, censored: np.ndarray | None = None, runs: tuple[int, ...] = (), **keys: float):
    """SD of every edge, and the settings; TR 2 s."""
    qc = ScanQC(participant_id="1", label="sub-1", censored=censored if censored is not None else np.empty(0, bool))
    total = len(signals) if censored is None else len(censored)
    data = make_data(signals, qc=qc, unfiltered=np.zeros((total, signals.shape[1])), run_lengths=runs)
    options = FeatureSpec(kind="dynamic_connectivity", **keys)
    vector = CATALOG["dynamic_connectivity"].extract(data, block="d", options=options)
    return vector.values, vector.settings


@pytest.fixture
def signals() -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.standard_normal((240, 3)) + rng.standard_normal((240, 1))


def test_it_is_what_pandas_rolling_correlation_gives(signals):
    values, settings = extract(signals, window_s=50.0, step_s=6.0)
    table = pd.DataFrame(signals)
    wanted = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        rolling = table[a].rolling(25).corr(table[b]).to_numpy()[24::3]
        wanted.append(np.arctanh(rolling).std(ddof=1))
    np.testing.assert_allclose(values, wanted, rtol=1e-8)
    assert settings == {"window_s": 50.0, "step_s": 6.0, "taper_s": 0.0, "n_windows": len(range(0, 216, 3))}


def test_a_change_of_coupling_is_seen_and_a_constant_one_is_sampling_variability():
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((4000, 1))
    constant = rng.standard_normal((4000, 2)) + shared
    switching = rng.standard_normal((4000, 2)) + shared * np.repeat([0.0, 2.0] * 5, 400)[:, None]
    quiet, _ = extract(constant, window_s=100.0, step_s=100.0)
    loud, _ = extract(switching, window_s=100.0, step_s=100.0)
    # 80 disjoint windows of 50 independent volumes: the SD is 1 / sqrt(47), known to 8 %; three of these are 24 %.
    assert quiet[0] == pytest.approx(47**-0.5, rel=0.24)
    assert loud[0] > 4 * quiet[0]


def test_a_shorter_window_varies_more_by_chance(signals):
    short, _ = extract(signals, window_s=30.0)
    long, _ = extract(signals, window_s=120.0)
    assert (short > long).all()


def test_scale_and_level_of_signals_do_not_matter(signals):
    values, _ = extract(signals, taper_s=6.0)
    again, _ = extract(signals * [3.0, 0.1, 50.0] + [5.0, -2.0, 100.0], taper_s=6.0)
    np.testing.assert_allclose(values, again, rtol=1e-9)


def test_only_windows_without_a_censored_volume_count(signals):
    censored = np.zeros(240, dtype=bool)
    censored[100] = True
    values, settings = extract(signals[~censored], censored=censored, window_s=40.0, step_s=2.0)
    table = pd.DataFrame(np.where(censored[:, None], np.nan, signals))
    rolling = table[0].rolling(20).corr(table[1]).dropna()  # pandas too gives none for a window with a gap
    assert settings["n_windows"] == len(rolling) == 221 - 20
    assert values[0] == pytest.approx(np.arctanh(rolling).std(ddof=1), rel=1e-8)


def test_no_window_reaches_from_one_run_into_the_next(signals):
    _, one = extract(signals, window_s=40.0, step_s=2.0)
    _, two = extract(signals, window_s=40.0, step_s=2.0, runs=(120, 120))
    assert one["n_windows"] - two["n_windows"] == 19


def test_taper_gives_the_ends_less_weight(signals):
    plain, before = extract(signals, window_s=40.0, step_s=2.0)
    softened, after = extract(signals, window_s=40.0, step_s=2.0, taper_s=6.0)
    barely, same = extract(signals, window_s=40.0, step_s=2.0, taper_s=1e-3)
    assert after["n_windows"] == before["n_windows"] - 2 * 6  # 2 sigma more at each end
    assert not np.allclose(plain, softened)
    assert same["n_windows"] == before["n_windows"] - 2
    np.testing.assert_allclose(barely, extract(signals[1:-1], window_s=40.0, step_s=2.0)[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("keys", "n_volumes", "words"),
    [
        ({"window_s": 8.0}, 240, "has 4 volumes"),
        ({"window_s": 60.0}, 80, "2 of them do not overlap"),
        ({"window_s": 60.0, "step_s": 60.0}, 130, "4 windows of 30 volumes"),
    ],
)
def test_too_little_is_refused(signals, keys, n_volumes, words):
    with pytest.raises(DataError, match=words):
        extract(signals[:n_volumes], **keys)


def test_scattered_censoring_leaves_no_window(signals):
    censored = np.arange(240) % 20 == 0
    with pytest.raises(DataError, match="0 windows of 30 volumes") as caught:
        extract(signals[~censored], censored=censored)
    assert "fd_censor_mm" in caught.value.hint


def test_a_matrix_alone_is_refused():
    data = make_data(None, matrix=np.eye(4))
    with pytest.raises(DataError, match="needs time series"):
        CATALOG["dynamic_connectivity"].extract(data, block="d", options=FeatureSpec(kind="dynamic_connectivity"))
