"""Every figure that was computed, in one table."""

from bidsml.records import PerformanceRow, Result
from bidsml.report.blocks import Bullets, Section, Table
from bidsml.report.wording import INTERVAL_WAYS, estimate, interval, name_metric, name_model, p_value


def section(result: Result) -> Section:
    """List all metrics of all models and designs."""
    columns = ("Metric", "Model", "Estimator", "Design", "How", "Note", "Estimate", "95 % interval", "p", "People")
    main = [row for row in result.performance if row.model == "biomarker" and row.design == result.headline.design]
    return Section(
        anchor="performance",
        title="All figures",
        lead="Everything that was computed about how well the models predict; a figure that is not here was not chosen "
        "from. Only the primary metric was tested by permutation.",
        blocks=(
            Table(
                "The biomarker on the default design",
                ("Metric", "Estimator", "How", "Estimate", "95 % interval"),
                tuple(
                    (
                        name_metric(r.metric),
                        r.estimator,
                        r.interval or "n/a",
                        estimate(r.estimate),
                        interval(r.low, r.high),
                    )
                    for r in main
                ),
                text_columns=3,
            ),
            Table(
                "All models, designs and differences",
                columns,
                tuple(_cells(result, row) for row in result.performance),
                text_columns=6,
                folded=True,
            ),
            *_ways(result),
        ),
    )


def _ways(result: Result) -> tuple[Bullets, ...]:
    """Say what the words under “How” stand for."""
    used = [way for way in INTERVAL_WAYS if any(row.interval == way for row in result.performance)]
    items = tuple(f"{way}: {INTERVAL_WAYS[way]}." for way in used)
    return (Bullets(items, heading="How intervals are made"),) if items else ()


def _cells(result: Result, row: PerformanceRow) -> tuple[str, ...]:
    return (
        name_metric(row.metric),
        name_model(row.model, result.task),
        row.estimator,
        row.design,
        row.interval or "n/a",
        "; ".join(part for part in (row.p_method, row.note) if part),
        estimate(row.estimate),
        interval(row.low, row.high),
        p_value(row.p, floor=row.p_floor),
        str(row.n),
    )
