"""Read, check, conform and write 3-D images; convert between nibabel (RAS) and ANTs (LPS) without temporary files."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.preproc.volumes import load_image, read_voxels
from bidsml.records import FloatArray

AntsImage = Any
"""``ants.ANTsImage``, which has no usable type."""

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
WORKING_MM = 2.0
"""Voxel size at which masks, bias field and registration are estimated."""
# A T1w head coil image outside these bounds is a localizer, a partial slab or a scanner's mistake.
SMALLEST_SIDE_MM = 100.0
LARGEST_VOXEL_MM = 6.0
# Columns of an affine count as perpendicular up to the rounding of float32 quaternions.
SHEAR = 1e-3
# World codes of BIDS/NIfTI: 1 scanner, 2 aligned to another image, 4 MNI.
SCANNER_SPACE = 1
TEMPLATE_SPACE = 4


def read_volume(path: Path) -> nib.Nifti1Image:
    """Read one 3-D image as float32, checked.

    Trailing axes of length 1 are dropped. Voxels that are NaN or infinite become 0.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        The file is damaged, is not one 3-D volume, or does not vary.
    """
    image = load_image(path)
    values = read_voxels(path, image, dtype=np.float32)
    if values.ndim < 3 or np.prod(values.shape[3:]) != 1:
        raise DataError(f"{path}: expected one 3-D volume, found shape {image.shape}", hint="split or exclude it")
    values = np.nan_to_num(values.reshape(values.shape[:3]), nan=0.0, posinf=0.0, neginf=0.0)
    affine = np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise DataError(f"{path}: the affine matrix is singular: {affine.tolist()}", hint="repair the header")
    if np.ptp(values) == 0:
        raise DataError(f"{path}: every voxel is {values.flat[0]:g}", hint="exclude this image")
    return nib.Nifti1Image(values, affine)


def conform(image: nib.Nifti1Image, *, name: str) -> nib.Nifti1Image:
    """Bring a T1w image to RAS axes without interpolation, and resample it only where its axes are sheared.

    Parameters
    ----------
    image
        3-D image in any orientation.
    name
        For messages.

    Returns
    -------
    nib.Nifti1Image
        float32; axes run right, anterior, superior.

    Raises
    ------
    DataError
        The field of view or the voxels cannot be those of a whole-head T1w.
    """
    canonical = nib.as_closest_canonical(image)
    sizes_mm = np.linalg.norm(canonical.affine[:3, :3], axis=0)
    sides_mm = sizes_mm * canonical.shape
    if (sides_mm < SMALLEST_SIDE_MM).any() or (sizes_mm > LARGEST_VOXEL_MM).any():
        raise DataError(
            f"{name}: a T1w of the whole brain has sides of {SMALLEST_SIDE_MM:g} mm at least and voxels of "
            f"{LARGEST_VOXEL_MM:g} mm at most; found {_millimetres(sides_mm)} with voxels of {_millimetres(sizes_mm)}",
            hint="exclude this image with --bids-filter-file",
        )
    axes = canonical.affine[:3, :3] / sizes_mm
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR:
        from nilearn.image import resample_img

        canonical = resample_img(
            canonical,
            target_affine=np.diag(sizes_mm),
            interpolation="linear",
            force_resample=True,
            copy_header=True,
        )
    return nib.Nifti1Image(np.asarray(canonical.dataobj, dtype=np.float32), canonical.affine)


def _millimetres(lengths: FloatArray) -> str:
    return " × ".join(f"{length:.4g}" for length in lengths) + " mm"


def to_ants(image: nib.Nifti1Image) -> AntsImage:
    """Convert to an ANTs image of the same voxels in the same place."""
    import ants

    lps = RAS_TO_LPS @ np.asarray(image.affine, dtype=np.float64)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    return ants.from_numpy(
        np.asarray(image.dataobj, dtype=np.float32),
        origin=tuple(lps[:3, 3].tolist()),
        spacing=tuple(spacing.tolist()),
        direction=lps[:3, :3] / spacing,
    )


def ants_affine(image: AntsImage) -> FloatArray:
    """Voxel-to-mm matrix, RAS, of an ANTs image: ``(4, 4)``."""
    lps = np.eye(4)
    lps[:3, :3] = np.asarray(image.direction) * np.asarray(image.spacing)
    lps[:3, 3] = image.origin
    return np.asarray(RAS_TO_LPS @ lps)


def read_ants(path: Path) -> AntsImage:
    """Read one 3-D image for ANTs, checked as :func:`read_volume` does."""
    return to_ants(read_volume(path))


def write_volume(path: Path, values: NDArray[Any], *, affine: FloatArray, template: bool = False) -> Path:
    """Write a 3-D image: booleans as uint8, all else as float32; the same content gives the same bytes.

    Parameters
    ----------
    affine
        Voxel to mm, RAS.
    template
        Whether mm are those of a template (NIfTI code 4) rather than of the scanner (1).
    """
    kind = np.uint8 if values.dtype == np.bool_ else np.float32
    image = nib.Nifti1Image(values.astype(kind), affine)
    code = TEMPLATE_SPACE if template else SCANNER_SPACE
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    image.header.set_xyzt_units("mm", "sec")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def at_working_size(image: AntsImage, size_mm: float = WORKING_MM, *, nearest: bool = False) -> AntsImage:
    """Resample an ANTs image to isotropic voxels where it is finer than ``size_mm`` along some axis.

    Voxels are averaged first (Gaussian of half the step's width), so that a coarse grid holds no aliases.
    """
    import ants

    finest = min(image.spacing)
    if finest > 0.75 * size_mm and max(image.spacing) < 1.5 * size_mm:
        return image
    smoothed = image
    if not nearest and finest < size_mm:
        smoothed = ants.smooth_image(image, [size_mm / 2.355 * (s < size_mm) for s in image.spacing])
    return ants.resample_image(smoothed, (size_mm,) * 3, use_voxels=False, interp_type=1 if nearest else 0)


def orientation(image: nib.Nifti1Image) -> str:
    """Axis codes such as ``RAS``."""
    return "".join(aff2axcodes(image.affine))
