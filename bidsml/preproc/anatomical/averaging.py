"""Align several T1w images of one session to the first, and average them."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from bidsml.preproc.anatomical.images import ants_affine, at_working_size, to_ants
from bidsml.preproc.anatomical.registration import RIGID, register
from bidsml.records import FloatArray


def average_t1w(images: Sequence[nib.Nifti1Image], *, scratch: Path) -> nib.Nifti1Image:
    """Average T1w images in the grid of the first.

    Each is aligned rigidly by mutual information and divided by the mean of its bright half, so that a scanner's
    gain does not weigh one more than another. A voxel that lies outside some image is averaged over the others.

    Parameters
    ----------
    images
        Conformed images, the first one decides the grid.
    scratch
        Folder for temporary files.
    """
    import ants

    first = to_ants(images[0])
    total = np.asarray(images[0].dataobj, dtype=np.float64) / _brightness(first.numpy())
    count = np.ones(total.shape)
    for number, image in enumerate(images[1:]):
        moving = to_ants(image)
        moved = register(
            at_working_size(first), at_working_size(moving), stages=[RIGID], prefix=scratch / f"average{number}_"
        )
        inside = moving.new_image_like(np.ones(moving.shape, dtype=np.float32))
        covered = ants.apply_transforms(first, inside, [str(moved.forward)], interpolator="linear").numpy() > 0.5
        values = ants.apply_transforms(first, moving, [str(moved.forward)], interpolator="linear").numpy()
        total += np.where(covered, values, 0) / _brightness(moving.numpy())
        count += covered
    mean = total / count * _brightness(first.numpy())
    return nib.Nifti1Image(mean.astype(np.float32), ants_affine(first))


def _brightness(values: FloatArray) -> float:
    positive = values[values > 0]
    return float(positive[positive > positive.mean()].mean())
