"""Reports: one self-contained HTML page per participant and per analysis.

A section is a function ``section(result) -> Section | None`` in a file of ``participant/`` or ``group/``,
listed here in the order of the page. Sections are given records; they never search for files.
"""

from collections.abc import Callable

from bidsml.records import ParticipantResult, Result
from bidsml.report import group, participant
from bidsml.report.blocks import Section
from bidsml.report.lookup import name_target, say_counts
from bidsml.report.page import Page, make_page

SECTIONS_PARTICIPANT: tuple[Callable[[ParticipantResult], Section | None], ...] = (
    participant.verdict.section,
    participant.inputs.section,
    participant.anatomy.section,
    participant.alignment.section,
    participant.runs.section,
    participant.motion.section,
    participant.denoising.section,
    participant.coverage.section,
    participant.features.section,
    participant.methods.section,
    participant.about.section,
)

SECTIONS_GROUP: tuple[Callable[[Result], Section | None], ...] = (
    group.answer.section,
    group.flow.section,
    group.cohort.section,
    group.design.section,
    group.leakage.section,
    group.learning_curve.section,
    group.discrimination.section,
    group.null.section,
    group.calibration.section,
    group.utility.section,
    group.baselines.section,
    group.subgroups.section,
    group.sites.section,
    group.weights.section,
    group.performance.section,
    group.methods.section,
    group.provenance.section,
    group.warnings.section,
)


def render_participant(result: ParticipantResult) -> Page:
    """Make the page of one participant: data quality and features, no prediction."""
    sections = [section for make in SECTIONS_PARTICIPANT if (section := make(result)) is not None]
    return make_page(
        sections,
        title=f"Participant {result.participant_id}",
        subtitle=f"Data quality and features for the analysis {result.analysis}",
        version=result.provenance.version,
    )


def render_group(result: Result) -> Page:
    """Make the page of one analysis: the answer first, then everything that it rests on."""
    sections = [section for make in SECTIONS_GROUP if (section := make(result)) is not None]
    return make_page(
        sections,
        title=f"Biomarker report: {result.analysis}",
        subtitle=f"Does the measure predict {name_target(result)}? {say_counts(result)}.",
        version=result.provenance.version,
    )


__all__ = ["SECTIONS_GROUP", "SECTIONS_PARTICIPANT", "Page", "render_group", "render_participant"]
