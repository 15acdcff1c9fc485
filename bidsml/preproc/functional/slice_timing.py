"""Slice timing: bring all slices of a volume to one time.

Each slice's time series is shifted by a quintic B-spline (Unser 1999, IEEE Signal Process Mag 16:22,
doi:10.1109/79.799930) to the middle of the acquisition.
"""

from pathlib import Path

import numpy as np
from scipy.interpolate import BSpline
from scipy.ndimage import correlate1d, spline_filter1d

from bidsml.errors import DataError
from bidsml.preproc.functional.frames import DATA_OFFSET, FrameWriter, iter_frames
from bidsml.preproc.volumes import Series
from bidsml.records import FloatArray, RawBold

ORDER = 5
# Slices closer in time than this need no correction (multiband packs, 3-D readouts).
SMALLEST_RANGE_S = 0.001


def acquisition_times_s(bold: RawBold, shape: tuple[int, int, int]) -> tuple[int, FloatArray] | None:
    """Say along which axis slices lie, and when each was acquired.

    Parameters
    ----------
    shape
        Of one volume.

    Returns
    -------
    tuple or None
        Axis 0-2 and ``(n_slices,)`` times in s in the order of voxel indices; ``None`` where the sidecar doesn't tell,
        or where all slices are acquired at once.

    Raises
    ------
    DataError
        Another number of times than slices, or times outside the repetition time.
    """
    if not bold.slice_times_s:
        return None
    axis = "ijk".find(bold.slice_axis[:1])
    times = np.array(bold.slice_times_s, dtype=np.float64)
    hint = "correct SliceTiming and SliceEncodingDirection, or set preprocess.slice_timing = false"
    if axis < 0 or len(times) != shape[axis]:
        raise DataError(
            f"{bold.path}: SliceTiming has {len(times)} times along {bold.slice_axis!r}, "
            f"the image is {' × '.join(map(str, shape))} voxels",
            hint=hint,
        )
    if not (np.isfinite(times).all() and times.min() >= 0 and times.max() <= bold.tr_s):
        raise DataError(
            f"{bold.path}: SliceTiming runs from {times.min():g} to {times.max():g} s, "
            f"the repetition time is {bold.tr_s:g} s",
            hint=f"{hint}; times are in seconds",
        )
    if np.ptp(times) < SMALLEST_RANGE_S:
        return None
    return axis, times[::-1].copy() if bold.slice_axis.endswith("-") else times


def middle_time_s(times_s: FloatArray) -> float:
    """Time within the repetition that slices are brought to: half way between the first and the last slice."""
    return float((times_s.min() + times_s.max()) / 2)


def shift_series(values: FloatArray, shift: float) -> FloatArray:
    """Take time series at moments ``shift`` samples later.

    Parameters
    ----------
    values
        ``(n_samples, n_series)``.
    shift
        In samples; the ends are mirrored.
    """
    whole = int(np.floor(shift))
    coefficients = spline_filter1d(values, order=ORDER, axis=0, mode="mirror", output=np.float64)
    basis = BSpline.basis_element(np.arange(ORDER + 2) - (ORDER + 1) / 2, extrapolate=False)
    # x(t + whole + f) = sum_k c(t + whole + k) B(f - k)
    reach = np.arange(-3, 4)
    weights = np.nan_to_num(basis((shift - whole) - reach))
    shifted: FloatArray = correlate1d(coefficients, weights, axis=0, mode="mirror")
    if not whole:
        return shifted
    index = np.arange(len(values)) + whole
    last = len(values) - 1
    return np.asarray(shifted[np.abs(last - np.abs(last - index))])


def correct_slices(series: Series, out: Path, *, axis: int, times_s: FloatArray, tr_s: float, n_dummy: int) -> Path:
    """Write the run with every slice brought to the middle time.

    Volumes before the steady state are copied: their brightness would ring into the others.

    Parameters
    ----------
    out
        ``.nii``; float32.
    axis, times_s
        From :func:`acquisition_times_s`.
    """
    shape = (*series.shape, series.n_volumes)
    with FrameWriter(out, shape, affine=series.affine, tr_s=tr_s) as writer:
        for frame in iter_frames(series):
            writer.write(frame)
    # Slices are changed in place in the file: the run need not fit into memory.
    run = np.memmap(out, dtype="<f4", mode="r+", offset=DATA_OFFSET, shape=shape, order="F")
    steady = np.moveaxis(run, (3, axis), (0, 1))[n_dummy:]  # (n_steady, n_slices, …)
    for index, time_s in enumerate(times_s):
        slab = np.array(steady[:, index])
        shifted = shift_series(slab.reshape(len(slab), -1), (middle_time_s(times_s) - time_s) / tr_s)
        steady[:, index] = shifted.reshape(slab.shape)
    run.flush()
    return out
