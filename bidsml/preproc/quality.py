"""Quality of scans: what is kept of each, and a verdict on the participant."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bidsml.preproc.confounds import Confounds
from bidsml.records import AnatomicalQC, FloatArray, FunctionalQC, Scan, ScanQC, one_per_scan
from bidsml.spec import DenoiseSpec

Verdict = Literal["pass", "review", "fail"]

MAX_MEAN_FD_MM = 0.5
MAX_CENSORED = 0.2
MAX_MISSING_REGIONS = 0.1
# The MNI152 brain overlaps itself by Dice 0.74-0.80 when 20-24 mm off, and by 0.71-0.85 when turned by 90° or more;
# within its mask the template correlates with itself by 0.27-0.38 when 10 mm off, by at most 0.32 when turned by 20°.
# Right masks of 20 real brains had at least 0.94, right warps of four at least 0.67; `preproc.anatomical.volumes` warns
# in between.
LEAST_TEMPLATE_DICE = 0.8
LEAST_TEMPLATE_CORRELATION = 0.3


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
    nonfinite_share: float = 0.0,
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
        mean_fd_mm=mean_fd_mm(fd_mm),
        max_fd_mm=float(known.max()) if len(known) else float("nan"),
        fd_mm=fd_mm,
        dvars=confounds.dvars if confounds is not None else np.empty(0),
        censored=~kept,
        confound_columns=confounds.columns if confounds is not None else (),
        n_nonfinite_voxels=n_nonfinite_voxels,
        nonfinite_share=nonfinite_share,
        region_coverage=coverage if coverage is not None else np.empty(0),
        n_regions=n_regions,
        n_regions_missing=n_regions_missing,
        warnings=(*(confounds.warnings if confounds is not None else ()), *warnings),
    )


def verdict(
    qc: Sequence[ScanQC],
    denoise: DenoiseSpec,
    *,
    anatomical: Sequence[AnatomicalQC] = (),
    functional: Sequence[FunctionalQC] = (),
    kinds: Collection[str] = (),
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge one participant by all their scans.

    ``fail``: less clean data than ``denoise.min_minutes``, no region left, or a T1w that doesn't lie on the template.
    ``review``: mean framewise displacement above 0.5 mm, more than 20 % of volumes censored, more than 10 % of
    regions missing in some scan, or a warning, be it of a scan or of the preprocessing. Otherwise ``pass``. What is
    not known never counts against a participant, but is said.

    Parameters
    ----------
    qc
        Of the scans whose signals were cleaned.
    anatomical, functional
        Of raw images that were preprocessed here. Head motion in raw runs is judged where ``qc`` is empty, as it is
        of a task alone; both tell of the same runs.
    kinds
        Kinds of the participant's scans.

    Returns
    -------
    verdict
        ``pass``, ``review`` or ``fail``.
    reasons
        Why, in words; for ``pass`` only what is not known.
    """
    failing = (*_reasons_to_fail(qc, denoise), *_misplaced(anatomical))
    motion = _motion_of_scans(qc) or _motion_of_runs(functional, denoise)
    warned = [*((one.label, one.warnings) for one in anatomical), *((one.label, one.warnings) for one in functional)]
    noted = [f"{label}: {warning}" for label, warnings in warned for warning in warnings]
    reviewing = tuple(dict.fromkeys([*_judge_motion(motion), *_reasons_to_review(qc), *noted]))
    unknown = _unknown(qc, preprocessed=bool(anatomical or functional), kinds=kinds)
    if failing:
        return "fail", (*failing, *reviewing, *unknown)
    if reviewing:
        return "review", (*reviewing, *unknown)
    return "pass", unknown


def _reasons_to_fail(qc: Sequence[ScanQC], denoise: DenoiseSpec) -> tuple[str, ...]:
    reasons = []
    minutes = [q.minutes_kept for q in one_per_scan(qc) if np.isfinite(q.minutes_kept)]
    if minutes and sum(minutes) < denoise.min_minutes:
        reasons.append(f"{sum(minutes):.1f} min of clean data, at least {denoise.min_minutes:g} are asked for")
    if any(q.n_regions and q.n_regions_missing >= q.n_regions for q in qc):
        reasons.append("all regions are missing")
    return tuple(reasons)


def _misplaced(anatomical: Sequence[AnatomicalQC]) -> tuple[str, ...]:
    """Say which T1w lie elsewhere than the template, so that no region of an atlas is where its name says."""
    reasons = []
    for one in anatomical:
        found = f"{one.label}: the T1w does not lie on the template"
        if not one.template_dice >= LEAST_TEMPLATE_DICE:
            reasons.append(f"{found}: brains overlap by Dice {one.template_dice:.2f}, below {LEAST_TEMPLATE_DICE:.2f}")
        elif not one.template_correlation >= LEAST_TEMPLATE_CORRELATION:
            limit = f"below {LEAST_TEMPLATE_CORRELATION:.2f}"
            reasons.append(f"{found}: their correlation is {one.template_correlation:.2f}, {limit}")
    return tuple(reasons)


class _Motion(NamedTuple):
    """Motion in one scan: mean framewise displacement (NaN where not known), and volumes left out of how many."""

    mean_fd_mm: float
    n_volumes: int
    n_censored: int


def _motion_of_scans(qc: Sequence[ScanQC]) -> list[_Motion]:
    return [_Motion(q.mean_fd_mm, q.n_volumes, q.n_volumes - q.n_volumes_kept) for q in one_per_scan(qc)]


def _motion_of_runs(functional: Sequence[FunctionalQC], denoise: DenoiseSpec) -> list[_Motion]:
    """Motion in raw runs; censored are volumes before the steady state and those above ``denoise.fd_censor_mm``."""
    found = []
    for run in functional:
        out = np.arange(len(run.fd_mm)) < run.n_dummy
        if denoise.fd_censor_mm:
            out |= np.nan_to_num(run.fd_mm) > denoise.fd_censor_mm
        found.append(_Motion(mean_fd_mm(run.fd_mm), run.n_volumes, int(out.sum())))
    return found


def mean_fd_mm(fd_mm: FloatArray) -> float:
    """Mean framewise displacement over the volumes where it is known; NaN where it is not known at all."""
    known = fd_mm[np.isfinite(fd_mm)]
    return float(known.mean()) if len(known) else float("nan")


def _judge_motion(motion: Sequence[_Motion]) -> list[str]:
    reasons = []
    moving = [one for one in motion if np.isfinite(one.mean_fd_mm)]
    if moving:
        mean = np.average([one.mean_fd_mm for one in moving], weights=[max(one.n_volumes, 1) for one in moving])
        if mean > MAX_MEAN_FD_MM:
            reasons.append(f"mean framewise displacement {mean:.2f} mm, above {MAX_MEAN_FD_MM} mm")
    volumes = sum(one.n_volumes for one in motion)
    censored = sum(one.n_censored for one in motion)
    if volumes and censored > MAX_CENSORED * volumes:
        reasons.append(f"{100 * censored / volumes:.0f} % of volumes censored, above {100 * MAX_CENSORED:.0f} %")
    return reasons


def _reasons_to_review(qc: Sequence[ScanQC]) -> list[str]:
    reasons = []
    for q in qc:
        if q.n_regions and q.n_regions_missing > MAX_MISSING_REGIONS * q.n_regions:
            reasons.append(f"{q.label}: {q.n_regions_missing} of {q.n_regions} regions are missing")
        reasons.extend(f"{q.label}: {warning}" for warning in q.warnings)
    return list(dict.fromkeys(reasons))


# What other tools made, or what has no judgement of its own yet.
_OF_OTHERS = {
    "freesurfer": "FreeSurfer's statistics",
    "mriqc": "MRIQC's metrics",
    "dwimap": "maps of diffusion",
    "eeg": "EEG",
    "meg": "MEG",
}


def _unknown(qc: Sequence[ScanQC], *, preprocessed: bool, kinds: Collection[str]) -> tuple[str, ...]:
    if not qc and preprocessed:
        return ()
    if not qc:
        if "bold" in kinds:
            return ("quality of motion not known: only a task was modelled, in images preprocessed elsewhere",)
        others = sorted(_OF_OTHERS[kind] for kind in set(kinds) & set(_OF_OTHERS))
        if others:
            return (f"quality not judged: {', '.join(others)}",)
        return ("no scan: table data only",)
    if all(np.isnan(q.mean_fd_mm) for q in qc):
        # No volumes either means that the input was a matrix.
        what = "time series" if any(q.n_volumes for q in qc) else "matrices"
        return (f"quality of motion not known: ready-made {what}",)
    return ()
