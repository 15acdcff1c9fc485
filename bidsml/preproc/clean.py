"""Denoise the regional signals of BOLD images: confounds, band-pass, censoring."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from nilearn.signal import clean
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.preproc.concatenate import concatenate_scans
from bidsml.preproc.confounds import Confounds, load_confounds
from bidsml.preproc.quality import scan_qc
from bidsml.preproc.regions import RegionSignals, average_regions
from bidsml.preproc.timeseries import clean_timeseries
from bidsml.records import Atlas, FloatArray, Scan, ScanData
from bidsml.spec import DenoiseSpec

__all__ = ["clean_scan", "clean_timeseries", "concatenate_scans", "extract_scan"]

BoolArray = NDArray[np.bool_]

Band = tuple[float | None, float | None]

# A regression that leaves fewer volumes than this describes its own noise.
MIN_SPARE_VOLUMES = 10
# Zero-phase filtering of order 5 extends the signal by 33 volumes at each end (scipy.signal.sosfiltfilt).
MIN_FILTERED_VOLUMES = 34
# Below this, residual correlations of independent noise exceed |r| = 0.4 by chance (1.96 / sqrt(20)).
MIN_DEGREES_OF_FREEDOM = 20
TR_TOLERANCE = 0.01
# Rounding leaves 1e-13 of a signal that the regressors explain wholly.
NOTHING_LEFT = 1e-9


def extract_scan(scan: Scan, atlas: Atlas, denoise: DenoiseSpec) -> ScanData:
    """Turn one preprocessed BOLD image into cleaned regional signals.

    Raises
    ------
    DataError
        Image, mask, confounds or atlas do not fit each other, or too little clean data is left.
    MissingInputError
        An input file is not there.
    """
    notes = _check_space(scan, atlas)
    confounds = load_confounds(scan, denoise)
    regions = average_regions(scan.path, atlas, mask=scan.mask)
    if scan.mask is None:
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
    confounds = _match(scan, confounds, regions.n_volumes)
    kept = _kept_volumes(confounds, denoise)
    band = _band(scan, denoise, tr_s)
    notes = _check_enough(scan, kept, n_regressors=len(confounds.columns), band=band, tr_s=tr_s)
    regressors = confounds.table.to_numpy(dtype=np.float64) if len(confounds.columns) else None
    signals, missing = _denoise(regions, regressors, kept=kept, band=band, tr_s=tr_s)
    steady = np.logical_or.accumulate(~confounds.non_steady)
    unfiltered, unit_notes = _denoise_unfiltered(regions, regressors, steady=steady, missing=missing)
    qc = scan_qc(
        scan,
        kept=kept,
        tr_s=tr_s,
        n_regions=len(regions.names),
        n_regions_missing=len(missing),
        confounds=confounds,
        coverage=regions.coverage,
        n_nonfinite_voxels=regions.n_nonfinite_voxels,
        nonfinite_share=regions.nonfinite_share,
        warnings=(*notes, *unit_notes),
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


def _check_space(scan: Scan, atlas: Atlas) -> tuple[str, ...]:
    """Refuse an atlas of another space; say where only the MNI flavour differs."""
    space = scan.entities.get("space", "")
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


def _match(scan: Scan, confounds: Confounds, n_volumes: int) -> Confounds:
    """Give every part of the confounds one value per volume; refuse a table of another length."""
    if len(confounds.non_steady) not in (0, n_volumes):
        raise DataError(
            f"{scan.confounds} has {len(confounds.non_steady)} rows, {scan.path.name} has {n_volumes} volumes",
            hint="the confounds must belong to this image",
        )
    if len(confounds.non_steady):
        return confounds
    return replace(confounds, non_steady=np.zeros(n_volumes, dtype=np.bool_))


def _kept_volumes(confounds: Confounds, denoise: DenoiseSpec) -> BoolArray:
    kept = ~confounds.non_steady
    if denoise.fd_censor_mm and len(confounds.fd_mm):
        # The first volume's displacement is NaN, and NaN compares as not moving.
        kept = kept & ~(confounds.fd_mm > denoise.fd_censor_mm)
    return np.asarray(kept)


def _band(scan: Scan, denoise: DenoiseSpec, tr_s: float | None) -> Band:
    """High-pass and low-pass limits in Hz, ``None`` where not filtered."""
    band: Band = (denoise.high_pass_hz or None, denoise.low_pass_hz or None)
    if band == (None, None):
        return band
    if not tr_s:
        raise DataError(
            f"{scan.path}: filtering needs the repetition time, neither sidecar nor header says it",
            hint="give RepetitionTime in the sidecar, or set input.tr_s",
        )
    highest = 0.5 / tr_s
    if any(limit is not None and limit >= highest for limit in band):
        raise DataError(
            f"{scan.path}: with a repetition time of {tr_s:g} s frequencies end at {highest:.3f} Hz, "
            f"denoise asks for {band[0]}–{band[1]} Hz",
            hint="lower denoise.low_pass_hz, or check the repetition time",
        )
    return band


def _check_enough(
    scan: Scan,
    kept: BoolArray,
    *,
    n_regressors: int,
    band: Band,
    tr_s: float | None,
) -> tuple[str, ...]:
    """Refuse a scan with too few volumes; warn where filter and regressors leave little freedom."""
    n_kept = int(kept.sum())
    inner = np.flatnonzero(kept)
    span = int(inner[-1] - inner[0] + 1) if n_kept else 0
    needed = n_regressors + MIN_SPARE_VOLUMES
    if n_kept < needed or (band != (None, None) and span < MIN_FILTERED_VOLUMES):
        raise DataError(
            f"{scan.path}: {n_kept} of {len(kept)} volumes are kept, {n_regressors} regressors need {needed}"
            f"{f' and the filter {MIN_FILTERED_VOLUMES}' if band != (None, None) else ''}",
            hint="raise denoise.fd_censor_mm, choose a strategy with fewer regressors, or leave the scan out",
        )
    # A band keeps its share of the frequencies up to 1 / (2 TR).
    lowest, highest = band
    share = 1.0 if tr_s is None else 2 * tr_s * ((highest or 0.5 / tr_s) - (lowest or 0.0))
    free = n_kept * share - n_regressors
    if free >= MIN_DEGREES_OF_FREEDOM:
        return ()
    return (f"band-pass and {n_regressors} regressors leave about {max(free, 0):.0f} degrees of freedom",)


def _denoise(
    regions: RegionSignals, regressors: FloatArray | None, *, kept: BoolArray, band: Band, tr_s: float | None
) -> tuple[FloatArray, dict[str, str]]:
    """Detrended, filtered, censored, regressed, standardised ``(n_kept, n_regions)``; and what is missing now."""
    missing = dict(regions.missing)
    present = np.array([name not in missing for name in regions.names])
    raw = regions.signals[:, present]
    cleaned = clean(
        raw,
        confounds=regressors,
        detrend=True,
        standardize=None,
        sample_mask=None if kept.all() else np.flatnonzero(kept),
        filter=False if band == (None, None) else "butterworth",
        high_pass=band[0],
        low_pass=band[1],
        t_r=tr_s,
    )
    signals = np.full((len(cleaned), len(present)), np.nan)
    signals[:, present] = _standardise(np.asarray(cleaned, dtype=np.float64), raw)
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
    regions: RegionSignals, regressors: FloatArray | None, *, steady: BoolArray, missing: Mapping[str, str]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Detrended and regressed only, in percent of each region's mean: ``(n_volumes, n_regions)``."""
    present = np.array([name not in missing for name in regions.names])
    raw = regions.signals[np.ix_(steady, present)]
    used = None if regressors is None else regressors[steady]
    cleaned = np.asarray(clean(raw, confounds=used, detrend=True, standardize=None, filter=False))
    means = raw.mean(axis=0)
    in_percent = bool((means > raw.std(axis=0)).all())
    unfiltered = np.full(regions.signals.shape, np.nan)
    unfiltered[np.ix_(steady, present)] = 100 * cleaned / means if in_percent else cleaned
    return unfiltered, () if in_percent else (
        "signals vary around 0, not around a mean: amplitudes are not in percent",
    )
