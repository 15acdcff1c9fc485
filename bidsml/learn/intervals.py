"""Intervals: the corrected resampled t over folds, and a bootstrap over units of pooled predictions.

What each covers of the mean performance over samples was simulated (n = 100, 5 and 10 folds, 1 and 5 repeats; see
tests/statistics): plain t over folds 0.45 to 0.93; the bootstrap and DeLong, which take the fitted models as given,
0.79 to 0.93; Nadeau-Bengio with the folds of one repeat minus one as degrees of freedom, and the widened bootstrap,
0.93 to 0.98 where there is an effect and 0.91 to 0.94 at chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bidsml.learn.crossval import pooled_outcome
from bidsml.learn.metrics import Metric, Outcome
from bidsml.records import Cohort, CVResult, FloatArray, Fold, IntArray

NADEAU_BENGIO = "Nadeau-Bengio"
UNIT_BOOTSTRAP = "unit bootstrap"
WIDENED_BOOTSTRAP = "unit bootstrap, widened for training"
DELONG = "DeLong"
LEVEL = 0.95
_N_BOOTSTRAP = 1000
# Apart from the one-number keys of the permutation draws.
_BOOTSTRAP = 1_000_033


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, and the p of the value's being 0 where that is asked for."""

    low: float
    high: float
    method: str
    p: float = float("nan")
    p_floor: float = float("nan")
    p_method: str = ""


NO_INTERVAL = Interval(float("nan"), float("nan"), "")


def corrected_t(values: FloatArray, folds: Sequence[Fold]) -> tuple[float, float, float, float]:
    """Mean over folds, its interval, and the p of its being 0, by the corrected resampled t.

    The variance of the mean over J folds is (1/J + n_test/n_train) s²: training sets overlap, so that folds are not
    independent (Nadeau and Bengio 2003, doi 10.1023/A:1024068626366). Degrees of freedom: the folds of one repeat
    minus 1. Repeats test the same people again and tell little new of the variance; with all folds of 5 repeats minus
    1 the interval covers 0.87 to 0.92.

    Returns
    -------
    tuple
        Mean, low, high, p; without spread the interval is the mean itself and p is 1 for a mean of 0, else NaN.

    Examples
    --------
    Five folds of 20 people: the plain t would give 0.66 to 0.74.

    >>> rows, none = np.arange(20), np.empty(0, dtype=int)
    >>> parts = [(np.setdiff1d(rows, rows[k::5]), rows[k::5]) for k in range(5)]
    >>> folds = [Fold("stratified", 0, k, "", train, test, none) for k, (train, test) in enumerate(parts)]
    >>> mean, low, high, _ = corrected_t(np.array([0.65, 0.70, 0.75, 0.70, 0.70]), folds)
    >>> f"{mean:.2f} ({low:.2f} to {high:.2f})"
    '0.70 (0.63 to 0.77)'
    """
    mean = float(values.mean())
    freedom = folds_of_a_repeat(folds) - 1
    if freedom < 1:
        return mean, float("nan"), float("nan"), float("nan")
    spread = float(values.std(ddof=1))
    if spread <= 1e-14 * max(1.0, abs(mean)):
        return mean, mean, mean, 1.0 if mean == 0 else float("nan")
    error = spread * np.sqrt(1 / values.size + _test_to_train(folds))
    half = float(stats.t.ppf(0.5 + LEVEL / 2, freedom) * error)
    return mean, mean - half, mean + half, float(2 * stats.t.sf(abs(mean / error), freedom))


def folds_of_a_repeat(folds: Sequence[Fold]) -> int:
    """Count the folds of one repeat."""
    return max(sum(fold.repeat == repeat for fold in folds) for repeat in {fold.repeat for fold in folds})


def _test_to_train(folds: Sequence[Fold]) -> float:
    return float(np.mean([fold.test.size / fold.train.size for fold in folds]))


def widening(folds: Sequence[Fold], *, share: float = 1.0) -> float:
    """By how much an interval that takes the models as given is too narrow for the models of another sample.

    √(1 + K n_test/n_train) for K folds: the ratio of Nadeau and Bengio's standard error, √(1/K + n_test/n_train) s, to
    that of K independent folds. Among a ``share`` of the people, the sampling of the people tested weighs more:
    √(1 + share K n_test/n_train).
    """
    return float(np.sqrt(1 + share * folds_of_a_repeat(folds) * _test_to_train(folds)))


# ------------------------------------------------------------------ bootstrap over units


def pooled_outcomes(result: CVResult, folds: Sequence[Fold], cohort: Cohort) -> list[Outcome]:
    """Pool the test rows of every repeat, in the order of :func:`tested_rows`."""
    outcomes = []
    for repeat in sorted({fold.repeat for fold in folds}):
        order = np.argsort(np.concatenate([fold.test for fold in folds if fold.repeat == repeat]))
        outcomes.append(take_rows(pooled_outcome(result, folds, cohort, repeat=repeat), order))
    return outcomes


def tested_rows(folds: Sequence[Fold]) -> IntArray:
    """Rows of the cohort that some fold tests, sorted."""
    return np.unique(np.concatenate([fold.test for fold in folds]))


def take_rows(outcome: Outcome, rows: IntArray) -> Outcome:
    """Keep some rows of an outcome, in the order given; a row may come twice."""
    return Outcome(
        target=outcome.target[rows],
        scores=outcome.scores[rows],
        predictions=outcome.predictions[rows],
        probabilities=None if outcome.probabilities is None else outcome.probabilities[rows],
        n_classes=outcome.n_classes,
        train_mean=None if outcome.train_mean is None else outcome.train_mean[rows],
    )


def mean_metric(outcomes: Sequence[Outcome], rows: IntArray, metric: Metric) -> float:
    """Metric of some rows, averaged over repeats."""
    return float(np.mean([metric(take_rows(outcome, rows)) for outcome in outcomes]))


def draw_units(unit: Sequence[str], *, seed: int) -> list[IntArray]:
    """Draw whole units with replacement: the row numbers of every sample.

    Parameters
    ----------
    unit
        Unit of every row, ``(n,)``.
    """
    codes = pd.factorize(np.asarray(unit, dtype=object), sort=True)[0]
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_BOOTSTRAP, 0)))
    draws = rng.integers(len(members), size=(_N_BOOTSTRAP, len(members)))
    return [np.concatenate([members[unit] for unit in draw]) for draw in draws]


def resample(statistic: Callable[[IntArray], float], samples: Sequence[IntArray]) -> FloatArray:
    """Compute a statistic of every sample's rows; where it is undefined, say for want of a class, leave it out."""
    values = np.array([statistic(rows) for rows in samples])
    return np.asarray(values[np.isfinite(values)])


def percentile_interval(values: FloatArray, *, method: str = UNIT_BOOTSTRAP) -> Interval:
    """Percentile interval of bootstrap values; none where half of the samples were undefined.

    The p is two-sided: twice the smaller share of samples on one side of 0, never below its floor.
    """
    if values.size < _N_BOOTSTRAP / 2:
        return NO_INTERVAL
    low, high = np.quantile(values, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    one_sided = (1 + min(int((values <= 0).sum()), int((values >= 0).sum()))) / (1 + values.size)
    how = f"{method} ({values.size} resamples)"
    return Interval(float(low), float(high), method, min(1.0, 2 * one_sided), 2 / (1 + values.size), how)


def widened_interval(values: FloatArray, *, estimate: float, centre: float, factor: float) -> Interval:
    """Percentile interval of bootstrap values of ``estimate``, moved to ``centre`` and stretched by ``factor``."""
    return percentile_interval(centre + factor * (values - estimate), method=WIDENED_BOOTSTRAP)


def fold_mean_interval(
    values: FloatArray, folds: Sequence[Fold], *, resampled: FloatArray, pooled: float
) -> tuple[float, Interval]:
    """Mean over folds with the interval that covers.

    Nadeau-Bengio's, unless it is narrower than what the sampling of the people tested makes alone (the plain
    bootstrap); then the widened bootstrap. Folds that are balanced by site and label agree about a model that goes by
    the site: their spread then says nothing of another sample (measured coverage of Nadeau-Bengio: 0.57 to 0.77).

    Parameters
    ----------
    values
        One per fold.
    resampled
        Bootstrap values of ``pooled``, the same figure of the pooled predictions.
    """
    mean, low, high, p = corrected_t(values, folds)
    plain = percentile_interval(resampled)
    if np.isfinite(plain.low) and not high - low >= plain.high - plain.low:
        return mean, widened_interval(resampled, estimate=pooled, centre=mean, factor=widening(folds))
    if not np.isfinite(low):
        return mean, NO_INTERVAL
    return mean, Interval(low, high, NADEAU_BENGIO, p, p_method="Nadeau-Bengio corrected t" if np.isfinite(p) else "")
