"""Cleaned signals of all voxels of a brain, in one array and one pass over the image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.preproc.clean import check_space
from bidsml.preproc.cleaning import NOTHING_LEFT, Cleaning, plan_cleaning
from bidsml.preproc.confounds import load_confounds
from bidsml.preproc.quality import scan_qc
from bidsml.preproc.regions import MIN_COVERAGE, locate_regions, lost_by_coverage, read_mask
from bidsml.preproc.volumes import Series, iter_volumes, open_series
from bidsml.records import Atlas, FloatArray, IntArray, Scan, ScanData
from bidsml.spec import DenoiseSpec

Signals = NDArray[np.float32]

# Numbers of one block while it is cleaned, of which there are about four float64 copies: 130 MB.
BLOCK_NUMBERS = 4_000_000
# Volumes that are read before they are sorted into voxels: writing one at a time would touch all memory for each.
BUFFERED_VOLUMES = 32


@dataclass(frozen=True, eq=False)
class VoxelSignals:
    """Cleaned signals of the voxels of one scan.

    Attributes
    ----------
    inside
        Brain mask in the grid of the image, ``(x, y, z)``.
    voxels
        ``(n_voxels,)``: flat indices, in Fortran order, of the voxels of the mask that have a signal.
    signals
        ``(n_voxels, n_kept)``: detrended, filtered, censored, regressed; mean 0.
    n_nonfinite
        Voxels of the mask that are NaN or infinite in some volume; they are left out.
    """

    scan: Scan
    series: Series
    inside: NDArray[np.bool_]
    voxels: IntArray
    signals: Signals
    cleaning: Cleaning
    n_nonfinite: int

    @property
    def tr_s(self) -> float | None:
        """Repetition time."""
        return self.cleaning.tr_s

    def make_image(self, values: FloatArray) -> Any:
        """Put one value per voxel on the grid of the image: a NIfTI image, 0 where there is no value."""
        volume = np.zeros(int(np.prod(self.series.shape)), dtype=np.float32)
        volume[self.voxels] = np.nan_to_num(values)
        image = nib.Nifti1Image(volume.reshape(self.series.shape, order="F"), self.series.affine)  # type: ignore[no-untyped-call]
        source: Any = nib.load(self.series.path).header  # type: ignore[attr-defined]
        image.header.set_sform(self.series.affine, code=int(source["sform_code"]) or 1)  # type: ignore[no-untyped-call]
        image.header.set_qform(self.series.affine, code=int(source["qform_code"]) or 1)  # type: ignore[no-untyped-call]
        image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
        return image


@dataclass(frozen=True, eq=False)
class RegionMeans:
    """Means of maps in the regions of an atlas.

    Attributes
    ----------
    values
        By the map's name, ``(n_regions,)``; NaN for a missing region.
    missing
        Why a region is missing, by name.
    coverage
        Share of each region inside the brain mask, ``(n_regions,)``.
    """

    values: Mapping[str, FloatArray]
    missing: Mapping[str, str]
    coverage: FloatArray


def clean_voxels(scan: Scan, denoise: DenoiseSpec) -> VoxelSignals:
    """Read and clean the signals of all voxels inside the brain mask, not smoothed.

    As :func:`bidsml.preproc.clean.clean_scan` does for regions. The image is read once, volume by volume, into one
    float32 array, which is cleaned in place block by block: memory is 4 bytes × voxels × volumes, and about 0.3 GB
    besides (a 2 mm brain of 230,000 voxels and 300 volumes: 0.28 + 0.3 GB).

    Raises
    ------
    DataError
        There is no brain mask, image, mask and confounds do not fit each other, or too little is left.
    """
    if scan.mask is None:
        raise DataError(
            f"{scan.path}: maps of voxels need a brain mask, none is beside the image",
            hint="give derivatives that hold desc-brain_mask beside desc-preproc_bold, as fMRIPrep writes them",
        )
    series = open_series(scan.path)
    inside = read_mask(scan.mask, series)
    confounds = load_confounds(scan, denoise)
    cleaning = plan_cleaning(scan, confounds, denoise, n_volumes=series.n_volumes, tr_s=scan.tr_s or series.tr_s)
    voxels = np.flatnonzero(inside.ravel(order="F"))
    signals = _read(series, voxels)
    bad = np.asarray(~np.isfinite(signals).all(axis=1))
    left = _clean_in_place(signals, cleaning, usable=~bad)
    if not left.any():
        raise DataError(f"{scan.path}: no voxel of the brain mask has a signal", hint="look at image and mask")
    kept = signals[: int(left.sum()), : int(cleaning.kept.sum())]
    return VoxelSignals(scan, series, inside, voxels[left], kept, cleaning, int(bad.sum()))


def _read(series: Series, voxels: IntArray) -> Signals:
    """All volumes of some voxels, ``(n_voxels, n_volumes)``."""
    signals = np.empty((len(voxels), series.n_volumes), dtype=np.float32)
    buffer = np.empty((BUFFERED_VOLUMES, len(voxels)), dtype=np.float32)
    start = 0
    for number, values in enumerate(iter_volumes(series, voxels), start=1):
        buffer[(number - 1) % BUFFERED_VOLUMES] = values
        if number % BUFFERED_VOLUMES == 0 or number == series.n_volumes:
            signals[:, start:number] = buffer[: number - start].T
            start = number
    return signals


def _clean_in_place(signals: Signals, cleaning: Cleaning, *, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Clean block by block and move what has a signal to the front; say which voxels these are, ``(n_voxels,)``."""
    n_voxels, n_volumes = signals.shape
    size = max(1, BLOCK_NUMBERS // n_volumes)
    operator = cleaning.matrix()  # (n_kept, n_volumes)
    left = np.zeros(n_voxels, dtype=np.bool_)
    end = 0
    for start in range(0, n_voxels, size):
        rows = start + np.flatnonzero(usable[start : start + size])
        raw = signals[rows].astype(np.float64)  # (n_rows, n_volumes)
        raw -= raw.mean(axis=1, keepdims=True)
        cleaned = raw @ operator.T
        cleaned -= cleaned.mean(axis=1, keepdims=True)
        varies = cleaned.std(axis=1) > NOTHING_LEFT * raw.std(axis=1)
        # What is written lies at or before what was read, so that nothing unread is lost.
        signals[end : end + int(varies.sum()), : len(operator)] = cleaned[varies]
        left[rows[varies]] = True
        end += int(varies.sum())
    return left


def average_maps(data: VoxelSignals, maps: Mapping[str, FloatArray], atlas: Atlas) -> RegionMeans:
    """Average maps over the voxels of every region.

    Parameters
    ----------
    maps
        By name, one value per voxel of ``data``, ``(n_voxels,)``; NaN where there is none.

    Returns
    -------
    RegionMeans
        A region is missing where less than half of it lies inside the mask, or of that less than half has a value.

    Raises
    ------
    DataError
        The image is in another space than the atlas, or every region is missing.
    """
    check_space(data.scan, atlas)
    found, coverage = locate_regions(atlas, data.series, data.inside)
    missing = lost_by_coverage(atlas, found, coverage)
    place = np.full(int(np.prod(data.series.shape)), -1, dtype=np.int64)
    place[data.voxels] = np.arange(len(data.voxels))
    means = {name: np.full(len(atlas.names), np.nan) for name in maps}
    for number, (region, voxels) in enumerate(zip(atlas.names, found, strict=True)):
        if region in missing:
            continue
        mine = place[voxels]
        mine = mine[mine >= 0]
        for name, values in maps.items():
            known = values[mine][np.isfinite(values[mine])]
            if len(known) < MIN_COVERAGE * len(voxels):
                missing[region] = f"only {100 * len(known) / len(voxels):.0f} % of its voxels have a value of {name}"
            else:
                means[name][number] = known.mean()
    if len(missing) == len(atlas.names):
        name, reason = next(iter(missing.items()))
        raise DataError(
            f"{data.scan.path}: all {len(missing)} regions of atlas {atlas.name} are lost; the first, {name}: {reason}",
            hint="are image, mask and atlas in one space?",
        )
    lost = np.array([region in missing for region in atlas.names])
    return RegionMeans({name: np.where(lost, np.nan, values) for name, values in means.items()}, missing, coverage)


def describe_maps(data: VoxelSignals, means: RegionMeans, atlas: Atlas) -> ScanData:
    """Put region means and the scan's quality together for the feature kinds."""
    notes = check_space(data.scan, atlas)
    confounds = replace(data.cleaning.confounds, warnings=(*data.cleaning.confounds.warnings, *notes))
    qc = scan_qc(
        data.scan,
        kept=data.cleaning.kept,
        tr_s=data.tr_s,
        n_regions=len(atlas.names),
        n_regions_missing=len(means.missing),
        confounds=confounds,
        coverage=means.coverage,
        n_nonfinite_voxels=data.n_nonfinite,
        nonfinite_share=data.n_nonfinite / max(int(data.inside.sum()), 1),
        warnings=data.cleaning.warnings,
    )
    return ScanData(
        scan=data.scan,
        regions=atlas.names,
        maps=dict(means.values),
        missing=dict(means.missing),
        tr_s=data.tr_s,
        qc=qc,
        atlas=atlas.name,
        networks=atlas.networks,
    )
