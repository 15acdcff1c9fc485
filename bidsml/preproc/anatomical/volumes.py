"""Volumes of tissues, and of grey matter by region of an atlas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import read_volume
from bidsml.preproc.regions import MIN_COVERAGE, locate_regions
from bidsml.preproc.volumes import Series
from bidsml.records import PLAUSIBLE_BRAIN_ML, Atlas, FloatArray

MM3_PER_ML = 1000.0


@dataclass(frozen=True, eq=False)
class RegionDensity:
    """Grey matter of all regions of an atlas, in its order.

    Attributes
    ----------
    volume_ml
        ``(n_regions,)``: grey matter in the participant, NaN where the region is missing.
    mean_density
        ``(n_regions,)``: mean of the smoothed, modulated density.
    coverage
        Share of each region inside the field of view, 0-1.
    missing
        Why a region is missing, by name.
    """

    names: tuple[str, ...]
    volume_ml: FloatArray
    mean_density: FloatArray
    coverage: FloatArray
    missing: Mapping[str, str]


def tissue_volumes_ml(mask: Path, tissues: Sequence[Path]) -> dict[str, float]:
    """Volumes of the brain mask and of each tissue (sums of probabilities), in ml.

    Parameters
    ----------
    mask
        Brain.
    tissues
        GM, WM, CSF.

    Returns
    -------
    dict
        ``total_brain``, ``total_gray_matter``, ``total_white_matter``, ``total_csf``.
    """
    names = ("total_gray_matter", "total_white_matter", "total_csf")
    brain = read_volume(mask)
    volumes = {"total_brain": float((np.asarray(brain.dataobj) > 0.5).sum()) * _voxel_ml(brain)}
    for name, path in zip(names, tissues, strict=True):
        image = read_volume(path)
        volumes[name] = float(np.asarray(image.dataobj, dtype=np.float64).sum()) * _voxel_ml(image)
    return volumes


def measure_regions(modulated: Path, smoothed: Path, atlas: Atlas) -> RegionDensity:
    """Measure the grey matter of every region.

    Parameters
    ----------
    modulated
        Density times Jacobian determinant, unsmoothed: its sum is a volume.
    smoothed
        The same, smoothed, in the same grid.
    atlas
        In the same space.

    Raises
    ------
    DataError
        The two images differ in their grids, or no region lies in them.
    """
    image, smooth = read_volume(modulated), read_volume(smoothed)
    if image.shape != smooth.shape or not np.allclose(image.affine, smooth.affine, atol=1e-3):
        raise DataError(
            f"{smoothed}: grid {smooth.shape} is not that of {modulated.name} {image.shape}",
            hint="delete the work folder and run again",
        )
    voxels, coverage = locate_regions(atlas, _grid_of(modulated, image), np.ones(image.shape, dtype=np.bool_))
    density = np.asarray(image.dataobj, dtype=np.float64).ravel(order="F")
    means = np.asarray(smooth.dataobj, dtype=np.float64).ravel(order="F")
    missing: dict[str, str] = {}
    volume_ml, mean = np.full(len(voxels), np.nan), np.full(len(voxels), np.nan)
    for number, (name, where) in enumerate(zip(atlas.names, voxels, strict=True)):
        if not len(where):
            missing[name] = "lies outside the template image"
        elif coverage[number] < MIN_COVERAGE:
            missing[name] = f"only {100 * coverage[number]:.0f} % lie inside the template image"
        else:
            volume_ml[number] = density[where].sum() * _voxel_ml(image)
            mean[number] = means[where].mean()
    if len(missing) == len(atlas.names):
        raise DataError(
            f"{modulated}: none of the {len(atlas.names)} regions of atlas {atlas.name} lies in it",
            hint="are image and atlas in one space?",
        )
    return RegionDensity(atlas.names, volume_ml, mean, coverage, missing)


def _voxel_ml(image: nib.Nifti1Image) -> float:
    return float(abs(np.linalg.det(np.asarray(image.affine)[:3, :3]))) / MM3_PER_ML


def _grid_of(path: Path, image: nib.Nifti1Image) -> Series:
    x, y, z = image.shape
    return Series(
        path=path,
        shape=(x, y, z),
        n_volumes=1,
        affine=np.asarray(image.affine, dtype=np.float64),
        dtype=np.dtype(np.float32),
        offset=0,
        slope=1.0,
        intercept=0.0,
        tr_s=None,
    )


# ------------------------------------------------------------------ judgement

# Right masks of 20 real brains had a Dice of 0.94 to 0.99, right warps of four a correlation of 0.67 to 0.77.
MIN_TEMPLATE_DICE = 0.90
MIN_TEMPLATE_CORRELATION = 0.55


def judge_anatomy(volumes_ml: Mapping[str, float], *, dice: float, correlation: float, stripped: bool) -> list[str]:
    """Say what is doubtful about a brain mask and its registration.

    Parameters
    ----------
    volumes_ml
        From :func:`tissue_volumes_ml`.
    dice
        Of the warped brain mask with the template's.
    correlation
        Of the warped T1w with the template.
    stripped
        Whether the input had no skull.
    """
    warnings: list[str] = []
    lowest, highest = PLAUSIBLE_BRAIN_ML
    if not lowest <= volumes_ml["total_brain"] <= highest:
        warnings.append(f"brain volume {volumes_ml['total_brain']:.0f} ml, outside {lowest:.0f}-{highest:.0f} ml")
    if dice < MIN_TEMPLATE_DICE:
        warnings.append(f"brain mask overlaps the template's by Dice {dice:.2f} only, below {MIN_TEMPLATE_DICE:.2f}")
    if correlation < MIN_TEMPLATE_CORRELATION:
        warnings.append(
            f"T1w correlates with the template by {correlation:.2f} only, below {MIN_TEMPLATE_CORRELATION:.2f}"
        )
    if stripped:
        warnings.append("the T1w came skull-stripped; its brain mask is what was not zero")
    return warnings
