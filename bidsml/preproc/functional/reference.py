"""The reference image of a run: a sharp, steady average that all volumes are aligned to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.preproc.functional.brainmask import close_by, find_brain
from bidsml.preproc.functional.frames import MIN_VOLUMES, Volume, iter_frames, read_frames
from bidsml.preproc.functional.head_motion import align, prepare_target
from bidsml.preproc.functional.resampling import sample_frame
from bidsml.preproc.functional.rigid import inverse, move_points
from bidsml.preproc.functional.steady_state import count_dummies
from bidsml.preproc.volumes import Series
from bidsml.records import FloatArray

AVERAGED_VOLUMES = 16


@dataclass(frozen=True, eq=False)
class Reference:
    """A run's reference.

    Attributes
    ----------
    image, mask
        ``(x, y, z)``: the average, and a brain mask found in it.
    n_dummy
        Volumes before the steady state.
    volume
        The volume whose head position the reference has.
    """

    image: Volume
    mask: NDArray[np.bool_]
    n_dummy: int
    volume: int
    notes: tuple[str, ...] = ()


def make_reference(series: Series, *, dummy_volumes: int | None) -> Reference:
    """Find the steady state and average volumes of it, each aligned to the most typical one.

    Parameters
    ----------
    dummy_volumes
        Volumes before the steady state; ``None``: found in the data.

    Raises
    ------
    DataError
        Fewer than 10 volumes are left after those before the steady state.
    """
    n_dummy = dummy_volumes
    if n_dummy is None:
        n_dummy = count_dummies(np.array([float(frame.mean()) for frame in iter_frames(series)]))
    if series.n_volumes - n_dummy < MIN_VOLUMES:
        raise DataError(
            f"{series.path}: {series.n_volumes} volumes less {n_dummy} before the steady state leave too few",
            hint=f"at least {MIN_VOLUMES} steady volumes are needed; see preprocess.dummy_volumes",
        )
    steady = np.arange(n_dummy, series.n_volumes)
    chosen = np.unique(np.linspace(steady[0], steady[-1], min(AVERAGED_VOLUMES, len(steady))).astype(np.int64))
    frames = read_frames(series, chosen)
    typical = _most_typical(frames)
    mask, _ = find_brain(frames[typical], series.affine)
    target = prepare_target(frames[typical], close_by(mask), series.affine)
    average = _aligned_average(frames, [align(frame, target, np.eye(4)) for frame in frames], series.affine)
    mask, notes = find_brain(average, series.affine)
    return Reference(average, mask, int(n_dummy), int(chosen[typical]), notes)


def _most_typical(frames: NDArray[np.float32]) -> int:
    """Volume that differs least from the median over volumes."""
    middle = np.median(frames, axis=0)
    return int(np.argmin([float(np.abs(frame - middle).mean()) for frame in frames]))


def _aligned_average(frames: NDArray[np.float32], matrices: list[FloatArray], affine: FloatArray) -> Volume:
    shape = frames.shape[1:]
    points = move_points(np.indices(shape).reshape(3, -1).T.astype(np.float64), affine)
    to_voxels = inverse(affine)
    total = np.zeros(shape)
    for frame, matrix in zip(frames, matrices, strict=True):
        values = sample_frame(frame, move_points(points, to_voxels @ matrix))
        total += values.reshape(shape)
    average: Volume = np.maximum(total / len(frames), 0.0).astype(np.float32)
    return average
