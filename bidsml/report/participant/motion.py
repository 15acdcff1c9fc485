"""How much the participant moved, and what was left out for it."""

from itertools import pairwise

import numpy as np

from bidsml.records import ParticipantResult, ScanQC, one_per_scan
from bidsml.report.blocks import Block, Facts, Figure, Section, Table
from bidsml.report.figures import motion_trace
from bidsml.report.wording import number, percent

_BINS_MM = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, np.inf)


def section(result: ParticipantResult) -> Section | None:
    """Show framewise displacement and DVARS over time, where the inputs tell."""
    known = [qc for qc in one_per_scan(result.qc) if qc.fd_mm.size or not np.isnan(qc.mean_fd_mm)]
    if not known:
        return None
    threshold = result.denoise.get("fd_censor_mm")
    blocks: list[Block] = []
    for index, qc in enumerate(known, start=1):
        blocks.append(_facts(qc))
        if qc.fd_mm.size:
            blocks.append(_trace(qc, threshold, f"motion-{index}"))
    worst = max((qc.mean_fd_mm for qc in known if not np.isnan(qc.mean_fd_mm)), default=float("nan"))
    return Section(
        anchor="motion",
        title="Motion",
        lead="Head movement from volume to volume (framewise displacement, FD). Movement makes false connections; "
        f"the largest mean FD of a scan is {number(worst)} mm.",
        blocks=tuple(blocks),
    )


def _facts(qc: ScanQC) -> Facts:
    return Facts(
        (
            ("Scan", qc.label),
            ("Mean FD", f"{number(qc.mean_fd_mm)} mm"),
            ("Largest FD", f"{number(qc.max_fd_mm)} mm"),
            ("Volumes kept", f"{qc.n_volumes_kept} of {qc.n_volumes}"),
            ("Minutes kept", number(qc.minutes_kept)),
        )
    )


def _trace(qc: ScanQC, threshold: float | None, name: str) -> Figure:
    left_out = int(qc.censored.sum())
    share = percent(left_out / qc.n_volumes) if qc.n_volumes else "n/a"
    limit = "No limit was set" if threshold is None else f"The limit is {number(threshold)} mm"
    alt = (
        f"{qc.label}: framewise displacement has a mean of {number(qc.mean_fd_mm)} mm and peaks at "
        f"{number(qc.max_fd_mm)} mm. {limit}; {left_out} of {qc.n_volumes} volumes ({share}) are left out (shaded), "
        f"{number(qc.minutes_kept)} minutes remain."
    )
    counts, _ = np.histogram(qc.fd_mm[np.isfinite(qc.fd_mm)], bins=np.array(_BINS_MM))
    labels = [f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and more" for low, high in pairwise(_BINS_MM)]
    return Figure(
        name=name,
        svg=motion_trace(qc.fd_mm, qc.dvars, qc.censored, threshold_mm=threshold, name=name, alt=alt),
        alt=alt,
        table=Table(
            caption="volumes by framewise displacement",
            columns=("FD, mm", "Volumes"),
            rows=tuple((label, str(count)) for label, count in zip(labels, counts, strict=True)),
        ),
    )
