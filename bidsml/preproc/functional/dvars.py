"""DVARS: how much the whole image changes from one volume to the next.

Power et al. 2012, NeuroImage 59:2142, doi:10.1016/j.neuroimage.2011.10.018; standardised as Nichols 2013, Notes on
creating a standardized version of DVARS, arXiv:1704.01469.
"""

import numpy as np
from numpy.typing import NDArray

from bidsml.records import FloatArray

NORMAL_MEDIAN = 1000.0
IQR_OF_NORMAL = 1.349
_CHUNK = 4096


def dvars(values: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Compute DVARS in the brain.

    Parameters
    ----------
    values
        ``(n_volumes, n_voxels)``, realigned; voxels that never change are left out.

    Returns
    -------
    dvars
        ``(n_volumes,)`` root mean square change, in units in which the median voxel's mean is 1000; first NaN.
    std_dvars
        The same over what is expected of a run that changes only by its own stationary noise: 1 is normal.
    """
    n_volumes = len(values)
    scale = NORMAL_MEDIAN / max(float(np.median(values.mean(axis=0))), 1e-12)
    squares = np.zeros(n_volumes - 1)
    expected, n_voxels = 0.0, 0
    for start in range(0, values.shape[1], _CHUNK):
        block = values[:, start : start + _CHUNK].astype(np.float64) * scale
        block = block[:, np.ptp(block, axis=0) > 0]
        squares += (np.diff(block, axis=0) ** 2).sum(axis=1)
        expected += float(_expected_change(block).sum())
        n_voxels += block.shape[1]
    if not n_voxels:
        return np.full(n_volumes, np.nan), np.full(n_volumes, np.nan)
    change = np.concatenate([[np.nan], np.sqrt(squares / n_voxels)])
    return change, change / max(expected / n_voxels, 1e-12)


def _expected_change(block: FloatArray) -> FloatArray:
    """Predict the standard deviation of the difference of neighbours in AR(1) noise of each voxel's robust spread."""
    low, high = np.quantile(block, [0.25, 0.75], axis=0)
    spread = (high - low) / IQR_OF_NORMAL
    centred = block - block.mean(axis=0)
    correlation = (centred[1:] * centred[:-1]).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-12)
    expected: FloatArray = np.sqrt(2 * np.clip(1 - correlation, 0, None)) * spread
    return expected
