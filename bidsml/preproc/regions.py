"""Mean signal of every region of an atlas, in the grid of the BOLD image."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.preproc.volumes import Series, iter_volumes, load_image, open_series, read_voxels
from bidsml.records import Atlas, FloatArray, IntArray

MIN_COVERAGE = 0.5
# Sums of equal float64 values differ by rounding only; a real signal varies by 1e-3 of its mean.
CONSTANT = 1e-9

Voxels = list[IntArray]


@dataclass(frozen=True, eq=False)
class RegionSignals:
    """Mean signals of all regions of an atlas, in its order.

    Attributes
    ----------
    signals
        ``(n_volumes, n_regions)``; a missing region is a column of NaN.
    coverage
        ``(n_regions,)``: share of each region inside the field of view and the brain mask, 0–1.
    missing
        Why a region is missing, by name.
    n_nonfinite_voxels
        Voxels of the regions that are NaN or infinite in some volume; they are left out of every mean.
    nonfinite_share
        Their share of all voxels of the regions, 0-1.
    tr_s
        Repetition time in the image header, ``None`` where it says none.
    """

    names: tuple[str, ...]
    signals: FloatArray
    coverage: FloatArray
    missing: Mapping[str, str]
    n_nonfinite_voxels: int
    n_volumes: int
    tr_s: float | None = None
    nonfinite_share: float = 0.0


def average_regions(bold: Path, atlas: Atlas, *, mask: Path | None) -> RegionSignals:
    """Average the BOLD signal over the voxels of every region.

    A label image is resampled (nearest) to the BOLD grid. A sphere takes the voxels whose centre is within
    its radius, and the voxel that holds its own centre. Only voxels inside ``mask`` count.

    Parameters
    ----------
    bold
        4-D image in the atlas's space.
    atlas
        The regions.
    mask
        Brain mask in the BOLD grid; ``None`` takes the whole field of view.

    Returns
    -------
    RegionSignals
        Regions that are outside, less than half covered, or constant are NaN with a reason.

    Raises
    ------
    DataError
        The image is damaged, the mask does not fit, or every region is lost.
    """
    series = open_series(bold)
    inside = read_mask(mask, series)
    voxels, coverage = locate_regions(atlas, series, inside)
    missing = lost_by_coverage(atlas, voxels, coverage)
    _check_any_left(bold, atlas, missing)
    kept = [v if n not in missing else v[:0] for n, v in zip(atlas.names, voxels, strict=True)]
    signals, n_nonfinite = _average(series, kept)
    for name, signal in zip(atlas.names, signals.T, strict=True):
        if name in missing:
            continue
        if not np.isfinite(signal).all():
            missing[name] = "every voxel is NaN or infinite in some volume"
        elif np.ptp(signal) <= CONSTANT * abs(signal.mean()):
            missing[name] = "its signal does not vary"
    signals[:, [name in missing for name in atlas.names]] = np.nan
    _check_any_left(bold, atlas, missing)
    return RegionSignals(
        names=atlas.names,
        signals=signals,
        coverage=coverage,
        missing=missing,
        n_nonfinite_voxels=n_nonfinite,
        n_volumes=series.n_volumes,
        tr_s=series.tr_s,
        nonfinite_share=n_nonfinite / max(len(np.unique(np.concatenate(kept))), 1),
    )


def _check_any_left(bold: Path, atlas: Atlas, missing: Mapping[str, str]) -> None:
    if len(missing) == len(atlas.names):
        name, reason = next(iter(missing.items()))
        raise DataError(
            f"{bold}: all {len(missing)} regions of atlas {atlas.name} are lost; the first, {name}: {reason}",
            hint="are image, mask and atlas in one space?",
        )


def lost_by_coverage(atlas: Atlas, voxels: Voxels, coverage: FloatArray) -> dict[str, str]:
    """Say why regions that lie outside, or half outside, of what was imaged are missing, by name."""
    missing: dict[str, str] = {}
    for name, found, share in zip(atlas.names, voxels, coverage, strict=True):
        if not len(found):
            missing[name] = "lies outside the field of view or the brain mask"
        elif share < MIN_COVERAGE:
            missing[name] = f"only {100 * share:.0f} % lie inside the field of view and the brain mask"
    return missing


def read_mask(mask: Path | None, series: Series) -> NDArray[np.bool_]:
    """Brain mask as a boolean array of the BOLD grid."""
    if mask is None:
        return np.ones(series.shape, dtype=np.bool_)
    image = load_image(mask)
    same_shape = image.shape[:3] == series.shape and np.prod(image.shape[3:]) == 1
    if not same_shape or not np.allclose(image.affine, series.affine, atol=1e-3):
        raise DataError(
            f"{mask}: the mask's grid {image.shape} is not that of {series.path.name} {series.shape}",
            hint="give the mask that belongs to this image",
        )
    return np.asarray(read_voxels(mask, image, dtype=np.float64).reshape(series.shape) > 0)


# ------------------------------------------------------------------ where the regions are


def locate_regions(atlas: Atlas, series: Series, inside: NDArray[np.bool_]) -> tuple[Voxels, FloatArray]:
    """Find the voxels of every region in an image's grid.

    Parameters
    ----------
    series
        Only its grid counts.
    inside
        Brain mask in that grid.

    Returns
    -------
    voxels
        Flat indices in Fortran order, one array a region.
    coverage
        ``(n_regions,)``: share of each region that was found, 0-1.
    """
    if atlas.surfaces:
        raise DataError(
            f"{series.path} holds voxels, atlas {atlas.name} lies on surfaces", hint="give an atlas of voxels"
        )
    return _locate_labels(atlas, series, inside) if atlas.image else _locate_spheres(atlas, series, inside)


def _locate_labels(atlas: Atlas, series: Series, inside: NDArray[np.bool_]) -> tuple[Voxels, FloatArray]:
    """Voxels (flat, Fortran order) and coverage of every label."""
    assert atlas.image is not None
    image = load_image(atlas.image)
    native = np.rint(read_voxels(atlas.image, image, dtype=np.float64)).astype(np.int64)
    grid = _to_grid(native, image, series)
    numbers = np.asarray(atlas.labels, dtype=np.int64)
    flat = grid.ravel(order="F")
    here = np.flatnonzero(inside.ravel(order="F") & (flat != 0))
    order = here[np.argsort(flat[here], kind="stable")]
    first = np.searchsorted(flat[order], numbers, side="left")
    last = np.searchsorted(flat[order], numbers, side="right")
    voxels = [order[a:b] for a, b in zip(first, last, strict=True)]
    in_grid = _count(flat, numbers)
    masked = np.divide([len(v) for v in voxels], in_grid, out=np.zeros(len(numbers)), where=in_grid > 0)
    return voxels, masked * _share_in_view(native, image.affine, series=series, numbers=numbers)


def _to_grid(labels: IntArray, image: Any, series: Series) -> IntArray:
    """Bring a label array to the BOLD grid, nearest neighbour."""
    if labels.shape == series.shape and np.allclose(image.affine, series.affine, atol=1e-6):
        return labels
    from nilearn.image import new_img_like, resample_img
    from nilearn.image.resampling import BoundingBoxError

    with warnings.catch_warnings():
        # nilearn warns that a nearest-neighbour resampling keeps integers.
        warnings.simplefilter("ignore")
        try:
            resampled = resample_img(
                new_img_like(image, labels.astype(np.int32), image.affine),
                target_affine=series.affine,
                target_shape=series.shape,
                interpolation="nearest",
                force_resample=True,
                copy_header=True,
            )
        except BoundingBoxError as error:
            raise DataError(
                f"{series.path}: no part of the atlas lies in its field of view",
                hint="look at its affine: is the image in the space that its name says?",
            ) from error
    return np.asarray(resampled.dataobj).astype(np.int64)


def _count(values: IntArray, numbers: IntArray) -> IntArray:
    """How often each of ``numbers`` occurs in ``values``."""
    found, counts = np.unique(values[values != 0], return_counts=True)
    lookup = dict(zip(found.tolist(), counts.tolist(), strict=True))
    return np.array([lookup.get(int(n), 0) for n in numbers], dtype=np.int64)


def _share_in_view(labels: IntArray, affine: FloatArray, *, series: Series, numbers: IntArray) -> FloatArray:
    """Share of each label's own voxels whose centre lies in the BOLD field of view: ``(n_regions,)``."""
    to_grid = np.linalg.inv(series.affine) @ affine
    occupied = np.argwhere(labels != 0)
    where = occupied @ to_grid[:3, :3].T + to_grid[:3, 3]
    in_view = ((where > -0.5) & (where < np.array(series.shape) - 0.5)).all(axis=1)
    if in_view.all():
        return np.ones(len(numbers))
    of_voxel = labels[tuple(occupied.T)]
    total = _count(of_voxel, numbers)
    share: FloatArray = np.divide(_count(of_voxel[in_view], numbers), total, out=np.zeros(len(total)), where=total > 0)
    return share


def _locate_spheres(atlas: Atlas, series: Series, inside: NDArray[np.bool_]) -> tuple[Voxels, FloatArray]:
    """Voxels (flat, Fortran order) and coverage of every sphere."""
    radii = atlas.radii_mm or (atlas.radius_mm or 0.0,) * len(atlas.names)
    to_voxel = np.linalg.inv(series.affine)
    voxels: Voxels = []
    coverage = np.zeros(len(atlas.names))
    for number, (centre_mm, radius_mm) in enumerate(zip(atlas.coordinates_mm, radii, strict=True)):
        centre = to_voxel[:3, :3] @ centre_mm + to_voxel[:3, 3]
        # The box around a sphere: along each voxel axis, radius times the length of that row.
        reach = radius_mm * np.linalg.norm(to_voxel[:3, :3], axis=1)
        axes = [np.arange(np.floor(c - r), np.ceil(c + r) + 1) for c, r in zip(centre, reach, strict=True)]
        box = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        distance = np.linalg.norm(box @ series.affine[:3, :3].T + series.affine[:3, 3] - centre_mm, axis=1)
        own = (box == np.round(centre)).all(axis=1)
        ball = box[(distance <= radius_mm) | own].astype(np.int64)
        in_view = ball[((ball >= 0) & (ball < series.shape)).all(axis=1)]
        kept = in_view[inside[tuple(in_view.T)]]
        voxels.append(np.ravel_multi_index(tuple(kept.T), series.shape, order="F").astype(np.int64))
        coverage[number] = len(kept) / len(ball)
    return voxels, coverage


# ------------------------------------------------------------------ one pass over the image


def _average(series: Series, voxels: Voxels) -> tuple[FloatArray, int]:
    """Mean over each region's voxels, ``(n_volumes, n_regions)``, and how many voxels were not finite.

    A voxel that is not finite in some volume is left out of all: leaving it out of a few would put a step
    into the mean. That takes a second pass, which only such images pay for.
    """
    signals, bad = _one_pass(series, voxels)
    if not bad.any():
        return signals, 0
    bad_voxels = np.unique(np.concatenate(voxels)[bad])
    signals, _ = _one_pass(series, [v[~np.isin(v, bad_voxels)] for v in voxels])
    return signals, len(bad_voxels)


def _one_pass(series: Series, voxels: Voxels) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Region means, and which entries of the concatenated voxel lists were not finite at some time."""
    sizes = np.array([len(v) for v in voxels])
    filled = np.flatnonzero(sizes)
    starts = np.cumsum(sizes[filled]) - sizes[filled]
    index = np.concatenate(voxels)
    signals = np.full((series.n_volumes, len(voxels)), np.nan)
    finite = np.ones(len(index), dtype=np.bool_)
    for row, values in zip(signals, iter_volumes(series, index), strict=True):
        if len(filled):
            with np.errstate(invalid="ignore"):  # infinity minus infinity: found out just below
                row[filled] = np.add.reduceat(values, starts) / sizes[filled]
        if not np.isfinite(row[filled]).all():
            finite &= np.isfinite(values)
    return signals, ~finite
