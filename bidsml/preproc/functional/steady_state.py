"""Volumes before the magnetisation is steady."""

import numpy as np

from bidsml.records import FloatArray

SEARCHED_VOLUMES = 50
# Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers: modified z score and its limit.
MODIFIED_Z = 0.6745
LIMIT = 3.5
# T1 saturation is an effect of per cents; a smaller lead of the first volumes is drift.
SMALLEST_EXCESS = 0.005


def count_dummies(mean_signal: FloatArray) -> int:
    """Count the leading volumes that are brighter than the rest.

    Parameters
    ----------
    mean_signal
        ``(n_volumes,)`` mean over the image, from the first volume on.

    Returns
    -------
    int
        Leading volumes whose modified z score among the first 50 is above 3.5, and that are at least 0.5 % brighter
        than the median; at most a quarter of the volumes searched.
    """
    searched = np.asarray(mean_signal[:SEARCHED_VOLUMES], dtype=np.float64)
    middle = float(np.median(searched))
    excess = searched - middle
    spread = float(np.median(np.abs(excess)))
    bright = (MODIFIED_Z * excess > LIMIT * spread) & (excess > SMALLEST_EXCESS * abs(middle))
    count = int(np.argmin(bright)) if not bright.all() else 0
    return min(count, len(searched) // 4)
