"""Volumes before the steady state are those that are much brighter, and lead."""

import numpy as np
import pytest

from bidsml.preproc.functional.steady_state import count_dummies


def _signal(n: int = 100, seed: int = 0) -> np.ndarray:
    return 1000 + np.random.default_rng(seed).normal(scale=2, size=n)


@pytest.mark.parametrize("n_dummy", [0, 1, 3])
def test_bright_leading_volumes_are_counted(n_dummy):
    signal = _signal()
    signal[:n_dummy] *= 1 + 0.5 * 0.4 ** np.arange(n_dummy)
    assert count_dummies(signal) == n_dummy


def test_later_spikes_and_dark_starts_do_not_count():
    signal = _signal()
    signal[7] *= 1.5
    signal[0] *= 0.8
    assert count_dummies(signal) == 0


def test_drift_without_noise_does_not_count():
    assert count_dummies(np.linspace(1003, 1000, 200)) == 0


def test_constant_signal_has_none():
    assert count_dummies(np.full(30, 7.0)) == 0


def test_false_alarms_are_rare():
    # One volume of Gaussian noise lies beyond 3.5 on one side with p = 0.0002.
    assert np.mean([count_dummies(_signal(seed=s)) > 0 for s in range(300)]) < 0.02
