"""From predictions to the performance table: estimates, honest intervals, p values, paired differences."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bidsml.learn.comparison import compare_pair, cross_check_aucs, pair_results
from bidsml.learn.crossval import headline_aggregate, pooled_value
from bidsml.learn.intervals import (
    NADEAU_BENGIO,
    NO_INTERVAL,
    Interval,
    corrected_t,
    draw_units,
    fold_mean_interval,
    mean_metric,
    pooled_outcomes,
    resample,
    tested_rows,
    widened_interval,
    widening,
)
from bidsml.learn.metrics import METRICS, metrics_of
from bidsml.records import Cohort, CVResult, FloatArray, Fold, IntArray, PerformanceRow, PermutationNull
from bidsml.spec import AnalysisSpec


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
    biomarker's primary metric carries the permutation p. Then the paired differences of the primary metric, and
    DeLong's intervals of AUCs as a cross-check.

    Parameters
    ----------
    folds
        Of all designs.
    """
    of_design = {result.design: [fold for fold in folds if fold.design == result.design] for result in cv}
    judges = {
        design: _Judge(mine, cohort, primary=spec.primary_metric, seed=seed) for design, mine in of_design.items()
    }
    p_of = {(null.estimator, null.design): null for null in nulls}
    rows: list[PerformanceRow] = []
    for result in cv:
        null = p_of.get((result.estimator, result.design)) if result.model == "biomarker" else None
        rows += judges[result.design].rows_of(result, null, metrics_of(spec.target.task))
    rows += [judges[pair[0].design].compare(pair) for pair in pair_results(cv)]
    if spec.target.task == "classification":
        rows += cross_check_aucs(cv, folds, cohort)
    return tuple(rows)


class _Judge:
    """Makes the rows of one design; every bootstrap draws the same people."""

    def __init__(self, folds: Sequence[Fold], cohort: Cohort, *, primary: str, seed: int) -> None:
        self.folds = folds
        self.cohort = cohort
        self.primary = primary
        self.tested = tested_rows(folds)
        self.samples = draw_units([cohort.unit[row] for row in self.tested], seed=seed)

    def compare(self, pair: tuple[CVResult, CVResult, str]) -> PerformanceRow:
        """Give the paired difference of the primary metric."""
        metric = METRICS[self.primary]
        return compare_pair(pair, self.folds, self.cohort, name=self.primary, metric=metric, samples=self.samples)

    def rows_of(
        self, result: CVResult, null: PermutationNull | None, metrics: Sequence[str]
    ) -> Iterator[PerformanceRow]:
        """Give all metrics of one result, the primary one first."""
        blank = PerformanceRow(result.estimator, result.model, result.design, "", float("nan"), n=self.tested.size)
        for metric in sorted(metrics, key=lambda name: name != self.primary):
            row = replace(blank, metric=metric)
            if metric == self.primary:
                yield from self._primary_rows(row, result, null)
                continue
            row = self._other_row(row, result)
            if np.isfinite(row.estimate):
                yield row

    def _primary_rows(
        self, row: PerformanceRow, result: CVResult, null: PermutationNull | None
    ) -> Iterator[PerformanceRow]:
        pooled, resampled = self._resampled(result)
        factor = widening(self.folds)
        whole = replace(
            _with_interval(row, widened_interval(resampled, estimate=pooled, centre=pooled, factor=factor)),
            estimate=pooled,
            note="pooled",
        )
        if self._aggregate(result, row.metric) == "pooled":
            yield _with_null(whole, null)
            return
        values = result.fold_metrics[row.metric]
        mean, interval = fold_mean_interval(values, self.folds, resampled=resampled, pooled=pooled)
        headline = replace(_with_interval(row, interval), estimate=mean, note=f"mean over {values.size} folds")
        yield _with_null(headline, null)
        yield whole

    def _other_row(self, row: PerformanceRow, result: CVResult) -> PerformanceRow:
        if self._aggregate(result, row.metric) == "pooled":
            value = pooled_value(result, self.folds, self.cohort, metric=METRICS[row.metric])
            return replace(row, estimate=value, note="pooled")
        values = result.fold_metrics[row.metric]
        mean, low, high, _ = corrected_t(values, self.folds)
        interval = Interval(low, high, NADEAU_BENGIO) if np.isfinite(low) else NO_INTERVAL
        return replace(_with_interval(row, interval), estimate=mean, note=f"mean over {values.size} folds")

    def _aggregate(self, result: CVResult, metric: str) -> str:
        return headline_aggregate(result, self.folds, metric, cohort=self.cohort)

    def _resampled(self, result: CVResult) -> tuple[float, FloatArray]:
        """Primary metric of the pooled predictions, mean over repeats, and its bootstrap values."""
        metric = METRICS[self.primary]
        outcomes = pooled_outcomes(result, self.folds, self.cohort)

        def statistic(rows: IntArray) -> float:
            return mean_metric(outcomes, rows, metric)

        pooled = statistic(np.arange(self.tested.size))
        return pooled, resample(statistic, self.samples) if np.isfinite(pooled) else np.empty(0)


def _with_interval(row: PerformanceRow, interval: Interval) -> PerformanceRow:
    """Add an interval that stays within what the metric can be: no accuracy above 1 is printed."""
    low, high = np.clip([interval.low, interval.high], *METRICS[row.metric].bounds)
    return replace(row, low=float(low), high=float(high), interval=interval.method)


def _with_null(row: PerformanceRow, null: PermutationNull | None) -> PerformanceRow:
    if null is None:
        return row
    method = f"permutation test ({null.null.size} draws, {null.scheme}; {null.aggregate}, first repeat)"
    return replace(row, p=null.p, p_floor=null.p_floor, p_method=method)
