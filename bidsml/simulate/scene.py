"""A simulated head as a BOLD sequence sees it."""

import numpy as np
from nibabel.affines import apply_affine
from nilearn.datasets import load_mni152_brain_mask
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

from bidsml.records import FloatArray, IntArray
from bidsml.simulate.cohort import parcellate
from bidsml.simulate.head import SimulatedHead

# T2*-weighted brightness of each tissue; the head's shell keeps a fifth of its T1w brightness.
BRIGHTNESS = {"GM": 0.75, "WM": 0.6, "CSF": 1.0}
SHELL = 0.2


class Scene:
    """T2*-weighted brightness at any point of a head at rest.

    Parameters
    ----------
    voxel_mm
        Size of the BOLD voxels, over which brightness is averaged.

    Attributes
    ----------
    networks
        One name per region.
    """

    def __init__(self, head: SimulatedHead, voxel_mm: float) -> None:
        self._to_voxels = np.linalg.inv(head.t1w.affine)
        sigma = voxel_mm / 2.355 / float(head.t1w.header.get_zooms()[0])  # FWHM of one voxel
        brain = np.asarray(head.brain.dataobj) > 0
        brightness = np.where(brain, 0.0, SHELL * np.asarray(head.clean.dataobj))
        for name, image in head.tissues.items():
            brightness += BRIGHTNESS[name] * np.asarray(image.dataobj)
        # Cubic, so that motion by parts of a voxel does not change the sharpness.
        self._brightness = spline_filter(gaussian_filter(brightness, sigma), order=3)
        self._grey = gaussian_filter(np.asarray(head.grey.dataobj, dtype=float), sigma)
        self._regions, self.networks = _regions(head, brain)

    def look(self, points_mm: FloatArray, activity: FloatArray, slices: IntArray) -> FloatArray:
        """Brightness of points of the T1w's space.

        Parameters
        ----------
        points_mm
            ``(k, 3)``.
        activity
            Percent change of grey matter, ``(n_regions, n_slices)``.
        slices
            Which column of ``activity`` counts for each point, ``(k,)``.
        """
        grid = apply_affine(self._to_voxels, points_mm).T
        region = map_coordinates(self._regions, grid, order=0)
        change = np.vstack([np.zeros(activity.shape[1]), activity])[region, slices] / 100
        grey = map_coordinates(self._grey, grid, order=1)
        brightness = map_coordinates(self._brightness, grid, order=3, prefilter=False).clip(0)
        seen: FloatArray = brightness + BRIGHTNESS["GM"] * grey * change
        return seen


def _regions(head: SimulatedHead, brain: NDArray[np.bool_]) -> tuple[IntArray, tuple[str, ...]]:
    """Region number of each T1w voxel, 0 outside the brain; networks of the regions."""
    template = load_mni152_brain_mask(resolution=2)
    numbers, _, networks = parcellate(template)
    points = head.to_template(apply_affine(head.t1w.affine, np.argwhere(brain)))
    grid = apply_affine(np.linalg.inv(template.affine), points).T
    regions = np.zeros(brain.shape, dtype=np.int64)
    regions[brain] = map_coordinates(numbers, grid, order=0)
    return regions, networks
