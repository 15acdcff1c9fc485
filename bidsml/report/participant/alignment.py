"""Whether images lie where they should after registration."""

from bidsml.records import AlignmentView, ParticipantResult
from bidsml.report.blocks import Block, Bullets, Comparison, Section, Table
from bidsml.report.canvas import ORANGE
from bidsml.report.pictures import Outline, brain_picture
from bidsml.report.wording import number


def section(result: ParticipantResult) -> Section | None:
    """Show pairs of images behind a slider, where something was registered."""
    if not result.alignment:
        return None
    blocks: list[Block] = []
    for index, view in enumerate(result.alignment, start=1):
        blocks.append(_compare(view, f"alignment-{index}"))
        if view.warnings:
            blocks.append(Bullets(view.warnings, heading=f"Noted on {view.label}"))
    return Section(
        anchor="alignment",
        title="Alignment",
        lead="Two images of the same slices, one over the other: move the slider, and look whether folds, ventricles "
        "and the outline of the brain stay where they are.",
        blocks=tuple(blocks),
    )


def _compare(view: AlignmentView, name: str) -> Comparison:
    figures = ", ".join(f"{what} {number(value)}" for what, value in view.similarity.items())
    alt = (
        f"{view.label}: {view.moving_name} over {view.fixed_name}, 13 slices each"
        f"{f'; {figures}' if figures else ''}. The line is the brain of the {view.fixed_name}, the same over both."
    )
    outline = [Outline(f"brain of the {view.fixed_name}", view.outline, ORANGE)]
    rows = tuple((what, number(value)) for what, value in view.similarity.items())
    return Comparison(
        name=name,
        lower=brain_picture(view.fixed, outline, name=f"{name}-lower", alt=f"13 slices of: {view.fixed_name}"),
        lower_name=view.fixed_name,
        upper=brain_picture(view.moving, outline, name=f"{name}-upper", alt=f"13 slices of: {view.moving_name}"),
        upper_name=view.moving_name,
        alt=alt,
        table=Table("how well they agree", ("Measure", "Value"), rows or (("none", "n/a"),)),
    )
