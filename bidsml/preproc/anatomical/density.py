"""Grey-matter density in template space: warped, modulated by the Jacobian determinant, smoothed."""

from pathlib import Path

import nibabel as nib
import numpy as np

from bidsml.preproc.anatomical.images import AntsImage, ants_affine, at_working_size
from bidsml.records import FloatArray


def modulated_density(gray: AntsImage, template: AntsImage, *, forward: Path, scratch: Path) -> FloatArray:
    """Warp a tissue map to the template, so that sums stay what they were in the participant.

    The warped density is multiplied by the Jacobian determinant of the map from template to participant
    (Good et al. 2001, doi:10.1006/nimg.2001.0786).

    Parameters
    ----------
    gray
        Probability of grey matter, native.
    template
        Decides the grid.
    forward
        Composite transform that brings images to the template.

    Returns
    -------
    ndarray
        Participant's grey matter per template volume, the template's shape.
    """
    import ants

    # Averaged to the template's voxel size first: sampling a finer map point by point would lose or count twice.
    source = at_working_size(gray, min(template.spacing))
    warped = ants.apply_transforms(template, source, [str(forward)], interpolator="linear").numpy()
    field = ants.apply_transforms(template, source, [str(forward)], compose=str(scratch / "composed_"))
    jacobian = ants.create_jacobian_determinant_image(template, field, do_log=False, geom=True).numpy()
    return np.asarray(np.clip(warped, 0, None) * np.clip(jacobian, 0, None), dtype=np.float64)


def smooth_density(density: FloatArray, template: AntsImage, *, fwhm_mm: float) -> FloatArray:
    """Smooth a density in template space with a Gaussian of full width ``fwhm_mm``; 0 leaves it as it is."""
    if fwhm_mm == 0:
        return density
    from nilearn.image import smooth_img

    smoothed = smooth_img(nib.Nifti1Image(density.astype(np.float32), ants_affine(template)), fwhm_mm)
    return np.asarray(smoothed.dataobj, dtype=np.float64)
