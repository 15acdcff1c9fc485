"""How often what was predicted came true."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from bidsml.learn.crossval import pooled_outcome
from bidsml.learn.metrics import METRICS
from bidsml.records import CalibrationCurve, Cohort, CVResult, FloatArray, Fold, IntArray

_MOST_BINS = 10
_PEOPLE_PER_BIN = 20


def calibrate(cv: Sequence[CVResult], folds: Sequence[Fold], cohort: Cohort) -> tuple[CalibrationCurve, ...]:
    """Give every estimator's biomarker its curve on every design; nothing for a regression."""
    if not cohort.classes:
        return ()
    return tuple(
        calibration_curve(result, [fold for fold in folds if fold.design == result.design], cohort)
        for result in cv
        if result.model == "biomarker"
    )


def calibration_curve(result: CVResult, folds: Sequence[Fold], cohort: Cohort) -> CalibrationCurve:
    """Compare predicted probabilities with what happened, over the pooled out-of-fold predictions of the first repeat.

    People are sorted into at most ten parts of about equal size (twenty people or more) by probability; equal
    probabilities stay together. The interval of a part's observed share is Wilson's (1927,
    doi 10.1080/01621459.1927.10502953). The expected calibration error is the mean distance of mean prediction and
    observed share, weighted by people (Naeini 2015, doi 10.1609/aaai.v29i1.9602); it is above 0 by chance alone.

    Parameters
    ----------
    folds
        Of the result's design.
    """
    if result.probabilities is None:
        return _no_curve(result, f"{result.estimator} gives decision values and no probabilities")
    if len(cohort.classes) != 2:
        return _no_curve(result, "drawn for two classes only")
    outcome = pooled_outcome(result, folds, cohort, repeat=0)
    probability, truth = result.probabilities[0], outcome.target == 1
    rows = np.concatenate([fold.test for fold in folds if fold.repeat == 0])
    probability = probability[rows, 1]
    bins = _equal_parts(probability)
    n = np.bincount(bins)
    positives = np.bincount(bins, weights=truth).astype(np.int64)
    predicted = np.bincount(bins, weights=probability) / n
    observed = positives / n
    low, high = wilson_interval(positives, n)
    return CalibrationCurve(
        estimator=result.estimator,
        model=result.model,
        design=result.design,
        n=n.astype(np.int64),
        positives=positives,
        predicted=predicted,
        observed=observed,
        low=low,
        high=high,
        slope=METRICS["calibration_slope"](outcome),
        intercept=METRICS["calibration_intercept"](outcome),
        ece=float(np.abs(predicted - observed) @ n / n.sum()),
    )


def _no_curve(result: CVResult, why: str) -> CalibrationCurve:
    nothing, nobody = np.empty(0), np.empty(0, dtype=np.int64)
    return CalibrationCurve(
        result.estimator, result.model, result.design, nobody, nobody, nothing, nothing, nothing, nothing, note=why
    )


def _equal_parts(probability: FloatArray) -> IntArray:
    """Give every person the number of their part, 0 upwards without a gap."""
    n_bins = int(np.clip(probability.size // _PEOPLE_PER_BIN, 2, _MOST_BINS))
    edges = np.quantile(probability, np.linspace(0, 1, n_bins + 1)[1:-1])
    return np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)[1]


def wilson_interval(successes: IntArray, n: IntArray) -> tuple[FloatArray, FloatArray]:
    """95 % interval of shares, ``(n_shares,)`` each."""
    ends = [stats.binomtest(int(k), int(m)).proportion_ci(0.95, "wilson") for k, m in zip(successes, n, strict=True)]
    return np.array([end.low for end in ends]), np.array([end.high for end in ends])
