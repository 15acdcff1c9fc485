"""Put the cleaned signals of several scans of one person together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bidsml.errors import DataError
from bidsml.records import FloatArray, ScanData, ScanQC


def concatenate_scans(data: Sequence[ScanData]) -> ScanData:
    """Put the cleaned signals of several scans of one person one after the other.

    Each scan was standardised on its own. A region that is missing in one scan is missing in the result:
    pairs of regions would otherwise rest on different amounts of data.

    Raises
    ------
    DataError
        The scans have other regions or another repetition time, one has no signals, or no region is left.
    """
    first = data[0]
    if len(data) == 1:
        return first
    for other in data:
        _check_alike(first, other)
    missing = {name: f"{each.scan.label}: {reason}" for each in reversed(data) for name, reason in each.missing.items()}
    if len(missing) == len(first.regions):
        raise DataError(
            f"{first.scan.label}: no region is there in all {len(data)} scans", hint="leave the worst scan out"
        )
    lost = np.array([name in missing for name in first.regions])
    unfiltered = [each.unfiltered for each in data if each.unfiltered is not None]
    return replace(
        first,
        signals=_join([each.signals for each in data if each.signals is not None], lost),
        unfiltered=_join(unfiltered, lost) if len(unfiltered) == len(data) else None,
        run_lengths=tuple(len(each) for each in unfiltered),
        missing={name: missing[name] for name in first.regions if name in missing},
        qc=_join_qc([each.qc for each in data if each.qc is not None], n_missing=len(missing)),
    )


def _check_alike(first: ScanData, other: ScanData) -> None:
    if other.signals is None:
        raise DataError(
            f"{other.scan.path}: only time series can be concatenated, this input has none",
            hint='set input.combine = "average"',
        )
    if other.regions != first.regions:
        differing = set(other.regions) ^ set(first.regions)
        found = f"{len(differing)} regions are in one only" if differing else "their order differs"
        raise DataError(
            f"{first.scan.label} and {other.scan.label} have different regions: {found}",
            hint="read all scans of a person with one atlas; see input.derivative",
        )
    if first.tr_s and other.tr_s and abs(first.tr_s - other.tr_s) > 1e-3 * first.tr_s:
        raise DataError(
            f"{first.scan.label} has a repetition time of {first.tr_s:g} s, {other.scan.label} of {other.tr_s:g} s",
            hint='set input.combine = "average", or choose one with input.task',
        )


def _join(parts: Sequence[FloatArray], lost: np.ndarray) -> FloatArray:
    joined = np.concatenate(parts)
    joined[:, lost] = np.nan
    return joined


def _join_qc(qc: Sequence[ScanQC], *, n_missing: int) -> ScanQC | None:
    """Quality of all scans together: minutes add up, motion is averaged over volumes, coverage is the lowest."""
    if not qc:
        return None
    fd_mm = np.concatenate([q.fd_mm for q in qc])
    moving = [q for q in qc if np.isfinite(q.mean_fd_mm)]
    weights = [max(q.n_volumes, 1) for q in moving]
    coverage = [q.region_coverage for q in qc if len(q.region_coverage)]
    return replace(
        qc[0],
        label=" + ".join(q.label for q in qc),
        n_volumes=sum(q.n_volumes for q in qc),
        n_volumes_kept=sum(q.n_volumes_kept for q in qc),
        minutes_kept=float(sum(q.minutes_kept for q in qc)),
        mean_fd_mm=float(np.average([q.mean_fd_mm for q in moving], weights=weights)) if moving else float("nan"),
        max_fd_mm=max((q.max_fd_mm for q in moving), default=float("nan")),
        fd_mm=fd_mm,
        dvars=np.concatenate([q.dvars for q in qc]),
        censored=np.concatenate([q.censored for q in qc]),
        n_nonfinite_voxels=sum(q.n_nonfinite_voxels for q in qc),
        nonfinite_share=float(np.mean([q.nonfinite_share for q in qc])),
        region_coverage=np.min(coverage, axis=0) if coverage else np.empty(0),
        n_regions_missing=n_missing,
        warnings=tuple(f"{q.label}: {warning}" for q in qc for warning in q.warnings),
    )
