"""Who could not be analysed because a computation failed, and how to repeat it."""

from bidsml.records import Attrition, Failure, Result
from bidsml.report.blocks import Paragraph, Section
from bidsml.report.failures import show_failures
from bidsml.report.wording import plural

GATE = "failed"
"""Gate of those whose participant level failed or was not run."""


def section(result: Result) -> Section:
    """List every participant that the analysis went on without, with the cause and the command."""
    lost = [one for one in result.cohort.attrition if one.gate == GATE]
    if not lost:
        return Section(
            anchor="errors",
            title="Errors",
            lead="What failed on the way to this report.",
            blocks=(Paragraph("Nothing failed: every participant with input was computed to the end."),),
        )
    return Section(
        anchor="errors",
        title="Errors",
        lead=f"The analysis went on without {plural(len(lost), 'participant')} whose computation did not come to its "
        "end. Once they are mended, run the group level again.",
        blocks=show_failures([_failure(one, result) for one in lost], name="errors"),
    )


def _failure(lost: Attrition, result: Result) -> Failure:
    return Failure(
        what=f"sub-{lost.participant_id}",
        analysis=result.analysis,
        reason=lost.reason,
        command=_participant_command(lost.participant_id, result),
    )


def _participant_command(participant_id: str, result: Result) -> tuple[str, ...]:
    """Make the group's own command one of the participant level."""
    words = list(result.provenance.command)
    if len(words) < 4:  # not recorded
        return ()
    words[3] = "participant"
    return (*words, "--participant-label", participant_id)
