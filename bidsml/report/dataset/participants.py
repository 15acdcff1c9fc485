"""Quality of every participant's data, in one table."""

from bidsml.records import Dataset, ParticipantEntry
from bidsml.report.blocks import Cell, Link, Section, Table
from bidsml.report.dataset.standing import WORDS
from bidsml.report.wording import number, percent, plural


def section(dataset: Dataset) -> Section | None:
    """List everyone, once in each analysis; nothing where nobody was selected."""
    if not dataset.participants:
        return None
    analyses = dict.fromkeys(one.analysis for one in dataset.participants)
    several = len(analyses) > 1
    first = ("Participant", "Analysis", "Status", "Verdict") if several else ("Participant", "Status", "Verdict")
    people = len({one.participant_id for one in dataset.participants})
    return Section(
        anchor="participants",
        title="Participants",
        lead=f"Data quality of {plural(people, 'participant')}: mean framewise displacement (FD), minutes of signal "
        "that are left after censoring, and the share of features that could be measured. The name leads to the "
        "participant's own page.",
        blocks=(
            Table(
                "Participants",
                (*first, "Mean FD, mm", "Minutes kept", "Coverage"),
                tuple(_row(one, several=several) for one in dataset.participants),
                text_columns=len(first),
                name="participants",
                sortable=True,
                filters=first[1:],
            ),
        ),
    )


def _row(one: ParticipantEntry, *, several: bool) -> tuple[Cell, ...]:
    label = f"sub-{one.participant_id}"
    return (
        Link(label, one.page) if one.page else label,
        *((one.analysis,) if several else ()),
        WORDS[one.standing],
        one.verdict or "n/a",
        number(one.mean_fd_mm),
        number(one.minutes_kept),
        percent(one.coverage),
    )
