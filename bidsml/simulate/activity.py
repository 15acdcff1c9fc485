"""What the regions of a simulated brain do over time: networks at rest, and responses to events."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from nilearn.glm.first_level import compute_regressor
from scipy.signal import lfilter

from bidsml.records import FloatArray


@dataclass(frozen=True)
class Activation:
    """Responses to events.

    Attributes
    ----------
    events
        Columns ``onset`` and ``duration`` in s, ``trial_type``.
    percent
        By trial type: percent signal change by region number (from 1), e.g. ``{"face": {3: 2.0}}``.
    """

    events: pd.DataFrame
    percent: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


def rest_activity(times_s: FloatArray, covariance: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Slow noise that is correlated between regions.

    Parameters
    ----------
    times_s
        Equally spaced, ``(n_times,)``.
    covariance
        ``(n_regions, n_regions)``.

    Returns
    -------
    ndarray
        ``(n_times, n_regions)`` with variances as in ``covariance``.
    """
    if not covariance.any():
        return np.zeros((len(times_s), len(covariance)))
    warmup = 40
    white = rng.multivariate_normal(
        np.zeros(len(covariance)), covariance, size=len(times_s) + warmup, method="cholesky"
    )
    # An AR(1) process that forgets half of itself in 3 s, whatever the spacing; unit gain of variance.
    memory = 0.5 ** ((times_s[1] - times_s[0]) / 3.0) if len(times_s) > 1 else 0.0
    slow: FloatArray = lfilter([np.sqrt(1 - memory**2)], [1.0, -memory], white, axis=0)[warmup:]
    return slow


def evoked_activity(times_s: FloatArray, activation: Activation, n_regions: int) -> FloatArray:
    """Responses with the canonical Glover haemodynamic response, in percent, ``(n_times, n_regions)``."""
    activity = np.zeros((len(times_s), n_regions))
    for trial_type, rows in activation.events.groupby("trial_type"):
        condition = np.array([rows["onset"], rows["duration"], np.ones(len(rows))], dtype=float)
        response = compute_regressor(condition, "glover", times_s, con_id="c")[0][:, 0]
        for region, percent in activation.percent.get(str(trial_type), {}).items():
            activity[:, region - 1] += percent * response
    return activity


def network_covariance(networks: tuple[str, ...], *, within: float = 0.5, shared: float = 0.1) -> FloatArray:
    """Give every region variance 1; those of one network correlate by ``within + shared``, others by ``shared``."""
    same = np.array([[a == b for b in networks] for a in networks])
    covariance: FloatArray = within * same + shared
    np.fill_diagonal(covariance, 1.0)
    return covariance
