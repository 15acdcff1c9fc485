"""Bring a run to template space, and masks between spaces."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import write_volume
from bidsml.preproc.functional.brainmask import Mask, dilate_mm, has_signal
from bidsml.preproc.functional.resampling import Grid, grid_points, sample_frame, seen_throughout, write_resampled
from bidsml.preproc.functional.rigid import inverse, move_points
from bidsml.preproc.functional.transforms import map_points
from bidsml.preproc.volumes import Series
from bidsml.records import FloatArray

# What smoothing needs around the brain.
MARGIN_MM = 4.0


def resample_run(
    series: Series,
    *,
    reference: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    grid: Grid,
    motion: FloatArray,
    transforms: Sequence[Path],
    tr_s: float,
    out_dir: Path,
    n_threads: int = 1,
) -> list[Path]:
    """Write run, reference and brain mask on a grid of the template.

    Parameters
    ----------
    reference
        BOLD reference, which ``motion`` is relative to.
    brain
        The template's brain mask, on any grid.
    transforms
        Lead points from the template to the reference, the first one first.

    Returns
    -------
    list of Path
        ``desc-preproc_bold``, ``boldref`` and ``desc-brain_mask``.

    Raises
    ------
    DataError
        Nothing of the template's brain is in the field of view.
    """
    inside = sample_at(brain, grid.shape, grid.affine) > 0.5
    wide = dilate_mm(inside, grid.affine, MARGIN_MM)
    points = grid_points(wide, grid.affine, transforms)
    seen = seen_throughout(series.shape, series.affine, motion, points)
    if not (seen & inside[wide]).any():
        raise DataError(
            f"{series.path}: none of the template's brain is in the field of view after registration",
            hint="look at the orientation in the headers of BOLD and T1w",
        )
    averaged = _fill(wide, _sample_reference(reference, points) * seen)
    where = _fill(wide, seen.astype(np.float64)) > 0
    mask = inside & where
    mask &= has_signal(averaged, mask)
    out = write_resampled(
        series,
        out_dir / "desc-preproc_bold.nii.gz",
        motion=motion,
        points_mm=points[seen],
        where=where,
        grid=grid,
        tr_s=tr_s,
        n_threads=n_threads,
    )
    return [
        out,
        write_volume(out_dir / "boldref.nii.gz", averaged, affine=grid.affine, template=True),
        write_volume(out_dir / "desc-brain_mask.nii.gz", mask, affine=grid.affine, template=True),
    ]


def _fill(where: NDArray[np.bool_], values: FloatArray) -> NDArray[np.float32]:
    """Put values of the voxels ``where`` on their grid, 0 elsewhere."""
    filled = np.zeros(where.shape, dtype=np.float32)
    filled[where] = values
    return filled


def _sample_reference(reference: nib.Nifti1Image, points_mm: FloatArray) -> FloatArray:
    """Interpolate the reference at points of its own space, never below 0."""
    to_voxels = inverse(np.asarray(reference.affine, dtype=np.float64))
    return np.maximum(sample_frame(np.asarray(reference.dataobj), move_points(points_mm, to_voxels)), 0.0)


def sample_at(image: nib.Nifti1Image, shape: tuple[int, ...], affine: FloatArray) -> NDArray[np.float32]:
    """Interpolate an image linearly at the voxels of another grid in the same space; 0 outside."""
    voxels = np.indices(shape[:3]).reshape(3, -1).T.astype(np.float64)
    places = move_points(voxels, inverse(np.asarray(image.affine, dtype=np.float64)) @ affine)
    values = map_coordinates(np.asarray(image.dataobj, dtype=np.float32), places.T, order=1, mode="constant")
    sampled: NDArray[np.float32] = values.reshape(shape[:3])
    return sampled


def brain_in_bold(reference: nib.Nifti1Image, mask: nib.Nifti1Image, to_mask: Sequence[Path]) -> Mask:
    """Brain mask of another space on the grid of the BOLD reference, where it has signal.

    Parameters
    ----------
    to_mask
        Transforms that lead points from the BOLD reference to the mask's space.

    Raises
    ------
    DataError
        No voxel of the brain has signal.
    """
    values = np.asarray(reference.dataobj, dtype=np.float32)
    voxels = np.argwhere(np.ones(values.shape, dtype=bool)).astype(np.float64)
    points = map_points(move_points(voxels, np.asarray(reference.affine, dtype=np.float64)), to_mask)
    places = move_points(points, inverse(np.asarray(mask.affine, dtype=np.float64)))
    share = map_coordinates(np.asarray(mask.dataobj, dtype=np.float32), places.T, order=1, mode="constant")
    brain: Mask = share.reshape(values.shape) > 0.5
    brain &= has_signal(values, brain)
    if not brain.any():
        raise DataError(
            "the brain of the T1w does not meet the BOLD image after registration",
            hint="look at the orientation in the headers of BOLD and T1w",
        )
    return brain
