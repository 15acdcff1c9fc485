"""ROC and precision-recall curves of out-of-fold scores, with bands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bidsml.learn.intervals import LEVEL, WIDENED_BOOTSTRAP, draw_units, pooled_outcomes, tested_rows, widening
from bidsml.learn.metrics import Outcome
from bidsml.records import Cohort, CVResult, FloatArray, Fold, RankingCurve

_GRID = np.linspace(0, 1, 101)
_CHUNK = 100
"""So many resamples at once."""


def rank_curves(
    cv: Sequence[CVResult], folds: Sequence[Fold], cohort: Cohort, *, seed: int
) -> tuple[RankingCurve, ...]:
    """Give every model of the first estimator and design its curves; nothing for a regression.

    A curve is the mean over repeats of the curves of all test rows pooled: true positive rate by false positive rate,
    and precision by recall. The band is pointwise: the percentile interval of a bootstrap over units, widened for the
    training as every interval of pooled predictions is (see :func:`~bidsml.learn.intervals.widening`), within 0 to 1.
    Several classes: each against the rest.

    Parameters
    ----------
    folds
        Of all designs.
    """
    if not cohort.classes:
        return ()
    first = cv[0]
    mine = [fold for fold in folds if fold.design == first.design]
    results = [one for one in cv if (one.estimator, one.design) == (first.estimator, first.design)]
    return tuple(curve for one in results if one.model != "majority" for curve in _curves(one, mine, cohort, seed=seed))


def _curves(result: CVResult, folds: Sequence[Fold], cohort: Cohort, *, seed: int) -> Iterator[RankingCurve]:
    rows = tested_rows(folds)
    outcomes = pooled_outcomes(result, folds, cohort)
    samples = draw_units([cohort.unit[row] for row in rows], seed=seed)
    codes = [(0, cohort.classes.index(cohort.positive))] if len(cohort.classes) == 2 else None
    for output, code in codes or [(code, code) for code in range(len(cohort.classes))]:
        sorted_rows = [_sort(outcome, output, code) for outcome in outcomes]
        everyone = _measure(sorted_rows, np.ones((1, rows.size)))
        if not np.isfinite(everyone.area).all():
            continue
        counts = (np.stack([np.bincount(s, minlength=rows.size) for s in part]) for part in _parts(samples))
        resampled = [_measure(sorted_rows, weights.astype(float)) for weights in counts]
        factor = widening(folds)
        rate = _band(everyone.rate, np.concatenate([part.rate for part in resampled]), factor)
        precision = _band(everyone.precision, np.concatenate([part.precision for part in resampled]), factor)
        yield RankingCurve(
            estimator=result.estimator, model=result.model, design=result.design, output=cohort.classes[code],
            grid=_GRID, true_positive_rate=everyone.rate[0], rate_low=rate[0], rate_high=rate[1],
            precision=everyone.precision[0], precision_low=precision[0], precision_high=precision[1],
            roc_auc=float(everyone.area[0]), average_precision=float(everyone.average_precision[0]),
            prevalence=float((outcomes[0].target == code).mean()), interval=WIDENED_BOOTSTRAP,
        )  # fmt: skip


def _parts(samples: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    for start in range(0, len(samples), _CHUNK):
        yield samples[start : start + _CHUNK]


@dataclass(frozen=True)
class _Sorted:
    """Rows of one repeat from the highest score down; ``ends`` are the last of each run of equal scores."""

    order: np.ndarray
    is_positive: np.ndarray
    ends: np.ndarray


def _sort(outcome: Outcome, output: int, code: int) -> _Sorted:
    scores = outcome.scores[:, output]
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    return _Sorted(order, (outcome.target == code)[order], ends)


@dataclass(frozen=True)
class _Curves:
    """Means over repeats of curves on the grid, ``(n_samples, n_grid)``, and of their areas, ``(n_samples,)``."""

    rate: FloatArray
    precision: FloatArray
    area: FloatArray
    average_precision: FloatArray


def _measure(repeats: Sequence[_Sorted], weights: FloatArray) -> _Curves:
    """Measure curves of people who count as often as ``weights``, ``(n_samples, n)``, say; NaN without both classes."""
    parts = [_of_repeat(one, weights) for one in repeats]
    return _Curves(*(np.mean([part[index] for part in parts], axis=0) for index in range(4)))


def _of_repeat(one: _Sorted, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    ordered = weights[:, one.order]
    positives = np.cumsum(ordered * one.is_positive, axis=1)[:, one.ends]
    negatives = np.cumsum(ordered * ~one.is_positive, axis=1)[:, one.ends]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.pad(positives / positives[:, -1:], ((0, 0), (1, 0)))
        false = np.pad(negatives / negatives[:, -1:], ((0, 0), (1, 0)))
        precision = positives / (positives + negatives)
    area = np.trapezoid(rate, false, axis=1)
    average = np.nansum(np.diff(rate, axis=1) * np.nan_to_num(precision), axis=1)
    on_rate = np.stack([np.interp(_GRID, x, y) for x, y in zip(false, rate, strict=True)])
    # Between two thresholds precision is not linear: take the first threshold that reaches a recall.
    reached = np.stack([np.searchsorted(y[1:], _GRID - 1e-12) for y in rate]).clip(max=precision.shape[1] - 1)
    on_recall = np.take_along_axis(precision, reached, axis=1)
    # Nobody is counted above the first threshold of some samples.
    on_recall = np.where(np.isnan(on_recall), 1.0, on_recall)
    unknown = ~np.isfinite(area)
    return tuple(
        np.where(unknown.reshape(-1, *[1] * (v.ndim - 1)), np.nan, v) for v in (on_rate, on_recall, area, average)
    )  # type: ignore[return-value]


def _band(estimate: FloatArray, resampled: FloatArray, factor: float) -> tuple[FloatArray, FloatArray]:
    known = resampled[np.isfinite(resampled).all(axis=1)]
    low, high = np.quantile(estimate + factor * (known - estimate), [0.5 - LEVEL / 2, 0.5 + LEVEL / 2], axis=0)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)
