"""What was found in the raw T1w: brain and tissues."""

import numpy as np

from bidsml.records import PLAUSIBLE_BRAIN_ML, AnatomicalQC, AnatomyView, ParticipantResult
from bidsml.report.blocks import Block, Bullets, Facts, Figure, Section, Table
from bidsml.report.canvas import ORANGE, SKY, VERMILLION
from bidsml.report.pictures import Outline, brain_picture
from bidsml.report.wording import number, plural

_SIDES = "The right of an axial or coronal slice is the right of the head."


def section(result: ParticipantResult) -> Section | None:
    """Show slices of each T1w with the outlines of brain and tissues, where raw images were preprocessed."""
    if not result.anatomy and not result.anatomical:
        return None
    blocks: list[Block] = []
    for quality in result.anatomical:
        blocks.append(_facts(quality))
        if quality.warnings:
            blocks.append(Bullets(quality.warnings, heading=f"Noted on {quality.label}"))
    for index, view in enumerate(result.anatomy, start=1):
        blocks.append(_show(view, f"anatomy-{index}"))
        if view.warnings:
            blocks.append(Bullets(view.warnings, heading=f"Noted on {view.label}"))
    return Section(
        anchor="anatomy",
        title="Anatomy",
        lead="Brain and tissues found in the T1w image. A mask that cuts the cortex off, or takes in skull or neck, "
        "spoils everything after it; look at the outlines.",
        blocks=tuple(blocks),
    )


def _facts(quality: AnatomicalQC) -> Facts:
    source = "skull-stripped before it came here" if quality.skull_stripped_input else "with its skull"
    return Facts(
        (
            ("T1w", quality.label),
            ("Made from", f"{plural(quality.n_t1w, 'image')}, {source}"),
            ("Voxels", " × ".join(f"{size:.3g}" for size in quality.voxel_sizes_mm) + " mm"),
            (f"Brain's overlap with {quality.space} (Dice)", number(quality.template_dice)),
            (f"Correlation with {quality.space}", number(quality.template_correlation)),
        )
    )


def _show(view: AnatomyView, name: str) -> Figure:
    tissue = view.gray_matter | view.white_matter
    outlines = [Outline("brain mask", view.brain, ORANGE)]
    if tissue.any():
        outlines += [
            Outline("outside of grey matter", tissue, SKY),
            Outline("outside of white matter", view.white_matter, VERMILLION),
        ]
    alt = f"{view.label}: {_finding(view)} {plural(13, 'slice')}, with the outlines of {_names(outlines)}. {_SIDES}"
    rows = tuple((what, number(volume, 4)) for what, volume in view.volumes_ml.items())
    return Figure(
        name=name,
        svg=brain_picture(view.slices, outlines, name=name, alt=alt),
        alt=alt,
        table=Table("volumes in the T1w's own space", ("What", "Volume, ml"), rows),
        wide=True,
    )


def _names(outlines: list[Outline]) -> str:
    return ", ".join(outline.label for outline in outlines)


def _finding(view: AnatomyView) -> str:
    brain = view.volumes_ml.get("brain", float("nan"))
    low, high = PLAUSIBLE_BRAIN_ML
    if low <= brain <= high:
        judged = "which is plausible for an adult"
    elif not np.isnan(brain):
        judged = f"which is outside the {low:.0f} to {high:.0f} ml of adults: look at the mask"
    else:
        judged = "which was not measured"
    tissues = [f"{what} {number(ml)} ml" for what, ml in view.volumes_ml.items() if what != "brain"]
    inside = f" ({', '.join(tissues)})" if tissues else ""
    return f"the brain mask holds {number(brain, 4)} ml{inside}, {judged}."
