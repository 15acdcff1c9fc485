"""What failed on the way to this participant's features, and how to repeat it."""

from bidsml.records import FailedParticipant, ParticipantResult
from bidsml.report.blocks import Facts, Paragraph, Section
from bidsml.report.failures import show_commands

_NOTHING = (
    "No step of the computation failed for this participant. What was noticed on the way stands with the image it is "
    "about."
)


def section(result: ParticipantResult) -> Section:
    """Say that nothing failed: a participant for whom something did has a page of its own kind."""
    return Section(
        anchor="errors",
        title="Errors",
        lead=f"What failed while the analysis {result.analysis} was computed.",
        blocks=(Paragraph(_NOTHING),),
    )


def failed(participant: FailedParticipant) -> Section:
    """Say what failed, why, what to do, and the command that repeats it."""
    failure = participant.failure
    pairs = [("Analysis", failure.analysis), ("Cause", failure.reason)]
    if failure.hint:
        pairs.append(("What to do", failure.hint))
    return Section(
        anchor="errors",
        title="What failed",
        lead="Nothing of this participant enters the group analysis until this is mended. The page makes way for the "
        "participant's own as soon as the computation succeeds.",
        badge="Failed: no features were made",
        tone="bad",
        blocks=(Facts(tuple(pairs)), *show_commands([failure])),
    )


def about(participant: FailedParticipant) -> Section:
    """Name the version that failed."""
    return Section(
        anchor="about",
        title="About",
        lead="What was asked to compute this participant.",
        blocks=(Facts((("bidsml", participant.version),)),),
    )
