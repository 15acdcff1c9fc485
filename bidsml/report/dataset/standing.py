"""What is finished, what failed and what is missing, at a glance."""

from collections import Counter
from collections.abc import Mapping

from bidsml.records import Dataset, Standing
from bidsml.report.blocks import Facts, Section, Tone
from bidsml.report.wording import plural

WORDS: Mapping[Standing, str] = {
    "done": "finished",
    "failed": "failed",
    "missing": "begun and not finished",
    "no-input": "without matching input",
}


def section(dataset: Dataset) -> Section:
    """Count participants and analyses by where they stand."""
    badge, tone = _badge(dataset)
    people = Counter((one.analysis, one.standing) for one in dataset.participants)
    names = dict.fromkeys([*(one.analysis for one in dataset.participants), *[o.analysis for o in dataset.analyses]])
    pairs = []
    for name in names:
        counts = [f"{people[name, state]} {words}" for state, words in WORDS.items() if people[name, state]]
        pairs.append((f"Participants of {name}", ", ".join(counts) or "none"))
        pairs.append((f"Group analysis {name}", _group(dataset, name)))
    return Section(
        anchor="status",
        title="Status",
        lead="Where the participants and the analyses of this output folder stand, from the files that are in it.",
        blocks=(Facts(tuple(pairs)),) if pairs else (),
        badge=badge,
        tone=tone,
    )


def _group(dataset: Dataset, name: str) -> str:
    standings = {one.standing for one in dataset.analyses if one.analysis == name}
    return "failed" if "failed" in standings else "finished" if "done" in standings else "not run yet"


def _badge(dataset: Dataset) -> tuple[str, Tone]:
    labels = {one.participant_id for one in dataset.participants}
    failed = {one.participant_id for one in dataset.participants if one.standing == "failed"}
    missing = {one.participant_id for one in dataset.participants if one.standing == "missing"}
    broken = [one.analysis for one in dataset.analyses if one.standing == "failed"]
    parts = []
    if failed:
        parts.append(f"{len(failed)} of {plural(len(labels), 'participant')} failed")
    if missing:
        parts.append(f"{len(missing)} of {plural(len(labels), 'participant')} not finished")
    if broken:
        parts.append(f"{plural(len(broken), 'group analysis', 'group analyses')} failed")
    if parts:
        return f"{'; '.join(parts)}: see the errors", "caution"
    finished = sum(one.standing == "done" for one in dataset.analyses)
    groups = plural(finished, "group analysis", "group analyses")
    return f"{plural(len(labels), 'participant')} and {groups}: nothing failed", "good"
