"""Rigid head motion of every volume, by Gauss-Newton least squares.

Each volume is compared with the reference at points of the brain, both smoothed by the same Gaussian and cubic
B-spline. The derivatives are those of the reference, computed once (inverse composition: Baker & Matthews 2004,
Int J Comput Vis 56:221, doi:10.1023/B:VISI.0000011205.11775.fd). A gain takes up changes of global brightness;
Huber's weights, at the end Tukey's, leave out what changes locally, such as activation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from bidsml.preproc.functional.frames import Volume
from bidsml.preproc.functional.rigid import centre_of_view, inverse, move_points, rigid_matrix, rigid_parameters
from bidsml.records import FloatArray

HEAD_RADIUS_MM = 50.0
MAX_POINTS = 20_000
MAX_ITERATIONS = 30
SMALLEST_GAIN = 0.1
STOP_MM = 0.002
CLOSE_MM = 0.05
# 95 % efficient for Gaussian noise: Holland & Welsch 1977, Commun Stat 6:813, doi:10.1080/03610927708827533.
HUBER = 1.345
TUKEY = 4.685
# Smoothing in voxels: enough that a cubic B-spline without prefilter follows the image between its voxels.
SIGMA_VOXELS = 0.8


@dataclass(frozen=True, eq=False)
class Target:
    """What volumes are aligned to.

    Attributes
    ----------
    points_mm
        ``(n, 3)`` points of the brain in the reference.
    values
        ``(n,)`` the smoothed reference there.
    jacobian
        ``(n, 7)``: derivatives by the six parameters and by the gain.
    """

    affine: FloatArray
    centre_mm: FloatArray
    points_mm: FloatArray
    values: FloatArray
    jacobian: FloatArray


def prepare_target(reference: Volume, mask: NDArray[np.bool_], affine: FloatArray) -> Target:
    """Sample the smoothed reference and its derivatives at points of the brain.

    Parameters
    ----------
    reference
        ``(x, y, z)``.
    mask
        Where the brain is, dilated so that its edge is inside.
    """
    centre_mm = centre_of_view(reference.shape, affine)
    inside = mask.copy()
    for axis in range(3):  # the outermost voxels have no derivative
        inside[(slice(None),) * axis + (slice(0, 1),)] = False
        inside[(slice(None),) * axis + (slice(-1, None),)] = False
    voxels = np.argwhere(inside)
    # An even sample: more points cost time and gain nothing.
    voxels = voxels[:: max(1, ceil(len(voxels) / MAX_POINTS))]
    smooth = _smooth(reference)
    on_grid = _at_grid(smooth)
    gradient = np.stack([g[tuple(voxels.T)] for g in np.gradient(on_grid)], axis=1)  # (n, 3) per voxel
    gradient = gradient @ inverse(affine[:3, :3])  # per mm
    points = move_points(voxels.astype(np.float64), affine)
    values = on_grid[tuple(voxels.T)].astype(np.float64)
    jacobian = np.column_stack([gradient, np.cross(points - centre_mm, gradient), values])
    return Target(affine, centre_mm, points, values, jacobian)


def estimate_motion(frames: Iterable[Volume], target: Target) -> FloatArray:
    """Estimate where the head lies in each volume.

    Parameters
    ----------
    frames
        Volumes on the reference's grid, in the order of time: each begins where the one before ended.

    Returns
    -------
    FloatArray
        ``(n_volumes, 6)``: see :mod:`bidsml.preproc.functional.rigid`.
    """
    start = np.eye(4)
    estimated = []
    for frame in frames:
        start = align(frame, target, start)
        estimated.append(rigid_parameters(start, target.centre_mm))
    return np.array(estimated)


def align(frame: Volume, target: Target, start: FloatArray) -> FloatArray:
    """Find the rigid matrix ``(4, 4)`` that leads from the reference's head to a volume's.

    A start that leads nowhere (a volume that lost the head) is tried again from rest.
    """
    smooth = _smooth(frame)
    found, residual = _descend(smooth, target, start)
    if not np.allclose(start, np.eye(4)) and residual > 0.2 * float(np.std(target.values)):
        again, other = _descend(smooth, target, np.eye(4))
        found = again if other < residual else found
    return found


def _descend(smooth: Volume, target: Target, start: FloatArray) -> tuple[FloatArray, float]:
    """Gauss-Newton from one start; the matrix and the robust spread of what is left."""
    matrix = start
    spread = float("inf")
    to_voxels = inverse(target.affine)
    is_close = False
    gain = 1.0
    for _ in range(MAX_ITERATIONS):
        places = move_points(target.points_mm, to_voxels @ matrix)
        values = map_coordinates(smooth, places.T, order=3, prefilter=False, mode="nearest")
        residual = values - gain * target.values
        spread = float(np.median(np.abs(residual))) / 0.6745
        relative = np.abs(residual) / max(spread, 1e-12)
        # Far from the truth everything differs: only near it is a large difference no matter of motion.
        weights = _tukey(relative) if is_close else np.minimum(1.0, HUBER / np.maximum(relative, 1e-12))
        scaled = target.jacobian * [*[gain] * 6, 1.0]
        step = _solve(scaled, residual, weights)
        gain = max(gain + float(step[6]), SMALLEST_GAIN)
        # I(T x) = Ref(E x) with E = T*^-1 T: the true motion is T E^-1.
        matrix = matrix @ inverse(rigid_matrix(step[:6], target.centre_mm))
        length_mm = np.abs(step[:3]).max() + HEAD_RADIUS_MM * np.abs(step[3:6]).max()
        if is_close and length_mm < STOP_MM:
            break
        is_close = is_close or length_mm < CLOSE_MM
    return matrix, spread


def _tukey(relative: FloatArray) -> FloatArray:
    """Biweights of residuals in units of their spread: 0 beyond 4.685."""
    return np.asarray(np.maximum(0.0, 1 - (relative / TUKEY) ** 2) ** 2, dtype=np.float64)


def _solve(jacobian: FloatArray, residual: FloatArray, weights: FloatArray) -> FloatArray:
    weighted = jacobian * weights[:, None]
    normal = weighted.T @ jacobian
    return np.asarray(np.linalg.lstsq(normal, weighted.T @ residual, rcond=None)[0], dtype=np.float64)


def _smooth(frame: Volume) -> Volume:
    smooth: Volume = gaussian_filter(frame, SIGMA_VOXELS, mode="nearest")
    return smooth


def _at_grid(smooth: Volume) -> Volume:
    """Values of the cubic B-spline with coefficients ``smooth``, at the voxels themselves."""
    from scipy.ndimage import correlate1d

    values = smooth
    for axis in range(3):
        values = correlate1d(values, [1 / 6, 4 / 6, 1 / 6], axis=axis, mode="nearest")
    return values
