"""How well a site is predicted that the model has never seen."""

import numpy as np

from bidsml.records import Result
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.disclosure import SMALLEST_CELL, SUPPRESSED, protect_count
from bidsml.report.figures import ForestRow, forest_plot
from bidsml.report.lookup import LEAVE_SITE_OUT, class_counts, find_cv, find_row, folds_of, name_primary
from bidsml.report.wording import CHANCE, estimate, interval


def section(result: Result) -> Section | None:
    """Show the figure of every left-out site; nothing where there is one site."""
    cv = find_cv(result, "biomarker", design=LEAVE_SITE_OUT)
    if cv is None:
        return None
    row = find_row(result, "biomarker", design=LEAVE_SITE_OUT)
    overall = f"{estimate(row.estimate)} ({interval(row.low, row.high)})" if row else "n/a"
    values = cv.fold_metrics.get(result.primary_metric, np.full(len(folds_of(result, LEAVE_SITE_OUT)), np.nan))
    small = [_is_small(result, fold.test) for fold in folds_of(result, LEAVE_SITE_OUT)]
    shown = np.where(small, np.nan, values)
    blocks: list[Block] = [_figure(result, shown)] if np.isfinite(shown).any() else []
    if not blocks:
        blocks.append(Paragraph("No single site has enough people of every class for a figure of its own."))
    return Section(
        anchor="sites",
        title="Sites left out",
        lead=f"Each site was predicted by a model that never saw it: {name_primary(result)} {overall} over all sites. "
        "This is nearest to what a new hospital would get.",
        blocks=tuple(blocks),
    )


def _is_small(result: Result, rows: np.ndarray) -> bool:
    if not result.cohort.classes:
        return len(rows) < SMALLEST_CELL
    return bool(class_counts(result.cohort, rows).min() < SMALLEST_CELL)


def _figure(result: Result, values: np.ndarray) -> Figure:
    folds = folds_of(result, LEAVE_SITE_OUT)
    order = [i for i in np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable") if np.isfinite(values[i])]
    best, worst = order[0], order[-1]
    hidden = len(folds) - len(order)
    alt = (
        f"{name_primary(result)} by left-out site: from {estimate(float(values[worst]))} at {folds[worst].name} to "
        f"{estimate(float(values[best]))} at {folds[best].name}."
        + (f" {hidden} of {len(folds)} sites have too few people for a figure of their own." if hidden else "")
    )
    dots = [ForestRow(folds[i].name, float(values[i]), np.nan, np.nan) for i in order]
    classes = result.cohort.classes or ("people",)
    rows = tuple(
        (fold.name, *_counts(result, fold.test), _shown(value)) for fold, value in zip(folds, values, strict=True)
    )
    name = "sites"
    reference = CHANCE.get(result.primary_metric)
    return Figure(
        name=name,
        svg=forest_plot(dots, label=name_primary(result), reference=reference, name=name, alt=alt),
        alt=alt,
        table=Table("left-out sites", ("Site", *classes, name_primary(result)), rows),
    )


def _counts(result: Result, rows: np.ndarray) -> list[str]:
    if not result.cohort.classes:
        return [protect_count(len(rows))]
    return [protect_count(int(n)) for n in class_counts(result.cohort, rows)]


def _shown(value: float) -> str:
    return estimate(float(value)) if np.isfinite(value) else f"n/a ({SUPPRESSED} in a class)"
