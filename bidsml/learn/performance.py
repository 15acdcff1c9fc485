"""From predictions to the performance table: estimates, honest intervals, p values, paired differences."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from bidsml.learn.crossval import headline_aggregate, pooled_outcome, pooled_value
from bidsml.learn.metrics import METRICS, Metric, Outcome, metrics_of
from bidsml.records import Cohort, CVResult, FloatArray, Fold, IntArray, PerformanceRow, PermutationNull
from bidsml.spec import AnalysisSpec

NADEAU_BENGIO = "Nadeau-Bengio"
UNIT_BOOTSTRAP = "unit bootstrap"
_N_BOOTSTRAP = 1000
_LEVEL = 0.95
# Apart from the one-number keys of the permutation draws.
_BOOTSTRAP = 1_000_033
_PAIRS = (("biomarker", "nuisance"), ("nuisance+biomarker", "nuisance"), ("biomarker", "majority"))


def summarise_performance(
    cv: Sequence[CVResult],
    nulls: Sequence[PermutationNull],
    folds: Sequence[Fold],
    cohort: Cohort,
    *,
    spec: AnalysisSpec,
    seed: int,
) -> tuple[PerformanceRow, ...]:
    """Give every figure that the report may print.

    For every model and design: each metric, as the mean over folds with the Nadeau-Bengio interval where every fold
    defines it, else pooled over the test rows of a repeat (of the primary metric with a bootstrap interval over units).
    Where the primary metric is a fold mean, its pooled form follows in a row of its own (note ``pooled``). The
    biomarker's primary metric carries the permutation p. Then the paired differences of the primary metric.

    Parameters
    ----------
    folds
        Of all designs.
    """
    context = _Context(cohort, spec.primary_metric, METRICS[spec.primary_metric], seed)
    p_of = {(null.estimator, null.design): null for null in nulls}
    rows: list[PerformanceRow] = []
    for result in cv:
        mine = [fold for fold in folds if fold.design == result.design]
        null = p_of.get((result.estimator, result.design)) if result.model == "biomarker" else None
        rows += _rows_of(result, mine, context, null, metrics_of(spec.target.task))
    for result, reference in _pairs(cv):
        mine = [fold for fold in folds if fold.design == result.design]
        rows.append(_difference(result, reference, mine, context))
    return tuple(rows)


class _Context:
    """What every row needs to know of the analysis."""

    def __init__(self, cohort: Cohort, primary: str, metric: Metric, seed: int) -> None:
        self.cohort = cohort
        self.primary = primary
        self.metric = metric
        self.seed = seed


def _pairs(cv: Sequence[CVResult]) -> Iterator[tuple[CVResult, CVResult]]:
    by_key: dict[tuple[str, str, str], CVResult] = {
        (result.estimator, result.design, result.model): result for result in cv
    }
    for estimator, design in dict.fromkeys((result.estimator, result.design) for result in cv):
        for model, reference in _PAIRS:
            first = by_key.get((estimator, design, model))
            second = by_key.get((estimator, design, reference))
            if first is not None and second is not None:
                yield first, second


def _rows_of(
    result: CVResult,
    folds: Sequence[Fold],
    context: _Context,
    null: PermutationNull | None,
    metrics: Sequence[str],
) -> Iterator[PerformanceRow]:
    n = _n_tested(folds)
    for metric in sorted(metrics, key=lambda name: name != context.primary):
        blank = PerformanceRow(result.estimator, result.model, result.design, metric, float("nan"), n=n)
        values = result.fold_metrics[metric]
        primary = metric == context.primary
        by_fold = headline_aggregate(result, folds, metric, cohort=context.cohort) == "fold mean"
        row = _fold_mean(blank, values, folds) if by_fold else _pooled(blank, result, folds, context)
        if np.isfinite(row.estimate) or primary:
            yield _with_null(row, null) if primary and null is not None else row
        if primary and by_fold:
            yield _pooled(blank, result, folds, context)


def _n_tested(folds: Sequence[Fold]) -> int:
    return int(np.unique(np.concatenate([fold.test for fold in folds])).size)


def _with_null(row: PerformanceRow, null: PermutationNull) -> PerformanceRow:
    method = f"permutation test ({null.null.size} draws, {null.scheme}; {null.aggregate}, first repeat)"
    return replace(row, p=null.p, p_floor=null.p_floor, p_method=method)


def corrected_t(values: FloatArray, folds: Sequence[Fold]) -> tuple[float, float, float, float]:
    """Mean over folds, its interval, and the p of its being 0, by the corrected resampled t.

    The variance of the mean over K folds is (1/K + n_test/n_train) s²: training sets overlap, so that folds are not
    independent (Nadeau and Bengio 2003, doi 10.1023/A:1024068626366). Degrees of freedom: K − 1.

    Returns
    -------
    tuple
        Mean, low, high, p; without spread the interval is the mean itself and p is 1 for a mean of 0, else NaN.
    """
    k = values.size
    mean = float(values.mean())
    if k < 2:
        return mean, float("nan"), float("nan"), float("nan")
    ratio = float(np.mean([fold.test.size / fold.train.size for fold in folds]))
    spread = float(values.std(ddof=1))
    if spread <= 1e-14 * max(1.0, abs(mean)):
        return mean, mean, mean, 1.0 if mean == 0 else float("nan")
    error = spread * np.sqrt(1 / k + ratio)
    half = float(stats.t.ppf(0.5 + _LEVEL / 2, k - 1) * error)
    return mean, mean - half, mean + half, float(2 * stats.t.sf(abs(mean / error), k - 1))


def _fold_mean(blank: PerformanceRow, values: FloatArray, folds: Sequence[Fold]) -> PerformanceRow:
    mean, low, high, _ = corrected_t(values, folds)
    interval = NADEAU_BENGIO if np.isfinite(low) else ""
    if " - " not in blank.model:
        # A t interval knows no bounds; no accuracy above 1 is printed.
        low, high = np.clip([low, high], *METRICS[blank.metric].bounds)
    note = f"mean over {values.size} folds"
    return replace(blank, estimate=mean, low=float(low), high=float(high), interval=interval, note=note)


def _pooled(blank: PerformanceRow, result: CVResult, folds: Sequence[Fold], context: _Context) -> PerformanceRow:
    """Metric of all test rows of a repeat; the primary one with its bootstrap interval."""
    metric = METRICS[blank.metric]
    estimate = pooled_value(result, folds, context.cohort, metric=metric)
    row = replace(blank, estimate=estimate, note="pooled")
    if blank.metric != context.primary or not np.isfinite(estimate):
        return row
    outcomes = _outcomes(result, folds, context.cohort)
    low, high = _percentiles(_bootstrap(lambda rows: _mean_metric(outcomes, rows, metric), folds, context))
    return replace(row, low=low, high=high, interval=UNIT_BOOTSTRAP)


def _outcomes(result: CVResult, folds: Sequence[Fold], cohort: Cohort) -> list[Outcome]:
    repeats = sorted({fold.repeat for fold in folds})
    outcomes = []
    for repeat in repeats:
        order = np.argsort(np.concatenate([fold.test for fold in folds if fold.repeat == repeat]))
        outcomes.append(_take(pooled_outcome(result, folds, cohort, repeat=repeat), order))
    return outcomes


def _take(outcome: Outcome, rows: IntArray) -> Outcome:
    return Outcome(
        target=outcome.target[rows],
        scores=outcome.scores[rows],
        predictions=outcome.predictions[rows],
        probabilities=None if outcome.probabilities is None else outcome.probabilities[rows],
        n_classes=outcome.n_classes,
        train_mean=None if outcome.train_mean is None else outcome.train_mean[rows],
    )


def _mean_metric(outcomes: Sequence[Outcome], rows: IntArray, metric: Metric) -> float:
    return float(np.mean([metric(_take(outcome, rows)) for outcome in outcomes]))


def _bootstrap(statistic: Callable[[IntArray], float], folds: Sequence[Fold], context: _Context) -> FloatArray:
    """Draw whole units with replacement; a sample without some class is drawn out (NaN)."""
    tested = np.unique(np.concatenate([fold.test for fold in folds]))
    units = pd.factorize(np.asarray(context.cohort.unit, dtype=object)[tested], sort=True)[0]
    order = np.argsort(units, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(units[order])) + 1)
    rng = np.random.default_rng(np.random.SeedSequence(context.seed, spawn_key=(_BOOTSTRAP, 0)))
    draws = rng.integers(len(members), size=(_N_BOOTSTRAP, len(members)))
    values = np.array([statistic(np.concatenate([members[unit] for unit in draw])) for draw in draws])
    return np.asarray(values[np.isfinite(values)])


def _percentiles(values: FloatArray) -> tuple[float, float]:
    if values.size < _N_BOOTSTRAP / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2])
    return float(low), float(high)


def _difference(result: CVResult, reference: CVResult, folds: Sequence[Fold], context: _Context) -> PerformanceRow:
    """Paired difference of the primary metric: corrected t over folds, else a bootstrap over units."""
    blank = PerformanceRow(
        estimator=result.estimator,
        model=f"{result.model} - {reference.model}",
        design=result.design,
        metric=context.primary,
        estimate=float("nan"),
        n=_n_tested(folds),
    )
    ways = {headline_aggregate(r, folds, context.primary, cohort=context.cohort) for r in (result, reference)}
    if ways == {"fold mean"} and len(folds) > 1:
        values = result.fold_metrics[context.primary] - reference.fold_metrics[context.primary]
        p = corrected_t(values, folds)[3]
        return replace(
            _fold_mean(blank, values, folds), p=p, p_method="Nadeau-Bengio corrected t" if np.isfinite(p) else ""
        )
    pair = [_outcomes(r, folds, context.cohort) for r in (result, reference)]

    def statistic(rows: IntArray) -> float:
        return _mean_metric(pair[0], rows, context.metric) - _mean_metric(pair[1], rows, context.metric)

    estimate = statistic(np.arange(blank.n))
    if not np.isfinite(estimate):
        return replace(blank, note="pooled; undefined")
    values = _bootstrap(statistic, folds, context)
    low, high = _percentiles(values)
    row = replace(blank, estimate=estimate, low=low, high=high, interval=UNIT_BOOTSTRAP, note="pooled")
    return _with_bootstrap_p(row, values)


def _with_bootstrap_p(row: PerformanceRow, values: FloatArray) -> PerformanceRow:
    """Add a two-sided p: twice the smaller share of resamples on one side of 0, never below its floor."""
    if values.size < _N_BOOTSTRAP / 2:
        return row
    one_sided = (1 + min(int((values <= 0).sum()), int((values >= 0).sum()))) / (1 + values.size)
    return replace(
        row,
        p=min(1.0, 2 * one_sided),
        p_floor=2 / (1 + values.size),
        p_method=f"unit bootstrap ({values.size} resamples)",
    )
