"""Small pictures of large images for the participant report: the same slices of several images, as mosaics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from bidsml.errors import DataError
from bidsml.preproc.functional.transforms import map_points
from bidsml.records import AlignmentView, AnatomyView, FloatArray

ANATOMY_MM = 1.25
ALIGNMENT_MM = 1.5
"""Size of a pixel."""
_MARGIN_MM = 12.0
# Positions of the slices as shares of the brain's extent; the outermost shares show little brain.
_AXIAL = tuple(np.linspace(0.18, 0.90, 7))
_CORONAL = (0.25, 0.5, 0.72)
_SAGITTAL = (0.28, 0.5, 0.72)
_PER_ROW = (5, 5, 3)
_BRIGHTEST = 99.5
_INSIDE = 0.5
TISSUE_NAMES = ("gray matter", "white matter", "CSF")


@dataclass(frozen=True, eq=False)
class Cuts:
    """Planes through a brain.

    ``planes`` are points in mm, ``(height, width, 3)`` each, the first row on top: seven axial, three coronal,
    three sagittal ones. Right of an axial or coronal picture is the right of the head, right of a sagittal one is
    its front.
    """

    planes: tuple[FloatArray, ...]


def choose_cuts(brain: nib.Nifti1Image, *, pixel_mm: float) -> Cuts:
    """Choose the planes of a mosaic by the extent of a brain mask.

    Raises
    ------
    DataError
        The mask is empty.
    """
    voxels = np.argwhere(np.asarray(brain.dataobj) > _INSIDE)
    if not len(voxels):
        raise DataError("the brain mask is empty: nothing can be shown of it", hint="look at the T1w image")
    points = nib.affines.apply_affine(brain.affine, voxels)
    low, high = points.min(axis=0), points.max(axis=0)
    ticks = [np.arange(low[i] - _MARGIN_MM, high[i] + _MARGIN_MM, pixel_mm) for i in range(3)]
    planes = []
    for axis, shares in ((2, _AXIAL), (1, _CORONAL), (0, _SAGITTAL)):
        across, upwards = (i for i in range(3) if i != axis)
        for share in shares:
            plane = np.empty((len(ticks[upwards]), len(ticks[across]), 3))
            plane[..., axis] = low[axis] + share * (high[axis] - low[axis])
            plane[..., across] = ticks[across]
            plane[..., upwards] = ticks[upwards][::-1, np.newaxis]
            planes.append(plane)
    return Cuts(tuple(planes))


def cut(image: nib.Nifti1Image, cuts: Cuts, *, order: int = 1, transforms: Sequence[Path] = ()) -> FloatArray:
    """Sample an image on all planes and put them beside each other: ``(height, width)``, 0 outside of the image.

    Parameters
    ----------
    order
        Of the spline: 1 linear, 0 nearest neighbour for masks.
    transforms
        ANTs files that bring this image to the space of the planes.
    """
    shapes = [plane.shape[:2] for plane in cuts.planes]
    points = np.concatenate([plane.reshape(-1, 3) for plane in cuts.planes])
    places = nib.affines.apply_affine(np.linalg.inv(image.affine), map_points(points, transforms))
    data = np.nan_to_num(np.asarray(image.dataobj, dtype=np.float32))
    values = map_coordinates(data, places.T, order=order, mode="constant", cval=0.0)
    ends = np.cumsum([height * width for height, width in shapes])[:-1]
    return _lay_out([part.reshape(shape) for part, shape in zip(np.split(values, ends), shapes, strict=True)])


def _lay_out(pictures: Sequence[FloatArray]) -> FloatArray:
    """Put pictures into rows, each in the middle of an equal share of its row."""
    rows, start = [], 0
    for count in _PER_ROW:
        rows.append(pictures[start : start + count])
        start += count
    width = max(sum(picture.shape[1] for picture in row) for row in rows)
    strips = []
    for row in rows:
        height = max(picture.shape[0] for picture in row)
        spare = width - sum(picture.shape[1] for picture in row)
        strip, left = np.zeros((height, width)), spare // (2 * len(row))
        for picture in row:
            top = (height - picture.shape[0]) // 2
            strip[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
            left += picture.shape[1] + spare // len(row)
        strips.append(strip)
    return np.concatenate(strips)


def to_grey(mosaic: FloatArray, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Scale a mosaic to 0-255 such that nearly all of the brain keeps its contrast."""
    values = mosaic[inside] if inside.any() else mosaic
    low, high = min(0.0, float(np.percentile(values, 0.5))), float(np.percentile(values, _BRIGHTEST))
    scaled = (mosaic - low) / max(high - low, 1e-12)
    grey: NDArray[np.uint8] = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    return grey


def view_anatomy(
    t1w: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    tissues: Sequence[nib.Nifti1Image],
    *,
    label: str,
    warnings: Sequence[str] = (),
) -> AnatomyView:
    """Show a T1w with what was found in it.

    Parameters
    ----------
    brain
        Brain mask; any grid in the same mm.
    tissues
        Probabilities of grey matter, white matter and CSF, or nothing.
    label
        Name for the reader: ``sub-01 ses-a``.
    """
    cuts = choose_cuts(brain, pixel_mm=ANATOMY_MM)
    mask = cut(brain, cuts) > _INSIDE
    shares = [cut(tissue, cuts) for tissue in tissues]
    likeliest = np.argmax(np.stack(shares), axis=0) if shares else np.full(mask.shape, -1)
    sure = np.sum(shares, axis=0) > _INSIDE if shares else mask
    images = dict(zip(("brain", *TISSUE_NAMES), (brain, *tissues), strict=False))
    return AnatomyView(
        label=label,
        slices=to_grey(cut(t1w, cuts), mask),
        brain=mask,
        gray_matter=sure & (likeliest == 0),
        white_matter=sure & (likeliest == 1),
        volumes_ml={name: _volume_ml(image) for name, image in images.items()},
        warnings=tuple(warnings),
    )


def _volume_ml(image: nib.Nifti1Image) -> float:
    """Sum of a mask or of probabilities, in ml."""
    voxel_ml = abs(float(np.linalg.det(image.affine[:3, :3]))) / 1000
    return float(np.nansum(np.asarray(image.dataobj, dtype=np.float64))) * voxel_ml


def view_alignment(
    moving: nib.Nifti1Image,
    fixed: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    *,
    label: str,
    moving_name: str,
    fixed_name: str,
    transforms: Sequence[Path] = (),
    similarity: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
) -> AlignmentView:
    """Show the same slices of two images that should lie on each other.

    Parameters
    ----------
    moving, fixed
        What was aligned, and to what.
    brain
        Brain mask in the space of ``fixed``; the slices are chosen by it, and its outline is drawn over both.
    transforms
        ANTs files that bring ``moving`` to the space of ``fixed``; empty where it lies there already.
    similarity
        Figures that say how well they agree, by name.
    """
    cuts = choose_cuts(brain, pixel_mm=ALIGNMENT_MM)
    outline = cut(brain, cuts) > _INSIDE
    return AlignmentView(
        label=label,
        moving_name=moving_name,
        fixed_name=fixed_name,
        moving=to_grey(cut(moving, cuts, transforms=transforms), outline),
        fixed=to_grey(cut(fixed, cuts), outline),
        outline=outline,
        similarity=dict(similarity or {}),
        warnings=tuple(warnings),
    )
