"""A simulated T1w head whose brain mask, tissues and map to the template are known."""

from dataclasses import dataclass
from functools import cache

import nibabel as nib
import numpy as np
from nilearn.datasets import (
    load_mni152_brain_mask,
    load_mni152_gm_template,
    load_mni152_template,
    load_mni152_wm_template,
)
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from bidsml.records import FloatArray
from bidsml.simulate.shell import paint_shell, to_box
from bidsml.simulate.warp import BOX_ORIGIN_MM, BOX_SHAPE_MM, Atrophy, HeadWarp, draw_warp

__all__ = ["Atrophy", "SimulatedHead", "simulate_head"]

SCALE = 600.0  # int16 values per unit of brightness


@dataclass(frozen=True)
class SimulatedHead:
    """A T1w image and its truth, all on one native grid.

    Attributes
    ----------
    t1w
        The measured image, int16.
    brain
        True brain mask, uint8.
    grey, white, fluid
        True tissue probabilities 0-1, float32; they sum to 1 in the brain.
    clean
        T1w without bias field and noise, float32.
    to_template
        True map ``(k, 3)`` native mm to ``(k, 3)`` template mm.
    """

    t1w: nib.Nifti1Image
    brain: nib.Nifti1Image
    grey: nib.Nifti1Image
    white: nib.Nifti1Image
    fluid: nib.Nifti1Image
    clean: nib.Nifti1Image
    to_template: HeadWarp

    @property
    def tissues(self) -> dict[str, nib.Nifti1Image]:
        """Tissue probabilities by the labels of BIDS."""
        return {"GM": self.grey, "WM": self.white, "CSF": self.fluid}


def simulate_head(
    *,
    seed: int,
    voxel_mm: float = 2.0,
    warp_mm: float = 8.0,
    noise: float = 0.03,
    bias: float = 0.3,
    atrophies: tuple[Atrophy, ...] = (),
) -> SimulatedHead:
    """Deform the packaged MNI152 brain by a known warp and put it into a head.

    Parameters
    ----------
    seed
        The same seed gives the same head; ``atrophies`` change the brain only where they are.
    voxel_mm
        Isotropic voxel size of the T1w image.
    warp_mm
        Largest displacement of the smooth random warp.
    noise
        Standard deviation of the Rician noise, as a share of the brightness of white matter.
    bias
        The coil's sensitivity varies between ``1 - bias`` and ``1 + bias``.
    atrophies
        Known losses of volume.
    """
    streams = [np.random.default_rng([seed, number]) for number in range(4)]
    warp = draw_warp(streams[0], warp_mm=warp_mm, atrophies=atrophies)
    affine, shape = _native_grid(voxel_mm, warp, streams[1])
    resolution_mm = 1 if voxel_mm < 2 else 2
    template = _template_images(resolution_mm)
    sources = [*template, paint_shell(template[0], voxel_mm=resolution_mm, rng=streams[2])]
    names = ("brain", "grey", "white", "t1w", "shell")
    sampled = dict(zip(names, _sample(sources, affine, shape, warp), strict=True))
    brain = sampled["brain"] > 0.5
    grey, white = (np.where(brain, sampled[name], 0).clip(0, 1) for name in ("grey", "white"))
    fluid = np.where(brain, (1 - grey - white).clip(0), 0)
    clean = np.where(brain, sampled["t1w"], sampled["shell"])
    measured = _measure(clean, bias=bias, noise=noise, rng=streams[3])
    return SimulatedHead(
        t1w=_image(np.rint(measured * SCALE).astype(np.int16), affine),
        brain=_image(brain.astype(np.uint8), affine),
        grey=_image(grey.astype(np.float32), affine),
        white=_image(white.astype(np.float32), affine),
        fluid=_image(fluid.astype(np.float32), affine),
        clean=_image(clean.astype(np.float32), affine),
        to_template=warp,
    )


def _native_grid(voxel_mm: float, warp: HeadWarp, rng: np.random.Generator) -> tuple[FloatArray, tuple[int, ...]]:
    """Affine and shape of a slightly oblique grid around the head."""
    shape = tuple(int(n) for n in np.ceil(BOX_SHAPE_MM / voxel_mm))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-4, 4, 3), degrees=True).as_matrix() * voxel_mm
    middle = np.linalg.inv(warp.affine) @ np.append(BOX_ORIGIN_MM + BOX_SHAPE_MM / 2, 1.0)
    affine[:3, 3] = middle[:3] + rng.uniform(-3, 3, 3) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return affine, shape


@cache
def _template_images(resolution_mm: int) -> tuple[FloatArray, ...]:
    """Brain mask, grey matter, white matter and T1w, on the grid of the head's box. Read only."""
    loaders = (load_mni152_brain_mask, load_mni152_gm_template, load_mni152_wm_template, load_mni152_template)
    return tuple(to_box(load(resolution=resolution_mm), resolution_mm) for load in loaders)


def _sample(sources: list[FloatArray], affine: FloatArray, shape: tuple[int, ...], warp: HeadWarp) -> list[FloatArray]:
    """Pull images from the box's grid to the native grid."""
    voxels = np.indices(shape).reshape(3, -1).T
    template_mm = warp(nib.affines.apply_affine(affine, voxels))
    resolution_mm = BOX_SHAPE_MM[0] / sources[0].shape[0]
    grid = ((template_mm - BOX_ORIGIN_MM) / resolution_mm).T
    return [map_coordinates(source, grid, order=1).reshape(shape) for source in sources]


def _measure(clean: FloatArray, *, bias: float, noise: float, rng: np.random.Generator) -> FloatArray:
    """Add the coil's sensitivity and Rician noise (Gudbjartsson & Patz 1995, doi:10.1002/mrm.1910340618)."""
    coarse = gaussian_filter(rng.normal(size=(12, 12, 12)), 2.5)
    inner = coarse[3:-3, 3:-3, 3:-3]  # where the head is: the corners are air
    coarse = (2 * (coarse - inner.min()) / np.ptp(inner) - 1).clip(-1, 1)
    grid = np.meshgrid(*(np.linspace(0, 11, n) for n in clean.shape), indexing="ij")
    field = 1 + bias * map_coordinates(coarse, grid, order=3, mode="nearest").clip(-1, 1)
    real, imaginary = noise * 0.87 * rng.normal(size=(2, *clean.shape))
    measured: FloatArray = np.hypot(clean * field + real, imaginary)
    return measured


def _image(data: FloatArray, affine: FloatArray) -> nib.Nifti1Image:
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    return image
