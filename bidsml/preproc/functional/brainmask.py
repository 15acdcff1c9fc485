"""Brain masks of BOLD images."""

import warnings

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_fill_holes, gaussian_filter

from bidsml.preproc.functional.frames import volume_sizes_mm
from bidsml.records import FloatArray

Mask = NDArray[np.bool_]

# A brain smaller or larger than this (in litres) was not found.
PLAUSIBLE_LITRES = (0.3, 2.5)
# A voxel with less than this share of the brain's median signal has lost it to susceptibility.
DROPOUT = 0.1


def find_brain(reference: NDArray[np.float32], affine: FloatArray) -> tuple[Mask, tuple[str, ...]]:
    """Find the brain in a BOLD reference image by its histogram (nilearn's ``compute_epi_mask``).

    Returns
    -------
    mask
        ``(x, y, z)``.
    notes
        Empty, or why the mask is only a threshold.
    """
    from nilearn.masking import compute_epi_mask

    litres = 0.0
    # Along an axis of thick voxels the opening would eat the brain's top: open by about 6 mm.
    opening = max(1, round(6.0 / float(volume_sizes_mm(affine).max())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = compute_epi_mask(nib.Nifti1Image(reference, affine), opening=opening, ensure_finite=True)
            mask = binary_fill_holes(np.asarray(found.dataobj) > 0)
            litres = float(mask.sum() * abs(np.linalg.det(affine[:3, :3])) / 1e6)
        except ValueError:  # nilearn: the histogram has no valley
            mask = np.zeros(reference.shape, dtype=bool)
    if PLAUSIBLE_LITRES[0] <= litres <= PLAUSIBLE_LITRES[1]:
        return mask, ()
    smooth = gaussian_filter(reference, 1.0)
    mask = smooth > 0.3 * np.quantile(smooth, 0.98)
    return mask, (f"the brain was not found in the BOLD reference ({litres:.2f} l): a threshold stands in for it",)


def dilate_mm(mask: Mask, affine: FloatArray, radius_mm: float) -> Mask:
    """Dilate a mask by a radius in mm."""
    from scipy.ndimage import distance_transform_edt

    if not mask.any():
        return mask
    grown: Mask = distance_transform_edt(~mask, sampling=volume_sizes_mm(affine)) <= radius_mm
    return grown


def has_signal(values: NDArray[np.float32], mask: Mask) -> Mask:
    """Say which voxels keep at least a tenth of the median signal in ``mask``."""
    limit = DROPOUT * float(np.median(values[mask])) if mask.any() else 0.0
    kept: Mask = values > limit
    return kept


def close_by(mask: Mask, n_voxels: int = 1) -> Mask:
    """Dilate a mask by whole voxels."""
    grown: Mask = binary_dilation(mask, iterations=n_voxels)
    return grown
