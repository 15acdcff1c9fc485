"""How well parts of the people are predicted: levels of the confounds, and sites."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from bidsml.learn.intervals import (
    draw_units,
    mean_metric,
    pooled_outcomes,
    resample,
    take_rows,
    tested_rows,
    widened_interval,
    widening,
)
from bidsml.learn.metrics import METRICS, Outcome
from bidsml.learn.splits import LEAVE_SITE_OUT
from bidsml.records import Cohort, CVResult, Fold, IntArray, SubgroupRow
from bidsml.spec import AnalysisSpec, column_name

SMALLEST_CELL = 5
"""Fewest people of a class (of a regression: in all) for which a subgroup gets a figure."""
_MOST_LEVELS = 6
_N_PARTS = 3


def judge_subgroups(
    result: CVResult, folds: Sequence[Fold], cohort: Cohort, *, spec: AnalysisSpec, seed: int, only: str = ""
) -> tuple[SubgroupRow, ...]:
    """Give the primary metric of one model by site and by every confound.

    A confound of text, or of six numbers or fewer (sex written as 1 and 2), goes by its levels; any other by
    thirds of the people tested, age as well as motion. The predictions are those of the whole model: nothing is fitted
    anew in a subgroup, and people are compared with people of the same subgroup only. Interval: bootstrap over units,
    widened by as much of the training's share as the subgroup has (see :func:`~bidsml.learn.intervals.widening`).

    Parameters
    ----------
    folds
        Of the result's design.
    only
        Judge this column alone.
    """
    rows = tested_rows(folds)
    outcomes = pooled_outcomes(result, folds, cohort)
    found = []
    for column, level, members in _subgroups(cohort, rows, spec):
        if only not in ("", column):
            continue
        counts = _counts(cohort, rows[members])
        blank = SubgroupRow(
            result.estimator, result.design, column, level, spec.primary_metric, int(members.size), counts
        )
        if min(counts) < SMALLEST_CELL:
            found.append(replace(blank, note=f"fewer than {SMALLEST_CELL} people in a cell"))
            continue
        parts = [take_rows(outcome, members) for outcome in outcomes]
        unit = [cohort.unit[row] for row in rows[members]]
        factor = widening(folds, share=members.size / rows.size)
        found.append(_judge(blank, parts, unit, factor=factor, seed=seed))
    return tuple(found)


def judge_left_out(
    cv: Sequence[CVResult], folds: Sequence[Fold], cohort: Cohort, *, spec: AnalysisSpec, seed: int
) -> tuple[SubgroupRow, ...]:
    """Give the primary metric of the first estimator's biomarker at every site that was left out of its training.

    Empty where that was not run beside the default design. Parameters as :func:`judge_subgroups`; ``folds`` of all
    designs.
    """
    wanted = (cv[0].estimator, "biomarker", LEAVE_SITE_OUT)
    result = next((one for one in cv[1:] if (one.estimator, one.model, one.design) == wanted), None)
    if result is None or not spec.cohort.site:
        return ()
    mine = [fold for fold in folds if fold.design == LEAVE_SITE_OUT]
    return judge_subgroups(result, mine, cohort, spec=spec, seed=seed, only=column_name(spec.cohort.site))


def _judge(
    blank: SubgroupRow, outcomes: Sequence[Outcome], unit: Sequence[str], *, factor: float, seed: int
) -> SubgroupRow:
    metric = METRICS[blank.metric]

    def statistic(rows: IntArray) -> float:
        return mean_metric(outcomes, rows, metric)

    estimate = statistic(np.arange(blank.n))
    if not np.isfinite(estimate):
        return replace(blank, note="undefined")
    resampled = resample(statistic, draw_units(unit, seed=seed))
    interval = widened_interval(resampled, estimate=estimate, centre=estimate, factor=factor)
    low, high = np.clip([interval.low, interval.high], *metric.bounds)
    return replace(blank, estimate=estimate, low=float(low), high=float(high), interval=interval.method, note="pooled")


def _counts(cohort: Cohort, rows: IntArray) -> tuple[int, ...]:
    if not cohort.classes:
        return (int(rows.size),)
    return tuple(np.bincount(cohort.target[rows].astype(int), minlength=len(cohort.classes)).tolist())


def _subgroups(cohort: Cohort, rows: IntArray, spec: AnalysisSpec) -> Iterator[tuple[str, str, IntArray]]:
    """Column, level, and places among the tested rows; those with a missing value belong to none."""
    site = column_name(spec.cohort.site) if spec.cohort.site else ""
    for column in dict.fromkeys(cohort.nuisance_source):
        if column == site:
            continue
        levels = _levels(cohort.table[column].iloc[rows].reset_index(drop=True)).cat.remove_unused_categories()
        for level in levels.cat.categories if levels.nunique() > 1 else ():
            yield column, str(level), np.flatnonzero(levels == level)
    sites = np.asarray(cohort.site, dtype=object)[rows] if cohort.site else np.empty(0, dtype=object)
    for name in sorted(set(sites)) if len(set(sites)) > 1 else ():
        yield site, str(name), np.flatnonzero(sites == name)


def _levels(values: pd.Series) -> pd.Series:
    """Name every value's level, as an ordered category; missing stays missing."""
    if not pd.api.types.is_numeric_dtype(values):
        return values.astype("category")
    if values.nunique() <= _MOST_LEVELS:
        text = {number: f"{number:g}" for number in sorted(values.dropna().unique())}
        return values.map(text).astype(pd.CategoricalDtype(list(text.values())))
    # Rounded as they are written, so that the names are true and no two alike.
    edges = np.unique([float(f"{edge:.4g}") for edge in values.quantile(np.linspace(0, 1, _N_PARTS + 1)[1:-1])])
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    names = [f"up to {edges[0]:g}", *inner, f"above {edges[-1]:g}"]
    codes = np.searchsorted(edges, values.to_numpy(dtype=float), side="left")
    return pd.Series(pd.Categorical.from_codes(np.where(values.isna(), -1, codes), names))
