"""How well a site is predicted that the model has never seen."""

import math

import numpy as np

from bidsml.records import PerformanceRow, Result, SubgroupRow
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.disclosure import SUPPRESSED, protect_counts
from bidsml.report.figures import ForestRow, forest_plot
from bidsml.report.lookup import LEAVE_SITE_OUT, find_row, name_primary
from bidsml.report.wording import CHANCE, estimate, interval, start_sentence


def section(result: Result) -> Section | None:
    """Show the figure of every left-out site; nothing where no site was left out beside the default design."""
    rows = [row for row in result.subgroups if row.design == LEAVE_SITE_OUT != result.headline.design]
    overall = find_row(result, "biomarker", design=LEAVE_SITE_OUT)
    if not rows or overall is None:
        return None
    shown = [row for row in rows if math.isfinite(row.estimate)]
    blocks: list[Block] = [_figure(result, rows, overall)] if shown else []
    if not shown:
        blocks.append(Paragraph("No single site has enough people of every class for a figure of its own."))
    return Section(
        anchor="sites",
        title="Sites left out",
        lead=f"Each site was predicted by a model that never saw it: {name_primary(result)} "
        f"{estimate(overall.estimate)} ({interval(overall.low, overall.high)}) over all sites. This is nearest to what "
        "a new hospital would get. Sites of few people scatter widely by chance alone: read the intervals, not the "
        "order.",
        blocks=tuple(blocks),
    )


def _figure(result: Result, rows: list[SubgroupRow], overall: PerformanceRow) -> Figure:
    metric, headline = name_primary(result), result.headline
    shown = sorted((row for row in rows if math.isfinite(row.estimate)), key=lambda row: -row.estimate)
    best, worst, hidden = shown[0], shown[-1], len(rows) - len(shown)
    alt = (
        f"{start_sentence(metric)} by left-out site: from {_said(worst)} to {_said(best)}; "
        f"{estimate(overall.estimate)} over all sites, {estimate(headline.estimate)} where the model knew the site."
        + (f" {hidden} of {len(rows)} sites have too few people for a figure of their own." if hidden else "")
    )
    summary = [
        ForestRow("all sites, each left out", overall.estimate, overall.low, overall.high, strong=True),
        ForestRow("headline: sites known", headline.estimate, headline.low, headline.high, strong=True),
    ]
    drawn = [*summary, *(ForestRow(row.level, row.estimate, row.low, row.high) for row in shown)]
    name = "sites"
    return Figure(
        name=name,
        svg=forest_plot(drawn, label=metric, reference=CHANCE.get(result.primary_metric), name=name, alt=alt),
        alt=alt,
        table=_table(result, rows),
    )


def _said(row: SubgroupRow) -> str:
    return f"{estimate(row.estimate)} ({interval(row.low, row.high)}) at {row.level}"


def _table(result: Result, rows: list[SubgroupRow]) -> Table:
    """Put every left-out site beside the same site where the model knew it."""
    classes = result.cohort.classes or ("people",)
    known = {(row.column, row.level): row for row in result.subgroups if row.design == result.headline.design}
    counts = protect_counts(np.array([row.counts for row in rows]))
    cells = tuple(
        (row.level, *count, *_value(row), *_value(known.get((row.column, row.level))))
        for row, count in zip(rows, counts, strict=True)
    )
    metric = name_primary(result)
    columns = ("Site", *classes, f"{metric}, left out", "95 % interval", f"{metric}, site known", "95 % interval")
    return Table("left-out sites", columns, cells)


def _value(row: SubgroupRow | None) -> tuple[str, str]:
    if row is None:
        return "n/a", "n/a"
    value = estimate(row.estimate) if math.isfinite(row.estimate) else f"n/a ({SUPPRESSED} in a class)"
    return value, interval(row.low, row.high)
