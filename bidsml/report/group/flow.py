"""Who was considered, who left and why."""

from collections import Counter

import numpy as np

from bidsml.records import Result
from bidsml.report.blocks import Block, Figure, Section, Table
from bidsml.report.disclosure import protect_count, protect_counts
from bidsml.report.figures import count_bars
from bidsml.report.lookup import class_counts
from bidsml.report.wording import plural

_REASONS_SHOWN = 20


def section(result: Result) -> Section:
    """Draw the way from everyone considered to everyone analysed, gate by gate."""
    cohort = result.cohort
    gates = Counter(entry.gate for entry in cohort.attrition)
    blocks: list[Block] = [_figure(result, gates)]
    if gates:
        blocks += [_by_class(result, gates), _reasons(result)]
    return Section(
        anchor="flow",
        title="Participant flow",
        lead=f"Of {cohort.considered} people, {len(cohort.target)} were analysed; "
        f"{len(cohort.attrition)} left on the way. A loss that differs between classes can make a result by itself.",
        blocks=tuple(blocks),
    )


def _figure(result: Result, gates: Counter[str]) -> Figure:
    # A flow diagram accounts for everyone, so that totals are exact; the counts by class are protected.
    steps = [("considered", result.cohort.considered)]
    for gate, lost in gates.items():
        steps.append((f"after: {gate}", steps[-1][1] - lost))
    steps.append(("analysed", len(result.cohort.target)))
    labels, counts = zip(*steps, strict=True)
    left = "; ".join(f"{lost} left at {gate}" for gate, lost in gates.items()) or "nobody left"
    alt = f"{result.cohort.considered} people considered, {len(result.cohort.target)} analysed: {left}."
    name = "flow"
    return Figure(
        name=name,
        svg=count_bars(labels, counts, label="People", name=name, alt=alt),
        alt=alt,
        table=Table("people after each gate", ("Step", "People"), tuple((step, str(n)) for step, n in steps)),
    )


def _by_class(result: Result, gates: Counter[str]) -> Table:
    classes = list(result.cohort.classes)
    known = {entry.label for entry in result.cohort.attrition}
    others = sorted(known - set(classes)) if len(known - set(classes)) <= 4 else ["other"]
    columns = [*classes, *others]
    counts = np.zeros((len(gates), len(columns)), dtype=np.int64)
    for entry in result.cohort.attrition:
        column = columns.index(entry.label) if entry.label in columns else len(columns) - 1
        counts[list(gates).index(entry.gate), column] += 1
    analysed = [str(n) for n in class_counts(result.cohort)] if classes else []
    body = [(gate, *cells) for gate, cells in zip(gates, protect_counts(counts), strict=True)]
    last = ("analysed", *analysed, *("0" for _ in others))
    named = tuple("label missing" if column == "n/a" else column for column in columns)
    if not classes:  # regression: labels are numbers of single people
        body = [(gate, protect_count(lost)) for gate, lost in gates.items()]
        named, last = ("people",), ("analysed", str(len(result.cohort.target)))
    return Table("Who left at which gate, by class", ("Gate", *named), (*body, last))


def _reasons(result: Result) -> Table:
    reasons = Counter((entry.gate, entry.reason) for entry in result.cohort.attrition)
    rows = tuple((gate, reason, protect_count(count)) for (gate, reason), count in reasons.most_common(_REASONS_SHOWN))
    more = (
        f", the {_REASONS_SHOWN} most frequent of {plural(len(reasons), 'reason')}" if len(reasons) > len(rows) else ""
    )
    return Table(f"Why they left{more}", ("Gate", "Reason", "People"), rows, text_columns=2, folded=True)
