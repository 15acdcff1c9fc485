"""Paired comparisons of models on the same folds and people."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from bidsml.learn.crossval import headline_aggregate
from bidsml.learn.delong import delong
from bidsml.learn.intervals import (
    DELONG,
    LEVEL,
    fold_mean_interval,
    mean_metric,
    pooled_outcomes,
    resample,
    tested_rows,
    widened_interval,
    widening,
)
from bidsml.learn.metrics import Metric
from bidsml.records import Cohort, CVResult, FloatArray, Fold, IntArray, PerformanceRow

_PAIRS = (("biomarker", "nuisance"), ("nuisance+biomarker", "nuisance"), ("biomarker", "majority"))
_CROSS_CHECK = "cross-check: pooled; takes the fitted models as given"

Pair = tuple[CVResult, CVResult, str]
"""A result, its reference, and the name of their difference."""


def pair_results(cv: Sequence[CVResult]) -> Iterator[Pair]:
    """Pair what is compared on each design: a biomarker with its baselines, then with the first estimator's."""
    by_key: dict[tuple[str, str, str], CVResult] = {
        (result.estimator, result.design, result.model): result for result in cv
    }
    for estimator, design in dict.fromkeys((result.estimator, result.design) for result in cv):
        for model, reference in _PAIRS:
            first = by_key.get((estimator, design, model))
            second = by_key.get((estimator, design, reference))
            if first is not None and second is not None:
                yield first, second, f"{model} - {reference}"
    leader = cv[0].estimator
    for result in cv:
        reference_result = by_key.get((leader, result.design, "biomarker"))
        if result.model == "biomarker" and result.estimator != leader and reference_result is not None:
            yield result, reference_result, f"biomarker - biomarker of {leader}"


def compare_pair(
    pair: Pair,
    folds: Sequence[Fold],
    cohort: Cohort,
    *,
    name: str,
    metric: Metric,
    samples: Sequence[IntArray],
) -> PerformanceRow:
    """Paired difference of one metric: over folds where both models have it in every fold, else pooled.

    Parameters
    ----------
    name
        Of the metric.
    samples
        Bootstrap samples of the tested rows.
    """
    result, reference, words = pair
    rows = tested_rows(folds)
    blank = PerformanceRow(result.estimator, words, result.design, name, float("nan"), n=rows.size)
    outcomes = [pooled_outcomes(one, folds, cohort) for one in (result, reference)]

    def difference(chosen: IntArray) -> float:
        return mean_metric(outcomes[0], chosen, metric) - mean_metric(outcomes[1], chosen, metric)

    pooled = difference(np.arange(rows.size))
    resampled = resample(difference, samples) if np.isfinite(pooled) else np.empty(0)
    ways = {headline_aggregate(one, folds, name, cohort=cohort) for one in (result, reference)}
    if ways == {"fold mean"}:
        values = result.fold_metrics[name] - reference.fold_metrics[name]
        estimate, interval = fold_mean_interval(values, folds, resampled=resampled, pooled=pooled)
        note = f"mean over {values.size} folds"
    else:
        estimate = pooled
        interval = widened_interval(resampled, estimate=pooled, centre=pooled, factor=widening(folds))
        note = "pooled" if np.isfinite(pooled) else "pooled; undefined"
    return replace(
        blank,
        estimate=estimate,
        low=interval.low,
        high=interval.high,
        interval=interval.method,
        p=interval.p,
        p_floor=interval.p_floor,
        p_method=interval.p_method,
        note=note,
    )


# ------------------------------------------------------------------ DeLong


def cross_check_aucs(cv: Sequence[CVResult], folds: Sequence[Fold], cohort: Cohort) -> Iterator[PerformanceRow]:
    """AUCs and their paired differences with DeLong's interval: a check of the others, never the headline.

    For two classes, one row per unit, and two or more tested people of each class; nothing otherwise. DeLong takes the
    fitted models as given, so that its intervals cover 0.81 to 0.93 of the time; it agrees with the plain bootstrap.
    """
    if len(cohort.classes) != 2 or len(set(cohort.unit)) < len(cohort.unit):
        return
    for result in cv:
        if result.model != "majority":
            yield from _auc_rows((result,), folds, cohort, model=result.model)
    for result, reference, words in pair_results(cv):
        if reference.model != "majority":
            yield from _auc_rows((result, reference), folds, cohort, model=words)


def _auc_rows(
    results: tuple[CVResult, ...], folds: Sequence[Fold], cohort: Cohort, *, model: str
) -> Iterator[PerformanceRow]:
    """One row of an AUC or of the difference of two; none where a class has fewer than two tested people."""
    first = results[0]
    rows = tested_rows([fold for fold in folds if fold.design == first.design])
    truth = np.equal(cohort.target[rows], 1)
    if not 2 <= np.count_nonzero(truth) <= rows.size - 2:
        return
    areas, covariance = delong(truth, np.stack([result.scores[:, rows, 0] for result in results]))
    sign: FloatArray = np.array([1.0, -1.0])[: len(results)]
    estimate, variance = float(sign @ areas), float(sign @ covariance @ sign)
    error = math.sqrt(max(variance, 0.0))
    half = float(stats.norm.ppf(0.5 + LEVEL / 2)) * error
    row = PerformanceRow(first.estimator, model, first.design, "roc_auc", estimate, n=rows.size)
    row = replace(row, low=estimate - half, high=estimate + half, interval=DELONG, note=_CROSS_CHECK)
    if len(results) == 1:
        yield replace(row, low=max(row.low, 0.0), high=min(row.high, 1.0))
    elif error > 0:
        yield replace(row, p=float(2 * stats.norm.sf(abs(estimate) / error)), p_method=DELONG)
    else:
        yield row
