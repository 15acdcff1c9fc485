"""Is it the brain? The same validation with confounds alone, with both, and with no model at all."""

import math

from bidsml.records import PerformanceRow, Result
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.figures import ForestRow, forest_plot
from bidsml.report.lookup import name_confounds, name_primary
from bidsml.report.wording import (
    CHANCE,
    LOWER_IS_BETTER,
    estimate,
    interval,
    name_estimator,
    name_model,
    p_value,
    start_sentence,
)


def section(result: Result) -> Section | None:
    """Compare the biomarker with its baselines on the same folds."""
    rows = _rows(result)
    models = [row for row in rows if " - " not in row.model]
    differences = [row for row in rows if " - " in row.model]
    if len(models) < 2:
        return None
    blocks: list[Block] = []
    if any(_drawable(row) for row in models):
        blocks.append(_forest(result, [row for row in models if _drawable(row)], "baselines", "each model"))
    if any(_drawable(row) for row in differences):
        drawn = [row for row in differences if _drawable(row)]
        blocks.append(_forest(result, drawn, "differences", "the differences between models"))
    if result.cohort.nuisance_source:
        columns = name_confounds(result)
        blocks.append(Paragraph(f"Confounds in the model of confounds alone: {columns}."))
    return Section(
        anchor="baselines",
        title="Baselines and differences",
        lead="What is reached without the brain: if confounds such as age, motion or site do as well, the biomarker "
        "may only be measuring them. All models are judged on the same folds.",
        blocks=tuple(blocks),
    )


def _rows(result: Result) -> list[PerformanceRow]:
    """First row of every estimator, model and design for the primary metric; the headline's comes first."""
    seen: dict[tuple[str, str, str], PerformanceRow] = {}
    for row in result.performance:
        if row.metric == result.primary_metric:
            seen.setdefault((row.design, row.estimator, row.model), row)
    headline = result.headline
    return sorted(seen.values(), key=lambda row: row.design != headline.design)


def _drawable(row: PerformanceRow) -> bool:
    return not math.isnan(row.estimate)


def _label(result: Result, row: PerformanceRow) -> str:
    several = len({r.estimator for r in result.performance}) > 1
    parts = [name_model(row.model, result.task)]
    if several:
        parts.append(name_estimator(row.estimator))
    if row.design != result.headline.design:
        parts.append(row.design)
    return " · ".join(parts)


def _forest(result: Result, rows: list[PerformanceRow], name: str, what: str) -> Figure:
    metric = name_primary(result)
    differences = name == "differences"
    label = f"Difference in {metric}" if differences else metric
    if result.primary_metric in LOWER_IS_BETTER:
        label += " (smaller is better)" if not differences else " (below 0: better)"
    said = "; ".join(
        f"{_label(result, row)} {estimate(row.estimate)} ({interval(row.low, row.high)}"
        f"{f', {p_value(row.p)}' if differences and not math.isnan(row.p) else ''})"
        for row in rows
    )
    alt = f"{start_sentence(metric)} of {what}, with 95 % intervals: {said}."
    drawn = [
        ForestRow(
            _label(result, row).replace(" · ", "\n", 1),
            row.estimate,
            row.low,
            row.high,
            strong=row.model == "biomarker",
        )
        for row in rows
    ]
    reference = 0.0 if differences else CHANCE.get(result.primary_metric)
    return Figure(
        name=name,
        svg=forest_plot(drawn, label=label, reference=reference, name=name, alt=alt),
        alt=alt,
        table=Table(
            f"{metric} of {what}",
            ("Model", "Estimator", "Design", "Interval made by", "Estimate", "95 % interval", "p"),
            tuple(_cells(result, row) for row in rows),
            text_columns=4,
        ),
    )


def _cells(result: Result, row: PerformanceRow) -> tuple[str, ...]:
    return (
        name_model(row.model, result.task),
        "none" if row.model == "majority" else name_estimator(row.estimator),
        row.design,
        row.interval or "n/a",
        estimate(row.estimate),
        interval(row.low, row.high),
        p_value(row.p, floor=row.p_floor),
    )
