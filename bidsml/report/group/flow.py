"""Who was considered, who left and why."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bidsml.records import Attrition, Result
from bidsml.report.blocks import Block, Figure, Section, Table
from bidsml.report.disclosure import protect_count, protect_counts
from bidsml.report.figures import count_bars
from bidsml.report.lookup import class_counts, lost_on_the_way, set_aside
from bidsml.report.wording import plural

_REASONS_SHOWN = 20


_GATES = {
    "table": "not in the participants table",
    "input": "no matching input",
    "failed": "computation failed",
    "features": "no features",
    "target": "label missing",
    "include": "condition of the analysis not met",
    "unit": "group missing",
    "site": "site missing",
    "split": "place in the split missing",
}
"""What the short names of gates mean."""


def section(result: Result) -> Section:
    """Draw the way from everyone considered to everyone analysed, gate by gate."""
    cohort = result.cohort
    aside, lost = set_aside(result), lost_on_the_way(result)
    gates = Counter(_name_gate(entry.gate) for entry in lost)
    blocks: list[Block] = [_figure(result, gates, n_aside=len(aside))]
    if aside:
        blocks.append(_set_aside(aside))
    if gates:
        blocks += [_by_class(result, lost, gates), _reasons(lost)]
    asked = cohort.considered - len(aside)
    other = (
        f"Of {cohort.considered} people, {len(aside)} are of classes that the analysis doesn't ask for. Of the other "
        f"{asked}, "
        if aside
        else f"Of {cohort.considered} people, "
    )
    return Section(
        anchor="flow",
        title="Participant flow",
        lead=f"{other}{len(cohort.target)} were analysed; {len(lost) or 'nobody'} left on the way. "
        "A loss that differs between classes can make a result by itself.",
        blocks=tuple(blocks),
    )


def _name_gate(gate: str) -> str:
    return _GATES.get(gate, gate)


def _figure(result: Result, gates: Counter[str], *, n_aside: int) -> Figure:
    # A flow diagram accounts for everyone, so that totals are exact; the counts by class are protected.
    considered, analysed = result.cohort.considered, len(result.cohort.target)
    steps = [("considered", considered)]
    if n_aside:
        steps.append(("of the classes asked for", considered - n_aside))
    for gate, lost in gates.items():
        steps.append((f"after: {gate}", steps[-1][1] - lost))
    steps.append(("analysed", analysed))
    labels, counts = zip(*steps, strict=True)
    left = "; ".join(f"{lost} left ({gate})" for gate, lost in gates.items()) or "nobody left"
    aside = f"{n_aside} of classes that were not asked for; " if n_aside else ""
    alt = f"{considered} people considered, {analysed} analysed: {aside}{left}."
    name = "flow"
    return Figure(
        name=name,
        svg=count_bars(labels, counts, label="People", name=name, alt=alt),
        alt=alt,
        table=Table("people after each gate", ("Step", "People"), tuple((step, str(n)) for step, n in steps)),
    )


def _set_aside(aside: Sequence[Attrition]) -> Table:
    counts = Counter(entry.label for entry in aside)
    rows = tuple((label, protect_count(count)) for label, count in counts.most_common(_REASONS_SHOWN))
    return Table("Set aside on purpose: people of other classes", ("Class", "People"), rows, folded=True)


def _by_class(result: Result, lost: Sequence[Attrition], gates: Counter[str]) -> Table:
    classes = list(result.cohort.classes)
    known = {entry.label for entry in lost}
    others = sorted(known - set(classes)) if len(known - set(classes)) <= 4 else ["other"]
    columns = [*classes, *others]
    counts = np.zeros((len(gates), len(columns)), dtype=np.int64)
    for entry in lost:
        column = columns.index(entry.label) if entry.label in columns else len(columns) - 1
        counts[list(gates).index(_name_gate(entry.gate)), column] += 1
    analysed = [str(n) for n in class_counts(result.cohort)] if classes else []
    body = [(gate, *cells) for gate, cells in zip(gates, protect_counts(counts), strict=True)]
    last = ("analysed", *analysed, *("0" for _ in others))
    named = tuple("label missing" if column == "n/a" else column for column in columns)
    if not classes:  # regression: labels are numbers of single people
        body = [(gate, protect_count(count)) for gate, count in gates.items()]
        named, last = ("people",), ("analysed", str(len(result.cohort.target)))
    return Table("Who left at which gate, by class", ("Gate", *named), (*body, last))


def _reasons(lost: Sequence[Attrition]) -> Table:
    reasons = Counter((_name_gate(entry.gate), entry.reason) for entry in lost)
    rows = tuple((gate, reason, protect_count(count)) for (gate, reason), count in reasons.most_common(_REASONS_SHOWN))
    more = (
        f", the {_REASONS_SHOWN} most frequent of {plural(len(reasons), 'reason')}" if len(reasons) > len(rows) else ""
    )
    return Table(f"Why they left{more}", ("Gate", "Reason", "People"), rows, text_columns=2, folded=True)
