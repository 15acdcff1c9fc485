"""Denoise the regional signals of BOLD images: confounds, band-pass, censoring."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from nilearn.signal import clean

from bidsml.errors import DataError
from bidsml.preproc.cleaning import NOTHING_LEFT, Cleaning, plan_cleaning
from bidsml.preproc.concatenate import concatenate_scans
from bidsml.preproc.confounds import Confounds, load_confounds
from bidsml.preproc.quality import scan_qc
from bidsml.preproc.regions import RegionSignals, average_regions
from bidsml.preproc.surfaces import average_surface
from bidsml.preproc.timeseries import clean_timeseries
from bidsml.records import Atlas, FloatArray, Scan, ScanData
from bidsml.spec import DenoiseSpec
from bidsml.surfaces import is_surface

__all__ = ["clean_scan", "clean_timeseries", "concatenate_scans", "extract_scan"]

TR_TOLERANCE = 0.01


def extract_scan(scan: Scan, atlas: Atlas, denoise: DenoiseSpec) -> ScanData:
    """Turn one preprocessed BOLD image into cleaned regional signals.

    Raises
    ------
    DataError
        Image, mask, confounds or atlas do not fit each other, or too little clean data is left.
    MissingInputError
        An input file is not there.
    """
    notes = check_space(scan, atlas)
    confounds = load_confounds(scan, denoise)
    if is_surface(scan.path):
        regions = average_surface(scan.path, atlas)
    else:
        regions = average_regions(scan.path, atlas, mask=scan.mask)
    if scan.mask is None and not is_surface(scan.path):
        notes = (*notes, "there is no brain mask: coverage counts the field of view only")
    tr_s = scan.tr_s or regions.tr_s
    if scan.tr_s and regions.tr_s and abs(scan.tr_s / regions.tr_s - 1) > TR_TOLERANCE:
        notes = (*notes, f"repetition time {scan.tr_s:g} s is used, the image header says {regions.tr_s:g} s")
    noted = replace(confounds, warnings=(*confounds.warnings, *notes))
    return clean_scan(scan, regions, confounds=noted, denoise=denoise, tr_s=tr_s, atlas=atlas.name)


def clean_scan(
    scan: Scan, regions: RegionSignals, *, confounds: Confounds, denoise: DenoiseSpec, tr_s: float | None, atlas: str
) -> ScanData:
    """Denoise the regional signals of one BOLD image.

    Detrending, Butterworth band-pass and confound regression by ``nilearn.signal.clean``: censored volumes are
    interpolated for the filter, then left out, and the regressors pass the same filter (Lindquist et al. 2019,
    Hum Brain Mapp 40:2358, doi:10.1002/hbm.24528). Censored are volumes before the steady state and those that
    move more than ``denoise.fd_censor_mm``.

    Returns
    -------
    ScanData
        ``signals`` standardised, kept volumes only; ``unfiltered`` in percent of the region's mean.

    Raises
    ------
    DataError
        The confounds have another number of volumes, or too few volumes are left.
    """
    cleaning = plan_cleaning(scan, confounds, denoise, n_volumes=regions.n_volumes, tr_s=tr_s)
    signals, missing = _denoise(regions, cleaning)
    unfiltered, unit_notes = _denoise_unfiltered(regions, cleaning, missing=missing)
    qc = scan_qc(
        scan,
        kept=cleaning.kept,
        tr_s=tr_s,
        n_regions=len(regions.names),
        n_regions_missing=len(missing),
        confounds=cleaning.confounds,
        coverage=regions.coverage,
        n_nonfinite_voxels=regions.n_nonfinite_voxels,
        nonfinite_share=regions.nonfinite_share,
        warnings=(*cleaning.warnings, *unit_notes),
    )
    return ScanData(
        scan=scan,
        regions=regions.names,
        signals=signals,
        unfiltered=unfiltered,
        missing=missing,
        tr_s=tr_s,
        qc=qc,
        atlas=atlas,
    )


# ------------------------------------------------------------------ the steps of clean_scan


def check_space(scan: Scan, atlas: Atlas) -> tuple[str, ...]:
    """Refuse an atlas of another space; say where only the MNI flavour differs."""
    space = scan.entities.get("space", "")
    if is_surface(scan.path) != bool(atlas.surfaces):
        raise DataError(
            f"{scan.path} holds {'surfaces' if is_surface(scan.path) else 'voxels'}, "
            f"atlas {atlas.name} {'surfaces' if atlas.surfaces else 'voxels'}",
            hint="give an atlas of surfaces (.dlabel.nii, .label.gii, .annot) with BOLD on surfaces, and none else",
        )
    if not atlas.space:
        return (f"the space of atlas {atlas.name} is not known",)
    if space == atlas.space:
        return ()
    if not (space.startswith("MNI") and atlas.space.startswith("MNI")):
        raise DataError(
            f"{scan.path}: the image is in space {space or 'of the scanner'!r}, atlas {atlas.name} in {atlas.space!r}",
            hint="choose standard-space images with input.space, or an atlas of that space",
        )
    # Coordinates that were published as plain MNI fit any of its variants.
    return () if atlas.space == "MNI152" else (f"the image is in {space}, atlas {atlas.name} in {atlas.space}",)


def _denoise(regions: RegionSignals, cleaning: Cleaning) -> tuple[FloatArray, dict[str, str]]:
    """Detrended, filtered, censored, regressed, standardised ``(n_kept, n_regions)``; and what is missing now."""
    missing = dict(regions.missing)
    present = np.array([name not in missing for name in regions.names])
    raw = regions.signals[:, present]
    cleaned = cleaning.apply(raw)
    signals = np.full((len(cleaned), len(present)), np.nan)
    signals[:, present] = _standardise(cleaned, raw)
    for name, column in zip(regions.names, signals.T, strict=True):
        if np.isnan(column).all():
            missing.setdefault(name, "nothing is left of its signal after denoising")
    return signals, missing


def _standardise(cleaned: FloatArray, raw: FloatArray) -> FloatArray:
    """Mean 0 and sample standard deviation 1; NaN where rounding is all that denoising left of a region."""
    spread = cleaned.std(axis=0, ddof=1)
    left = spread > NOTHING_LEFT * raw.std(axis=0, ddof=1)
    return np.where(left, (cleaned - cleaned.mean(axis=0)) / np.where(left, spread, 1.0), np.nan)


def _denoise_unfiltered(
    regions: RegionSignals, cleaning: Cleaning, *, missing: Mapping[str, str]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Detrended and regressed only, in percent of each region's mean: ``(n_volumes, n_regions)``."""
    present = np.array([name not in missing for name in regions.names])
    steady = np.logical_or.accumulate(~cleaning.confounds.non_steady)
    raw = regions.signals[np.ix_(steady, present)]
    used = None if cleaning.regressors is None else cleaning.regressors[steady]
    cleaned = np.asarray(clean(raw, confounds=used, detrend=True, standardize=None, filter=False))
    means = raw.mean(axis=0)
    in_percent = bool((means > raw.std(axis=0)).all())
    unfiltered = np.full(regions.signals.shape, np.nan)
    unfiltered[np.ix_(steady, present)] = 100 * cleaned / means if in_percent else cleaned
    return unfiltered, () if in_percent else (
        "signals vary around 0, not around a mean: amplitudes are not in percent",
    )
