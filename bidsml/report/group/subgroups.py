"""Whether it works alike for everyone."""

import math

import numpy as np

from bidsml.records import Result, SubgroupRow
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.disclosure import SUPPRESSED, protect_counts
from bidsml.report.figures import ForestRow, forest_plot
from bidsml.report.lookup import name_primary
from bidsml.report.wording import estimate, interval, name_column, start_sentence

_CAUTION = (
    "Differences between subgroups were not tested: with several subgroups of few people, some differ by chance alone, "
    "and overlapping intervals are the rule. A figure within a subgroup also leaves out what separates the subgroups."
)


def section(result: Result) -> Section | None:
    """Show the primary metric by confound and by site."""
    mine = _mine(result)
    if not mine:
        return None
    shown = [row for row in mine if math.isfinite(row.estimate)]
    blocks: list[Block] = [_figure(result, shown)] if shown else []
    if not shown:
        blocks.append(Paragraph("No subgroup has enough people of every class for a figure of its own."))
    blocks.append(Paragraph(_CAUTION))
    return Section(
        anchor="subgroups",
        title="Subgroups",
        lead=f"{start_sentence(name_primary(result))} of the same out-of-fold predictions among parts of the people; "
        "the dashed line is the figure of everyone.",
        blocks=tuple(blocks),
    )


def _mine(result: Result) -> list[SubgroupRow]:
    """Find the subgroups of the headline's design; those of left-out sites have a section of their own."""
    return [row for row in result.subgroups if row.design == result.headline.design]


def _label(row: SubgroupRow) -> str:
    return f"{name_column(row.column)}: {row.level}"


def _figure(result: Result, shown: list[SubgroupRow]) -> Figure:
    name, metric = "subgroups", name_primary(result)
    lowest = min(shown, key=lambda row: row.estimate)
    highest = max(shown, key=lambda row: row.estimate)
    hidden = len(_mine(result)) - len(shown)
    alt = (
        f"{start_sentence(metric)} by subgroup: from {estimate(lowest.estimate)} ({interval(lowest.low, lowest.high)}) "
        f"for {_label(lowest)} to {estimate(highest.estimate)} ({interval(highest.low, highest.high)}) for "
        f"{_label(highest)}."
        + (f" {hidden} of {len(_mine(result))} subgroups have too few people for a figure." if hidden else "")
    )
    drawn = [ForestRow(_label(row), row.estimate, row.low, row.high) for row in shown]
    classes = result.cohort.classes or ("people",)
    return Figure(
        name=name,
        svg=forest_plot(drawn, label=metric, reference=result.headline.estimate, name=name, alt=alt),
        alt=alt,
        table=Table(
            f"{metric} by subgroup",
            ("Column", "Level", *classes, metric, "95 % interval"),
            _rows(result),
            text_columns=2,
        ),
    )


def _rows(result: Result) -> tuple[tuple[str, ...], ...]:
    rows = []
    for column in dict.fromkeys(row.column for row in _mine(result)):
        mine = [row for row in _mine(result) if row.column == column]
        counts = protect_counts(np.array([row.counts for row in mine]))
        for row, cells in zip(mine, counts, strict=True):
            value = estimate(row.estimate) if math.isfinite(row.estimate) else f"n/a ({SUPPRESSED} in a cell)"
            rows.append((name_column(row.column), row.level, *cells, value, interval(row.low, row.high)))
    return tuple(rows)
