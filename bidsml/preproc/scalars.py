"""Mean of a scalar map, such as fractional anisotropy, in every region of an atlas."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_fill_holes

from bidsml.errors import DataError
from bidsml.preproc.regions import MIN_COVERAGE, locate_regions
from bidsml.preproc.volumes import Series, load_image, read_voxels
from bidsml.records import Atlas, FloatArray, Scan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RegionMeans:
    """Means of a map.

    Attributes
    ----------
    means
        ``(n_regions,)`` in the map's unit; NaN for a missing region.
    missing
        Why a region is missing, by name.
    """

    names: tuple[str, ...]
    means: FloatArray
    missing: dict[str, str]


def average_map(scan: Scan, atlas: Atlas, *, zero_is_value: bool = False) -> RegionMeans:
    """Average a map over the voxels of every region.

    Voxels that are 0, NaN or infinite lie outside the mask that the map was fitted in: they are left out, and a region
    that loses more than half of its voxels so is missing.

    Parameters
    ----------
    zero_is_value
        A 0 that voxels with a value enclose is one itself, as in the fraction of free water of white matter, where
        fits with bounds end at 0. Without them, the mean would be that of the voxels with free water alone.

    Raises
    ------
    DataError
        The map is damaged or not 3-D, lies in another space than the atlas, or all regions are lost.
    """
    require_space(scan, atlas)
    image = load_image(scan.path)
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3 or np.prod(shape[3:]) != 1:
        raise DataError(f"{scan.path}: expected one 3-D map, found an image of {shape}", hint="see what the file holds")
    values = read_voxels(scan.path, image, dtype=np.float64).reshape(shape[:3])
    grid = _grid(scan, image)
    inside = np.isfinite(values) & (values != 0)
    if zero_is_value:
        inside |= binary_fill_holes(inside) & (values == 0)
    voxels, coverage = locate_regions(atlas, grid, np.asarray(inside))
    flat = values.ravel(order="F")
    missing: dict[str, str] = {}
    means = np.full(len(atlas.names), np.nan)
    for index, (name, where) in enumerate(zip(atlas.names, voxels, strict=True)):
        if not len(where):
            missing[name] = "the map has no value there"
        elif coverage[index] < MIN_COVERAGE:
            missing[name] = f"the map has values in only {100 * coverage[index]:.0f} % of it"
        else:
            means[index] = flat[where].mean()
    if len(missing) == len(atlas.names):
        raise DataError(
            f"{scan.path}: all {len(missing)} regions of atlas {atlas.name} are lost",
            hint="are map and atlas in one space, and does the map hold values?",
        )
    return RegionMeans(atlas.names, means, missing)


def require_space(scan: Scan, atlas: Atlas) -> None:
    """Refuse a map of another space than the atlas; coordinates published as plain MNI fit any of its variants.

    Raises
    ------
    DataError
        The spaces differ.
    """
    space = scan.entities.get("space", "")
    plain = atlas.space == "MNI152" and space.startswith("MNI")
    if not atlas.space:
        logger.warning("%s: the space of atlas %s is not known; the map is in %s", scan.label, atlas.name, space)
    elif space != atlas.space and not plain:
        raise DataError(
            f"{scan.path}: the map is in space {space or 'of the scanner'!r}, atlas {atlas.name} in {atlas.space!r}",
            hint="take maps of the atlas's space with input.space, or an atlas of the maps' space",
        )


def _grid(scan: Scan, image: Any) -> Series:
    affine = np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise DataError(f"{scan.path}: its affine cannot be inverted", hint="make the map again")
    x, y, z = (int(n) for n in image.shape[:3])
    return Series(scan.path, (x, y, z), 1, affine, np.dtype(np.float64), 0, 1.0, 0.0, None)
