"""Each raw BOLD run at a glance: head position, and every voxel's signal over time."""

import numpy as np

from bidsml.records import FunctionalQC, ParticipantResult
from bidsml.report.blocks import Block, Bullets, Facts, Figure, Section, Table
from bidsml.report.carpet import carpet_plot, head_position
from bidsml.report.wording import number, percent, plural

_DIRECTIONS = ("left–right", "back–front", "down–up")
_AXES = ("pitch", "roll", "yaw")
_TISSUES = ("grey matter", "white matter", "CSF")


def section(result: ParticipantResult) -> Section | None:
    """Show every run that was preprocessed here."""
    if not result.functional:
        return None
    blocks: list[Block] = []
    for index, run in enumerate(result.functional, start=1):
        blocks += [_facts(run), _position(run, f"position-{index}")]
        if run.carpet.size:
            blocks.append(_carpet(run, f"carpet-{index}"))
        if run.warnings:
            blocks.append(Bullets(run.warnings, heading=f"Noted on {run.label}"))
    return Section(
        anchor="runs",
        title="Preprocessed runs",
        lead=f"How the head lay during {plural(len(result.functional), 'run')}, and the signal of the whole brain "
        "before anything was removed from it.",
        blocks=tuple(blocks),
    )


def _facts(run: FunctionalQC) -> Facts:
    timing = f"brought to {number(run.slice_time_s)} s of each volume" if run.slice_timing else "not corrected"
    return Facts(
        (
            ("Run", run.label),
            ("Volumes", f"{run.n_volumes}, {run.n_dummy} of them before the steady state"),
            ("Repetition time", f"{number(run.tr_s)} s"),
            ("Slice timing", timing),
            ("Registered to", "the T1w" if run.target == "T1w" else "the template directly, for want of a T1w"),
            ("Mutual information", f"{number(run.nmi_before)} before, {number(run.nmi_after)} after registration"),
            ("Template's brain covered", percent(run.coverage)),
            ("Signal-to-noise over time", f"{number(run.tsnr)} (median over the brain)"),
        )
    )


def _position(run: FunctionalQC, name: str) -> Figure:
    shift, turn = run.motion[:, :3], np.rad2deg(run.motion[:, 3:])
    ranges = np.ptp(np.hstack([shift, turn]), axis=0)
    most_mm, most_degrees = int(np.argmax(ranges[:3])), int(np.argmax(ranges[3:]))
    alt = (
        f"{run.label}: position of the head relative to volume {run.reference_volume}. Its largest "
        f"shift is {_DIRECTIONS[most_mm]}, over {number(float(ranges[most_mm]))} mm, and its largest turn in "
        f"{_AXES[most_degrees]}, over {number(float(ranges[3 + most_degrees]))}°."
    )
    columns = [*(f"{way}, mm" for way in _DIRECTIONS), *(f"{axis}, °" for axis in _AXES)]
    rows = tuple(
        (column, number(float(values.min())), number(float(values.max())))
        for column, values in zip(columns, np.hstack([shift, turn]).T, strict=True)
    )
    return Figure(
        name=name,
        svg=head_position(shift, turn, labels=(_DIRECTIONS, _AXES), name=name, alt=alt),
        alt=alt,
        table=Table("range of each position", ("Position", "Smallest", "Largest"), rows),
    )


def _carpet(run: FunctionalQC, name: str) -> Figure:
    steady = run.carpet[:, run.n_dummy :]
    together = float(np.var(steady.mean(axis=0)) / max(float(np.mean(np.var(steady, axis=1))), 1e-12))
    alt = (
        f"{run.label}: signal of {plural(len(run.carpet), 'group')} of neighbouring voxels over {run.n_volumes} "
        f"volumes. {percent(together)} of its variance is common to all of them, as breathing and movement make it; "
        f"framewise displacement has a mean of {number(_mean(run.fd_mm))} mm, DVARS of {number(_mean(run.dvars))}."
    )
    counts = np.bincount(run.carpet_tissues, minlength=len(_TISSUES))
    rows = tuple((tissue, str(count)) for tissue, count in zip(_TISSUES, counts, strict=True))
    return Figure(
        name=name,
        svg=carpet_plot(run.carpet, run.carpet_tissues, run.fd_mm, run.dvars, tissues=_TISSUES, name=name, alt=alt),
        alt=alt,
        table=Table("rows of the carpet by tissue", ("Tissue", "Rows"), rows),
        wide=True,
    )


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
