"""Known head motion: the parameters, and what they do to points.

The head at volume ``t`` is ``x_moved = R (x - c) + c + d`` in world mm (RAS), with ``c`` the centre of the field of
view, ``R = Rz(rz) Ry(ry) Rx(rx)`` in radians and ``d = (tx, ty, tz)`` in mm.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from bidsml.records import FloatArray

HEAD_RADIUS_MM = 50.0
TWITCH_VOLUMES = 1.5


def draw_motion(n_volumes: int, *, motion_mm: float, rng: np.random.Generator) -> FloatArray:
    """Draw a path that begins at rest: it drifts, now and then stays where it jumped to, and more often twitches.

    In a published run of a person who moves (AOMIC PIOP1, 200 volumes) displacement has a median of 0.29 mm, a
    standard deviation of 0.35 mm, and 3.3 mm between the extremes: twitches, not the drift, make it vary.

    Parameters
    ----------
    motion_mm
        Largest translation along one axis; rotations move points at 50 mm about as far.

    Returns
    -------
    ndarray
        ``(n_volumes, 6)``: tx, ty, tz in mm, rx, ry, rz in radians.
    """
    walk = gaussian_filter1d(np.cumsum(rng.normal(size=(n_volumes, 6)), axis=0), 3.0, axis=0, mode="nearest")
    path = walk / max(np.abs(walk - walk[0]).max(), 1e-12)
    for onset in rng.integers(1, max(n_volumes, 2), size=max(1, n_volumes // 50)):
        path[onset:] += rng.uniform(-0.4, 0.4, 6)
    fading = np.exp(-np.arange(n_volumes) / TWITCH_VOLUMES)
    for onset in rng.integers(1, max(n_volumes, 2), size=n_volumes // 10):
        path[onset:] += np.outer(fading[: n_volumes - onset], rng.uniform(-0.3, 0.3, 6))
    path -= path[0]
    scaled = path * (motion_mm / max(np.abs(path).max(), 1e-12))
    scaled[:, 3:] /= HEAD_RADIUS_MM
    moved: FloatArray = scaled
    return moved


def move_points(points_mm: FloatArray, parameters: FloatArray, centre_mm: FloatArray) -> FloatArray:
    """Where points of the head at rest, ``(k, 3)``, are after a motion of six ``parameters``."""
    rotation = Rotation.from_euler("xyz", parameters[3:]).as_matrix()
    moved: FloatArray = (points_mm - centre_mm) @ rotation.T + centre_mm + parameters[:3]
    return moved


def unmove_points(points_mm: FloatArray, parameters: FloatArray, centre_mm: FloatArray) -> FloatArray:
    """Undo :func:`move_points`."""
    rotation = Rotation.from_euler("xyz", parameters[3:]).as_matrix()
    rest: FloatArray = (points_mm - centre_mm - parameters[:3]) @ rotation + centre_mm
    return rest


def framewise_displacement(motion: FloatArray) -> FloatArray:
    """Power 2012 (doi:10.1016/j.neuroimage.2011.10.018), 50 mm sphere, in mm, ``(n_volumes,)``; the first is NaN."""
    steps = np.abs(np.diff(motion, axis=0)) * np.array([1, 1, 1, *[HEAD_RADIUS_MM] * 3])
    return np.concatenate([[np.nan], steps.sum(axis=1)])
