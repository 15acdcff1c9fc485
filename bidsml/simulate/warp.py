"""The known map from a simulated head to the template: rigid and scale, local shrinking, a smooth random warp."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter
from scipy.spatial.transform import Rotation

from bidsml.records import FloatArray

GRID_MM = 8.0
SMOOTHNESS_MM = 20.0
# The template is large, 1.86 l; with this along each axis the mean brain has 1.4 l, as adults have
# (Allen et al. 2002, doi:10.1002/ajhb.10061).
TEMPLATE_SIZE = 1.1
# Corner and extent of the box that holds a head in template space, in mm.
BOX_ORIGIN_MM = np.array([-112.0, -148.0, -136.0])
BOX_SHAPE_MM = np.array([224.0, 264.0, 256.0])


@dataclass(frozen=True)
class Atrophy:
    """Tissue that is smaller in the head than in the template.

    Attributes
    ----------
    centre_mm
        Where, in template space before the random warp.
    radius_mm
        Standard deviation of the Gaussian fall-off.
    volume_lost
        Share of the volume that is lost at the centre; negative for growth.
    """

    centre_mm: tuple[float, float, float]
    radius_mm: float
    volume_lost: float


@dataclass(frozen=True)
class HeadWarp:
    """Map from native to template points.

    ``template = z + displacement(z)``, where ``z`` is the native point after the affine and the atrophies.

    Attributes
    ----------
    affine
        ``(4, 4)``, native mm to mm in the template's box.
    coefficients
        Cubic spline coefficients of the displacement, ``(3, x, y, z)`` on a grid of ``GRID_MM``.
    """

    affine: FloatArray
    coefficients: FloatArray
    atrophies: tuple[Atrophy, ...] = ()

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """Template points of native points, both ``(k, 3)`` in mm."""
        points = points_mm @ self.affine[:3, :3].T + self.affine[:3, 3]
        for atrophy in self.atrophies:
            offset = points - np.asarray(atrophy.centre_mm)
            fall = np.exp(-(offset**2).sum(axis=1, keepdims=True) / (2 * atrophy.radius_mm**2))
            # The Jacobian at the centre is (1 + s)³: what was lost is spread over more of the template.
            points = points + ((1 - atrophy.volume_lost) ** (-1 / 3) - 1) * fall * offset
        grid = ((points - BOX_ORIGIN_MM) / GRID_MM).T
        moved = [map_coordinates(c, grid, order=3, mode="nearest", prefilter=False) for c in self.coefficients]
        warped: FloatArray = points + np.stack(moved, axis=1)
        return warped


def draw_warp(rng: np.random.Generator, *, warp_mm: float, atrophies: tuple[Atrophy, ...] = ()) -> HeadWarp:
    """Draw a head's position, size and shape.

    Parameters
    ----------
    warp_mm
        Largest displacement of the smooth warp in template mm; the affine (a few degrees and mm, size within 5 % of
        an adult's) comes on top.
    """
    shape = np.ceil(BOX_SHAPE_MM / GRID_MM).astype(int) + 1
    noise = gaussian_filter(rng.normal(size=(3, *shape)), (0, *[SMOOTHNESS_MM / GRID_MM] * 3), mode="nearest")
    inner = noise[:, 4:-4, 4:-4, 8:-4]  # where brains lie
    displacement = noise * (warp_mm / np.sqrt((inner**2).sum(axis=0).max()))
    coefficients = np.stack([spline_filter(axis, order=3, mode="nearest") for axis in displacement])
    affine = np.eye(4)
    rotation = Rotation.from_euler("xyz", rng.uniform(-5, 5, 3), degrees=True).as_matrix()
    affine[:3, :3] = rotation * (TEMPLATE_SIZE * rng.uniform(0.95, 1.05, 3))
    affine[:3, 3] = rng.uniform(-6, 6, 3)
    return HeadWarp(affine=affine, coefficients=coefficients, atrophies=atrophies)
