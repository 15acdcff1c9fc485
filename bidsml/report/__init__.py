"""Reports: one self-contained HTML page per participant and per analysis, and one of the whole output folder.

A section is a function ``section(result) -> Section | None`` in a file of ``participant/``, ``group/`` or ``dataset/``,
listed here in the order of the page. Sections are given records; they never search for files.
Other packages add sections by entry points (:mod:`bidsml.extension`); an analysis names them under ``report.sections``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bidsml.errors import AnalysisFileError, PluginError, near_names
from bidsml.extension import GROUP_SECTIONS, PARTICIPANT_SECTIONS, Catalog
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
    group.blocks.section,
    group.subgroups.section,
    group.sites.section,
    group.normative.section,
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


MORE_PARTICIPANT: Catalog[Callable[[ParticipantResult], Section | None]] = Catalog({}, group=PARTICIPANT_SECTIONS)
MORE_GROUP: Catalog[Callable[[Result], Section | None]] = Catalog({}, group=GROUP_SECTIONS)
"""Sections of installed packages."""


def check_sections(names: Sequence[str]) -> None:
    """Check that each section named under ``report.sections`` is installed and can be imported.

    Raises
    ------
    AnalysisFileError
        Nobody offers it.
    PluginError
        It cannot be imported.
    """
    for name in names:
        offering = [catalog for catalog in (MORE_PARTICIPANT, MORE_GROUP) if name in catalog]
        if not offering:
            raise AnalysisFileError(
                f"report.sections: no installed package offers a section {name!r}",
                hint=near_names(name, [*MORE_PARTICIPANT, *MORE_GROUP]) + "; `bidsml doctor` lists what is installed",
            )
        for catalog in offering:
            catalog[name]


def _make_all(
    own: Sequence[Callable[[Any], Section | None]], more: Catalog[Callable[[Any], Section | None]], result: Any
) -> list[Section]:
    """Make bidsml's own sections, with those that the analysis names before the methods."""
    named = result.provenance.analysis.get("report", {}).get("sections", ())
    # A page that is made again may be made where the package is not installed.
    check_sections(named)
    sections = [section for make in own if (section := make(result)) is not None]
    methods = next((number for number, section in enumerate(sections) if section.anchor == "methods"), len(sections))
    added = [section for name in named if name in more and (section := _make_added(more, name, result)) is not None]
    return [*sections[:methods], *added, *sections[methods:]]


def _make_added(more: Catalog[Callable[[Any], Section | None]], name: str, result: Any) -> Section | None:
    try:
        return more[name](result)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"the section {name!r} cannot be made: {type(error).__name__}: {error}",
            hint="leave it out of report.sections, or ask the makers of the package that offers it",
        ) from error


def render_participant(result: ParticipantResult) -> Page:
    """Make the page of one participant: data quality and features, no prediction."""
    sections = _make_all(SECTIONS_PARTICIPANT, MORE_PARTICIPANT, result)
    return make_page(
        sections,
        title=f"Participant {result.participant_id}",
        subtitle=f"Data quality and features for the analysis {result.analysis}",
        version=result.provenance.version,
    )


def render_group(result: Result) -> Page:
    """Make the page of one analysis: the answer first, then everything that it rests on."""
    sections = _make_all(SECTIONS_GROUP, MORE_GROUP, result)
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
    "MORE_GROUP",
    "MORE_PARTICIPANT",
    "SECTIONS_DATASET",
    "SECTIONS_FAILED",
    "SECTIONS_GROUP",
    "SECTIONS_PARTICIPANT",
    "Page",
    "check_sections",
    "render_dataset",
    "render_failed",
    "render_group",
    "render_participant",
]
