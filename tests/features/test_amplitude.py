"""Amplitudes of sines and noise with known answers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bidsml.errors import DataError
from bidsml.features.amplitude import extract_amplitude
from bidsml.records import ScanData
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data

TIME_S = np.arange(300) * 2.0


def extract(data: ScanData, measure: str) -> np.ndarray:
    return extract_amplitude(data, block="a", options=FeatureSpec(kind="amplitude", measure=measure)).values


def sine(frequency_hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * TIME_S)


def test_falff_tells_slow_from_fast() -> None:
    signals = np.stack([sine(0.04), sine(0.2), sine(0.005)], axis=1)
    slow, fast, drift = extract(make_data(signals), "falff")
    assert slow > 0.9
    assert fast < 0.1
    assert drift < 0.3  # leaks a little over the lower limit


def test_falff_of_white_noise_is_the_share_of_the_band() -> None:
    noise = np.random.default_rng(0).standard_normal((3000, 20))
    # 0.07 Hz of 0.25 Hz; spread of the mean over 20 regions of 1500 frequencies is below 0.002
    assert extract(make_data(noise), "falff").mean() == pytest.approx(0.07 / 0.25, abs=0.01)


def test_alff_grows_with_the_signal_and_falff_does_not(correlated: np.ndarray) -> None:
    once, scaled = make_data(correlated), make_data(4 * correlated + 100)
    assert_allclose(extract(scaled, "alff"), 4 * extract(once, "alff"))
    assert_allclose(extract(scaled, "falff"), extract(once, "falff"))


def test_alff_is_the_mean_root_of_the_one_sided_spectrum(correlated: np.ndarray) -> None:
    """Independent: by hand from numpy's FFT, after a straight line is taken out."""
    time = np.arange(len(correlated))
    line = np.polynomial.polynomial.polyfit(time, correlated, 1)
    flat = correlated - np.polynomial.polynomial.polyval(time, line).T
    frequencies = np.fft.rfftfreq(len(flat), 2.0)
    power = 2 * np.abs(np.fft.rfft(flat, axis=0)) ** 2 * 2.0 / len(flat)
    band = (frequencies >= 0.01) & (frequencies <= 0.08)
    assert_allclose(extract(make_data(correlated), "alff"), np.sqrt(power[band]).mean(axis=0))


def test_runs_are_measured_apart(correlated: np.ndarray) -> None:
    jump = correlated.copy()
    jump[100:] += 500
    runs = (100, 200)
    assert_allclose(
        extract(make_data(jump, run_lengths=runs), "alff"), extract(make_data(correlated, run_lengths=runs), "alff")
    )
    parts = [extract(make_data(part), "alff") for part in (correlated[:100], correlated[100:])]
    assert_allclose(
        extract(make_data(correlated, run_lengths=runs), "alff"), np.average(parts, axis=0, weights=[100, 200])
    )


@pytest.mark.parametrize(("n_volumes", "tr_s", "words"), [(300, None, "repetition time"), (50, 2.0, "200 s")])
def test_what_is_needed(correlated: np.ndarray, n_volumes: int, tr_s: float | None, words: str) -> None:
    with pytest.raises(DataError, match=words):
        extract(make_data(correlated[:n_volumes], tr_s=tr_s), "alff")


def test_censored_ready_series_have_no_spectrum(correlated: np.ndarray) -> None:
    correlated[:3] = np.nan  # before the steady state: left out
    assert np.isfinite(extract(make_data(correlated), "falff")).all()
    correlated[100] = np.nan
    with pytest.raises(DataError, match="1 were censored"):
        extract(make_data(correlated), "falff")
