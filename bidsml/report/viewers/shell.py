"""A coarse surface of the brain, to see where regions lie."""

from functools import cache
from typing import Any

import numpy as np

from bidsml.records import FloatArray, IntArray

_N_POINTS = 800
_LONGEST_MM = 120.0
_GRID_MM = 4


@cache
def brain_shell() -> tuple[IntArray, IntArray]:
    """Make a closed surface of the MNI152 brain, cerebellum and all, from nilearn's packaged mask.

    Rays leave the middle of the brain in even directions (a Fibonacci sphere); each ends where it leaves the smoothed
    mask for the last time. The triangles are those of the directions' convex hull.

    Returns
    -------
    vertices
        ``(n_vertices, 3)``, whole mm in MNI152 space.
    faces
        ``(n_faces, 3)``: numbers of vertices, turned so that their normals point outwards.
    """
    from nilearn.datasets import load_mni152_brain_mask
    from scipy.ndimage import gaussian_filter, map_coordinates
    from scipy.spatial import ConvexHull

    mask: Any = load_mni152_brain_mask(resolution=_GRID_MM)
    inside = gaussian_filter(mask.get_fdata(), 1.0)
    centre = np.argwhere(inside > 0.5).mean(axis=0)
    directions = _even_directions(_N_POINTS)
    steps = np.arange(0.0, _LONGEST_MM, 1.0)
    rays = centre[:, None, None] + directions.T[:, :, None] * steps / _GRID_MM  # (3, n_points, n_steps)
    within = map_coordinates(inside, rays, order=1) > 0.5
    radius = steps[within.shape[1] - 1 - np.argmax(within[:, ::-1], axis=1)]
    middle = mask.affine[:3, :3] @ centre + mask.affine[:3, 3]
    # A grid that is mirrored in x must not mirror the directions.
    axes = np.sign(np.diag(mask.affine)[:3])
    faces = ConvexHull(directions).simplices.astype(np.int64)
    vertices = np.rint(middle + directions * axes * radius[:, None]).astype(np.int64)
    return vertices, _outwards(vertices, faces, middle)


def _even_directions(n: int) -> FloatArray:
    """Make unit vectors on a golden spiral, ``(n, 3)``."""
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))
    height = 1 - (2 * np.arange(n) + 1) / n
    flat = np.sqrt(1 - height**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), height])


def _outwards(vertices: IntArray, faces: IntArray, middle: FloatArray) -> IntArray:
    a, b, c = (vertices[faces[:, corner]].astype(float) for corner in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a - middle) < 0
    turned = faces.copy()
    turned[inwards] = faces[inwards][:, ::-1]
    return turned
