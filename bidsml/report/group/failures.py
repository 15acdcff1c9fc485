"""Whom the biomarker gets most wrong, and whether bad data is behind it."""

from dataclasses import dataclass

import numpy as np

from bidsml.records import FloatArray, Result
from bidsml.report.blocks import Block, Bullets, Cell, Link, Paragraph, Section, Table
from bidsml.report.disclosure import SMALLEST_CELL
from bidsml.report.individuals import Standing, judge_individuals, name_sites
from bidsml.report.wording import number, p_value

_WORST = 10
_QUALITY = {"mean_fd": "Mean FD, mm", "minutes_kept": "Minutes kept", "coverage": "Coverage"}
"""Columns of the participants' table that bidsml measures, as a reader knows them."""

_CAUTION = (
    "A wrong prediction is no evidence that the label is wrong, and no reason to look at it again: labels that are "
    "checked, changed or left out because the model disagrees make every later figure too good. Look at the data "
    "instead: open the reports of these people, and mend or exclude by rules that are fixed without the prediction and "
    "hold for everyone."
)


def section(result: Result) -> Section | None:
    """List the worst predicted participants with their data quality; nothing where nobody was tested."""
    people = judge_individuals(result)
    if not len(people.rows):
        return None
    measured = _quality(result, people)
    blocks: list[Block] = [_worst(result, people, measured)]
    if measured:
        blocks.append(Bullets(tuple(_relate(one, people) for one in measured), heading="Is it the data?"))
    blocks.append(Paragraph(_CAUTION))
    return Section(
        anchor="failures",
        title="Failures",
        lead="The people whose out-of-fold prediction is furthest on the wrong side, worst first. Someone is always "
        "worst: the list asks whether they have something in common, such as motion or a site.",
        blocks=tuple(blocks),
    )


@dataclass(frozen=True)
class _Measured:
    name: str
    values: FloatArray
    """Of the participants tested, ``(n,)``."""


def _quality(result: Result, people: Standing) -> list[_Measured]:
    table = result.cohort.table
    found = []
    for column, name in _QUALITY.items():
        if column in table and table[column].dtype.kind in "fiu":
            values = table[column].to_numpy(dtype=np.float64)[people.rows]
            if np.isfinite(values).sum() >= SMALLEST_CELL:
                found.append(_Measured(name, values))
    return found


def _worst(result: Result, people: Standing, measured: list[_Measured]) -> Table:
    order = np.argsort(-people.badness, kind="stable")[:_WORST]
    if people.has_classes:
        order = order[people.badness[order] > 0]
    sites = name_sites(result.cohort)
    site_column = ("Site",) if len(set(sites)) > 1 else ()
    rows: list[tuple[Cell, ...]] = []
    for i in order:
        row = people.rows[i]
        label = result.cohort.participant_id[row]
        site = (sites[row],) if site_column else ()
        quality = (number(float(one.values[i])) for one in measured)
        rows.append((Link(f"sub-{label}", f"sub-{label}.html"), *people.words[i], *site, *people.numbers[i], *quality))
    return Table(
        f"Worst predicted by {people.label}{people.averaged} ({len(rows)} of {len(people.rows)} people)",
        ("Participant", *people.word_columns, *site_column, *people.number_columns, *(one.name for one in measured)),
        tuple(rows),
        text_columns=1 + len(people.word_columns) + len(site_column),
        name="worst",
        sortable=True,
    )


def _relate(measured: _Measured, people: Standing) -> str:
    """Say how being predicted badly goes with one measure of quality, over everyone tested."""
    from scipy.stats import spearmanr

    known = np.isfinite(measured.values)
    values, badness = measured.values[known], people.badness[known]
    if len(values) < 2 * SMALLEST_CELL or np.ptp(values) == 0 or np.ptp(badness) == 0:
        return f"{measured.name}: too few different values to tell."
    found = spearmanr(values, badness)
    correlation, p = float(found.statistic), float(found.pvalue)
    verdict = "those predicted worse differ in it" if p < 0.05 else "no sign that those predicted worse differ in it"
    return (
        f"{measured.name}: {verdict} (rank correlation with the distance to the wrong side {number(correlation, 2)}, "
        f"{p_value(p)}, {len(values)} people, not corrected for looking at several)."
    )
