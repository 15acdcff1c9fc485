"""Reports: one self-contained HTML page per participant and per analysis, and one of the whole output folder.

A section is a function ``section(result) -> Section | None`` in a file of ``participant/``, ``group/`` or ``dataset/``,
listed here in the order of the page. Sections are given records; they never search for files.
"""

from collections.abc import Callable

from bidsml.records import Dataset, FailedParticipant, ParticipantResult, Result
from bidsml.report import dataset, group, participant
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
    participant.rating.section,
    participant.methods.section,
    participant.errors.section,
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
    group.people.section,
    group.weights.section,
    group.failures.section,
    group.performance.section,
    group.model.section,
    group.methods.section,
    group.checklist.section,
    group.provenance.section,
    group.warnings.section,
    group.errors.section,
)

SECTIONS_FAILED: tuple[Callable[[FailedParticipant], Section | None], ...] = (
    participant.errors.failed,
    participant.errors.about,
)

SECTIONS_DATASET: tuple[Callable[[Dataset], Section | None], ...] = (
    dataset.standing.section,
    dataset.analyses.section,
    dataset.errors.section,
    dataset.participants.section,
    dataset.mosaic.section,
    dataset.about.section,
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


def render_failed(participant: FailedParticipant) -> Page:
    """Make the page of a participant whose computation failed: what, why, and how to repeat it."""
    sections = [section for make in SECTIONS_FAILED if (section := make(participant)) is not None]
    return make_page(
        sections,
        title=f"Participant {participant.participant_id}",
        subtitle=f"The analysis {participant.failure.analysis} could not be computed",
        version=participant.version,
    )


def render_dataset(content: Dataset) -> Page:
    """Make the page of an output folder: who stands where, what each analysis found, what failed."""
    sections = [section for make in SECTIONS_DATASET if (section := make(content)) is not None]
    return make_page(
        sections,
        title=f"Overview of {content.name}" if content.name else "Overview",
        subtitle="All participants and all analyses of this output folder",
        version=content.version,
    )


__all__ = [
    "SECTIONS_DATASET",
    "SECTIONS_FAILED",
    "SECTIONS_GROUP",
    "SECTIONS_PARTICIPANT",
    "Page",
    "render_dataset",
    "render_failed",
    "render_group",
    "render_participant",
]
