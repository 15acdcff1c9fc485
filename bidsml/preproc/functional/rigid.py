"""Rigid motion of the head: six parameters, matrices, and what they do to points.

The head at volume ``t`` is ``x_moved = R (x - c) + c + d`` in world mm (RAS): ``c`` is the centre of the field of
view, ``R = Rz(rz) Ry(ry) Rx(rx)`` in radians, ``d = (tx, ty, tz)`` in mm. Parameters are always in the order
tx, ty, tz, rx, ry, rz.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from bidsml.records import FloatArray


def centre_of_view(shape: tuple[int, ...], affine: FloatArray) -> FloatArray:
    """Centre of an image's field of view in mm, ``(3,)``."""
    middle = (np.array(shape[:3]) - 1) / 2
    centre: FloatArray = affine[:3, :3] @ middle + affine[:3, 3]
    return centre


def rigid_matrix(parameters: FloatArray, centre_mm: FloatArray) -> FloatArray:
    """Matrix ``(4, 4)`` in world mm of six parameters."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", parameters[3:]).as_matrix()
    matrix[:3, 3] = parameters[:3] + centre_mm - matrix[:3, :3] @ centre_mm
    return matrix


def rigid_parameters(matrix: FloatArray, centre_mm: FloatArray) -> FloatArray:
    """Six parameters of a rigid matrix: the inverse of :func:`rigid_matrix`."""
    shift = matrix[:3, 3] + matrix[:3, :3] @ centre_mm - centre_mm
    angles = Rotation.from_matrix(matrix[:3, :3]).as_euler("xyz")
    parameters: FloatArray = np.concatenate([shift, angles])
    return parameters


def move_points(points_mm: FloatArray, matrix: FloatArray) -> FloatArray:
    """Apply a ``(4, 4)`` matrix to points ``(n, 3)``."""
    moved = matrix[:3, :3] @ points_mm.T  # (3, n): several times faster than (n, 3)
    moved += matrix[:3, 3, None]
    return np.asarray(moved.T, dtype=np.float64)


def inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a ``(4, 4)`` matrix."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def relative_to(motion: FloatArray, volume: int, centre_mm: FloatArray) -> FloatArray:
    """Express motion ``(n, 6)`` relative to where the head lay at one volume: that row becomes 0."""
    back = inverse(rigid_matrix(motion[volume], centre_mm))
    return np.stack([rigid_parameters(rigid_matrix(row, centre_mm) @ back, centre_mm) for row in motion])
