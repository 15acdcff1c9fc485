"""One interpolation from the measured volumes to any points: head motion and registration in one map."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, map_coordinates, spline_filter

from bidsml.preproc.functional.frames import FrameWriter, Volume, iter_frames
from bidsml.preproc.functional.rigid import centre_of_view, inverse, move_points, rigid_matrix
from bidsml.preproc.volumes import Series
from bidsml.records import FloatArray

# A point may leave the field of view in this share of the volumes, where it gets the value at the edge.
MAY_LEAVE = 0.05
# How far a cubic spline may overshoot the largest value measured.
OVERSHOOT = 1.3


@dataclass(frozen=True)
class Grid:
    """Voxels of an output image."""

    shape: tuple[int, int, int]
    affine: FloatArray


def coarser_grid(shape: tuple[int, ...], affine: FloatArray, size_mm: float) -> Grid:
    """Grid of isotropic voxels of ``size_mm`` over the same field of view, from the same first voxel."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    factor = size_mm / sizes
    coarse = affine.copy()
    coarse[:3, :3] = affine[:3, :3] * factor
    # Sizes in a header are rounded to float32: a whole voxel must not be lost by it.
    counts = np.floor((np.array(shape[:3]) - 1) / factor + 1e-3).astype(int) + 1
    return Grid((int(counts[0]), int(counts[1]), int(counts[2])), coarse)


def iter_at_points(
    series: Series, motion: FloatArray, points_mm: FloatArray, *, n_threads: int = 1
) -> Iterator[NDArray[np.float32]]:
    """Yield each volume's values at points of the reference, by one cubic spline interpolation.

    Parameters
    ----------
    motion
        ``(n_volumes, 6)``.
    points_mm
        ``(n_points, 3)`` in the space of the run's reference.
    n_threads
        Threads that share the points; the result doesn't depend on them.

    Yields
    ------
    ndarray
        ``(n_points,)``; outside the field of view the value at its edge.
    """
    centre_mm = centre_of_view(series.shape, series.affine)
    to_voxels = inverse(series.affine)
    parts = np.array_split(points_mm, n_threads)
    with ThreadPoolExecutor(n_threads) as pool:  # scipy frees the interpreter while it interpolates
        for frame, row in zip(iter_frames(series), motion, strict=True):
            matrix = to_voxels @ rigid_matrix(row, centre_mm)
            coefficients = spline_coefficients(frame)
            sampled = pool.map(_sample, repeat(coefficients), parts, repeat(matrix))
            yield np.concatenate(list(sampled))


def _sample(coefficients: Volume, points_mm: FloatArray, matrix: FloatArray) -> NDArray[np.float32]:
    return evaluate_spline(coefficients, move_points(points_mm, matrix))


def sample_frame(frame: Volume, places: FloatArray) -> NDArray[np.float32]:
    """Cubic spline interpolation of a volume at voxel coordinates ``(n, 3)``; beyond the edge the edge's value."""
    return evaluate_spline(spline_coefficients(frame), places)


def spline_coefficients(frame: Volume) -> Volume:
    """Coefficients of the cubic spline that goes through a volume's values."""
    coefficients: Volume = spline_filter(frame, order=3, mode="mirror", output=np.float32)
    return coefficients


def evaluate_spline(coefficients: Volume, places: FloatArray) -> NDArray[np.float32]:
    """Evaluate a cubic spline at voxel coordinates ``(n, 3)``."""
    # scipy's mode "nearest" would want other coefficients at the edge: stay inside instead.
    within = np.clip(places.T, 0, (np.array(coefficients.shape) - 1)[:, None])
    values: NDArray[np.float32] = map_coordinates(
        coefficients, within, order=3, prefilter=False, mode="mirror", output=np.float32
    )
    return values


def seen_throughout(
    shape: tuple[int, int, int], affine: FloatArray, motion: FloatArray, points_mm: FloatArray
) -> NDArray[np.bool_]:
    """Say which points lie inside the field of view in 95 % of the volumes at least: ``(n_points,)``."""
    centre_mm = centre_of_view(shape, affine)
    to_voxels = inverse(affine)
    inside = np.zeros(len(points_mm), dtype=np.int32)
    for row in motion:
        places = move_points(points_mm, to_voxels @ rigid_matrix(row, centre_mm))
        inside += np.all((places >= -0.5) & (places <= np.array(shape) - 0.5), axis=1)
    return np.asarray(inside >= (1 - MAY_LEAVE) * len(motion))


def write_resampled(
    series: Series,
    out: Path,
    *,
    motion: FloatArray,
    points_mm: FloatArray,
    where: NDArray[np.bool_],
    grid: Grid,
    tr_s: float,
    n_threads: int = 1,
) -> Path:
    """Write the run on a new grid, 0 outside ``where``.

    Parameters
    ----------
    points_mm
        ``(n, 3)``: for each voxel of ``where`` (in C order) its place in the run's reference.
    where
        Voxels of the grid that are filled.
    """
    frame = np.zeros(grid.shape, dtype=np.float32)
    near = _voxels_near(series, points_mm)
    largest = max(float(np.abs(measured[near]).max()) for measured in iter_frames(series))
    with FrameWriter(
        out,
        (*grid.shape, series.n_volumes),
        affine=grid.affine,
        tr_s=tr_s,
        largest=OVERSHOOT * largest,
        template=True,
    ) as writer:
        for values in iter_at_points(series, motion, points_mm, n_threads=n_threads):
            frame[where] = values
            writer.write(frame)
    return out


def _voxels_near(series: Series, points_mm: FloatArray) -> NDArray[np.bool_]:
    """Voxels of the run around points: what lies elsewhere (fat, spikes) must not spend the range of int16."""
    places = np.rint(move_points(points_mm, inverse(series.affine))).astype(int)
    near = np.zeros(series.shape, dtype=bool)
    near[tuple(np.clip(places, 0, np.array(series.shape) - 1).T)] = True
    grown: NDArray[np.bool_] = binary_dilation(near, iterations=2)
    return grown


def grid_points(where: NDArray[np.bool_], affine: FloatArray, transforms: Sequence[Path]) -> FloatArray:
    """Places in the run's reference, in mm, of the voxels of ``where``: ``(n, 3)`` in C order."""
    from bidsml.preproc.functional.transforms import map_points

    return map_points(move_points(np.argwhere(where).astype(np.float64), affine), transforms)
