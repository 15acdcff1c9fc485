"""Quality of scans: what is kept of each, and a verdict on the participant."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bidsml.preproc.confounds import Confounds
from bidsml.records import FloatArray, Scan, ScanQC
from bidsml.spec import DenoiseSpec

Verdict = Literal["pass", "review", "fail"]

MAX_MEAN_FD_MM = 0.5
MAX_CENSORED = 0.2
MAX_MISSING_REGIONS = 0.1


def scan_qc(
    scan: Scan,
    *,
    kept: NDArray[np.bool_],
    tr_s: float | None,
    n_regions: int,
    n_regions_missing: int,
    confounds: Confounds | None = None,
    coverage: FloatArray | None = None,
    n_nonfinite_voxels: int = 0,
    warnings: Sequence[str] = (),
) -> ScanQC:
    """Record the quality of one scan.

    Parameters
    ----------
    kept
        ``(n_volumes,)``: volumes that the features use.
    tr_s
        Repetition time, ``None`` where it is not known.
    confounds
        Motion, where it is known.
    coverage
        ``(n_regions,)`` share of each region inside the brain mask.
    """
    fd_mm = confounds.fd_mm if confounds is not None else np.empty(0)
    known = fd_mm[np.isfinite(fd_mm)]
    return ScanQC(
        participant_id=scan.participant_id,
        label=scan.label,
        tr_s=tr_s,
        n_volumes=len(kept),
        n_volumes_kept=int(kept.sum()),
        minutes_kept=float(kept.sum() * tr_s / 60) if tr_s else float("nan"),
        mean_fd_mm=float(known.mean()) if len(known) else float("nan"),
        max_fd_mm=float(known.max()) if len(known) else float("nan"),
        fd_mm=fd_mm,
        dvars=confounds.dvars if confounds is not None else np.empty(0),
        censored=~kept,
        confound_columns=confounds.columns if confounds is not None else (),
        n_nonfinite_voxels=n_nonfinite_voxels,
        region_coverage=coverage if coverage is not None else np.empty(0),
        n_regions=n_regions,
        n_regions_missing=n_regions_missing,
        warnings=(*(confounds.warnings if confounds is not None else ()), *warnings),
    )


def verdict(qc: Sequence[ScanQC], denoise: DenoiseSpec) -> tuple[Verdict, tuple[str, ...]]:
    """Judge one participant by all their scans.

    ``fail``: less clean data than ``denoise.min_minutes``, or no region left. ``review``: mean framewise
    displacement above 0.5 mm, more than 20 % of volumes censored, more than 10 % of regions missing in some
    scan, or a warning. Otherwise ``pass``. What is not known never counts against a participant, but is said.

    Returns
    -------
    verdict
        ``pass``, ``review`` or ``fail``.
    reasons
        Why, in words; for ``pass`` only what is not known.
    """
    failing = _reasons_to_fail(qc, denoise)
    reviewing = _reasons_to_review(qc)
    unknown = _unknown(qc)
    if failing:
        return "fail", (*failing, *reviewing, *unknown)
    if reviewing:
        return "review", (*reviewing, *unknown)
    return "pass", unknown


def _reasons_to_fail(qc: Sequence[ScanQC], denoise: DenoiseSpec) -> tuple[str, ...]:
    reasons = []
    minutes = [q.minutes_kept for q in qc if np.isfinite(q.minutes_kept)]
    if minutes and sum(minutes) < denoise.min_minutes:
        reasons.append(f"{sum(minutes):.1f} min of clean data, at least {denoise.min_minutes:g} are asked for")
    if any(q.n_regions and q.n_regions_missing >= q.n_regions for q in qc):
        reasons.append("all regions are missing")
    return tuple(reasons)


def _reasons_to_review(qc: Sequence[ScanQC]) -> tuple[str, ...]:
    reasons = []
    moving = [q for q in qc if np.isfinite(q.mean_fd_mm)]
    if moving:
        mean_fd_mm = np.average([q.mean_fd_mm for q in moving], weights=[max(q.n_volumes, 1) for q in moving])
        if mean_fd_mm > MAX_MEAN_FD_MM:
            reasons.append(f"mean framewise displacement {mean_fd_mm:.2f} mm, above {MAX_MEAN_FD_MM} mm")
    volumes = sum(q.n_volumes for q in qc)
    censored = volumes - sum(q.n_volumes_kept for q in qc)
    if volumes and censored > MAX_CENSORED * volumes:
        reasons.append(f"{100 * censored / volumes:.0f} % of volumes censored, above {100 * MAX_CENSORED:.0f} %")
    for q in qc:
        if q.n_regions and q.n_regions_missing > MAX_MISSING_REGIONS * q.n_regions:
            reasons.append(f"{q.label}: {q.n_regions_missing} of {q.n_regions} regions are missing")
        reasons.extend(f"{q.label}: {warning}" for warning in q.warnings)
    return tuple(dict.fromkeys(reasons))


def _unknown(qc: Sequence[ScanQC]) -> tuple[str, ...]:
    if not qc:
        return ("no scan: table data only",)
    if all(np.isnan(q.mean_fd_mm) for q in qc):
        # No volumes either means that the input was a matrix.
        what = "time series" if any(q.n_volumes for q in qc) else "matrices"
        return (f"quality of motion not known: ready-made {what}",)
    return ()
