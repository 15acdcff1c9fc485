"""Ready-made regional time series of another tool."""

import numpy as np
from nilearn.signal import clean

from bidsml.errors import DataError
from bidsml.preproc.confounds import Confounds, framewise_displacement, read_confounds_table
from bidsml.preproc.quality import scan_qc
from bidsml.records import FloatArray, Scan, ScanData
from bidsml.spec import DenoiseSpec

MIN_VOLUMES = 10


def clean_timeseries(
    scan: Scan, *, names: tuple[str, ...], values: FloatArray, denoise: DenoiseSpec, tr_s: float | None
) -> ScanData:
    """Standardise ready-made regional time series.

    They come denoised from another tool: no confounds are regressed, nothing is filtered or censored again,
    and ``denoise`` decides only the verdict. A volume that is NaN in every region was censored by that tool.

    Parameters
    ----------
    names
        One per region.
    values
        ``(n_volumes, n_regions)``.

    Raises
    ------
    DataError
        Names and columns do not fit, or fewer than 10 volumes are left, or no region.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names) or len(set(names)) != len(names):
        raise DataError(
            f"{scan.path}: expected one column for each of {len(set(names))} distinct regions, "
            f"found an array of shape {values.shape} for {len(names)} names",
            hint="the table of regions must name every column once",
        )
    kept = np.asarray(np.isfinite(values).any(axis=1))
    if kept.sum() < MIN_VOLUMES:
        raise DataError(f"{scan.path}: {int(kept.sum())} volumes have values", hint="leave the scan out")
    missing = _lost_columns(values[kept], names)
    if len(names) - len(missing) < 1:
        raise DataError(f"{scan.path}: all {len(names)} regions are lost", hint="look at the table")
    present = np.array([name not in missing for name in names])
    signals = np.full((int(kept.sum()), len(names)), np.nan)
    signals[:, present] = clean(values[np.ix_(kept, present)], detrend=False, filter=False, standardize="zscore_sample")
    unfiltered = values.copy()
    unfiltered[:, ~present] = np.nan
    qc = scan_qc(
        scan,
        kept=kept,
        tr_s=tr_s,
        n_regions=len(names),
        n_regions_missing=len(missing),
        confounds=_motion_only(scan),
    )
    return ScanData(
        scan=scan,
        regions=tuple(names),
        signals=signals,
        unfiltered=unfiltered,
        missing=missing,
        tr_s=tr_s,
        qc=qc,
        atlas=scan.entities.get("atlas", ""),
    )


def _lost_columns(values: FloatArray, names: tuple[str, ...]) -> dict[str, str]:
    missing: dict[str, str] = {}
    for name, column in zip(names, values.T, strict=True):
        absent = int((~np.isfinite(column)).sum())
        if absent == len(column):
            missing[name] = "has no value in the ready-made time series"
        elif absent:
            missing[name] = f"{absent} of {len(column)} values are not numbers"
        elif np.ptp(column) <= 1e-9 * abs(column.mean()):
            missing[name] = "its signal does not vary"
    return missing


def _motion_only(scan: Scan) -> Confounds | None:
    """Head motion for the quality record, where a confounds table lies beside ready-made series."""
    if scan.confounds is None:
        return None
    table = read_confounds_table(scan.confounds)
    fd_mm, notes = framewise_displacement(table)
    return Confounds(table=table[[]], fd_mm=fd_mm, warnings=notes)
