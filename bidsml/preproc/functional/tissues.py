"""Voxels of the BOLD image that lie in one tissue alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from bidsml.preproc.functional.resampling import iter_at_points
from bidsml.preproc.functional.rigid import inverse, move_points
from bidsml.preproc.functional.transforms import map_points
from bidsml.preproc.volumes import Series
from bidsml.records import FloatArray

TISSUES = ("GM", "WM", "CSF")
PURE = 0.95
LEAST = 0.3
MIN_VOXELS = 20


def tissue_fractions(
    maps: Mapping[str, nib.Nifti1Image], points_mm: FloatArray, voxel_mm: FloatArray, to_maps: Sequence[Path]
) -> dict[str, FloatArray]:
    """Share of each tissue in BOLD voxels.

    Parameters
    ----------
    maps
        Probability maps in one space by tissue.
    points_mm
        ``(n, 3)`` centres of the voxels in the space of the BOLD reference.
    voxel_mm
        ``(3,)`` their sizes.
    to_maps
        Transforms that lead points from the BOLD reference to the maps' space.

    Returns
    -------
    dict
        ``(n,)`` by tissue, 0-1.
    """
    from scipy.ndimage import map_coordinates

    mapped = map_points(points_mm, to_maps)
    fractions = {}
    for name, image in maps.items():
        affine = np.asarray(image.affine, dtype=np.float64)
        sizes = np.linalg.norm(affine[:3, :3], axis=0)
        # Axes of both images need not be parallel: a cube of the voxel's mean size.
        width = np.maximum(1, np.rint(np.cbrt(np.prod(voxel_mm)) / sizes)).astype(int)
        spread = uniform_filter(np.asarray(image.dataobj, dtype=np.float32), size=tuple(width), mode="constant")
        places = move_points(mapped, inverse(affine))
        fractions[name] = map_coordinates(spread, places.T, order=1, mode="constant").astype(np.float64)
    return fractions


def pure_voxels(fractions: Mapping[str, FloatArray]) -> tuple[dict[str, NDArray[np.bool_]], dict[str, str]]:
    """Choose voxels that are white matter alone, and CSF alone.

    Where fewer than 20 are 95 % pure, the 20 purest above 30 % are taken.

    Returns
    -------
    masks
        ``(n,)`` for ``CSF``, ``WM`` and ``combined``.
    notes
        What had to be relaxed, by tissue.
    """
    masks: dict[str, NDArray[np.bool_]] = {}
    notes: dict[str, str] = {}
    for name in ("CSF", "WM"):
        fraction = fractions[name]
        chosen = fraction >= PURE
        if chosen.sum() < MIN_VOXELS:
            order = np.argsort(-fraction, kind="stable")[:MIN_VOXELS]
            chosen = np.zeros(len(fraction), dtype=bool)
            chosen[order] = True
            chosen &= fraction > LEAST
            purest = f"the least pure of them {fraction[chosen].min():.0%}" if chosen.any() else "none above 30 %"
            notes[name] = f"few voxels are pure {name}: its signal comes from {int(chosen.sum())}, {purest}"
        masks[name] = chosen
    masks["combined"] = masks["CSF"] | masks["WM"]
    return masks, notes


def tissue_masks(
    maps: Mapping[str, nib.Nifti1Image], brain: NDArray[np.bool_], affine: FloatArray, to_maps: Sequence[Path]
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, str]]:
    """Choose pure white matter and CSF among the voxels of a brain mask.

    Parameters
    ----------
    maps
        Probability maps by tissue; empty where there are none.
    brain, affine
        ``(x, y, z)`` mask on the BOLD grid, and the grid's affine.

    Returns
    -------
    masks, notes
        As of :func:`pure_voxels`, for the voxels of ``brain`` in C order.
    """
    if not maps:
        none = np.zeros(int(brain.sum()), dtype=bool)
        note = "there are no tissue maps: this signal is not known"
        return dict.fromkeys(("CSF", "WM", "combined"), none), {"CSF": note, "WM": note}
    points = move_points(np.argwhere(brain).astype(np.float64), affine)
    voxel_mm: FloatArray = np.linalg.norm(affine[:3, :3], axis=0)
    return pure_voxels(tissue_fractions(maps, points, voxel_mm, to_maps))


def realigned_values(
    series: Series, motion: FloatArray, brain: NDArray[np.bool_], *, n_threads: int = 1
) -> NDArray[np.float32]:
    """Values of a run at the reference's brain voxels, ``(n_volumes, n_voxels)`` in C order, head motion undone."""
    points = move_points(np.argwhere(brain).astype(np.float64), series.affine)
    values = np.empty((series.n_volumes, len(points)), dtype=np.float32)
    for number, row in enumerate(iter_at_points(series, motion, points, n_threads=n_threads)):
        values[number] = row
    return values
