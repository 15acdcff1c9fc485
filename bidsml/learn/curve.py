"""How performance grows with the number of training people, and where it stops growing."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize

from bidsml.learn.crossval import aggregate_of, fold_outcome, model_input, recipe_of
from bidsml.learn.fitting import Parameters, Recipe, fit_as_chosen, outcome_of
from bidsml.learn.intervals import (
    Interval,
    draw_units,
    fold_mean_interval,
    mean_metric,
    pooled_outcomes,
    resample,
    take_rows,
    tested_rows,
    widened_interval,
    widening,
)
from bidsml.learn.metrics import METRICS, Outcome, pool_outcomes
from bidsml.learn.preparation import ModelInput
from bidsml.records import Cohort, CVResult, FeatureSet, FloatArray, Fold, IntArray, LearningCurve
from bidsml.spec import AnalysisSpec, EstimatorSpec

_N_SIZES = 8
_FEWEST_UNITS = 20
_FEWEST_OF_A_CLASS = 5
_FEWEST_SIZES = 4
_SMALLEST_GAIN = 0.01
# Apart from the keys of the permutation draws, the splits and the bootstrap.
_SUBSETS = 1_000_037


def learn_curve(
    features: FeatureSet,
    cohort: Cohort,
    folds: Sequence[Fold],
    *,
    spec: AnalysisSpec,
    estimator: EstimatorSpec,
    full: CVResult,
    seed: int,
) -> LearningCurve:
    """Train the biomarker on fewer people, and test on the same.

    The training rows of each fold of the first repeat are cut down to up to eight sizes in equal ratios, two or three
    random nested subsets each, balanced by class, units whole. Each preparation is fitted on its subset alone. The
    hyper-parameters stay those that the whole fold's inner splits chose: tuning anew would cost six times as much,
    and at small sizes the curve is a little lower or higher than with a tuning of its own.

    Parameters
    ----------
    folds
        Of one design.
    full
        The biomarker's cross-validation on these folds: the last point, and what was chosen.
    """
    first = [(fold, point) for fold, point in zip(folds, full.chosen, strict=True) if fold.repeat == 0]
    recipe = recipe_of(cohort, spec=spec, estimator=estimator, model="biomarker", seed=seed)
    given = model_input(features, cohort, spec=spec, model="biomarker")
    task = _Task(
        given, cohort, recipe, tuple(fold for fold, _ in first), tuple(point for _, point in first), full, seed
    )
    shares = training_shares(cohort, task.folds)
    points = [_measure(task, share, name=spec.primary_metric) for share in shares]
    curve = LearningCurve(
        estimator=full.estimator,
        design=full.design,
        metric=spec.primary_metric,
        size=np.array([point.size for point in points]),
        estimate=np.array([point.estimate for point in points]),
        low=np.clip([point.interval.low for point in points], *recipe.metric.bounds),
        high=np.clip([point.interval.high for point in points], *recipe.metric.bounds),
        n_subsets=np.array([point.n_subsets for point in points], dtype=np.int64),
        interval=", ".join(dict.fromkeys(point.interval.method for point in points if point.interval.method)),
        smallest_gain=_smallest_gain(spec.primary_metric, cohort),
    )
    return extrapolate(curve, higher_is_better=recipe.metric.higher_is_better, best=recipe.metric.bounds)


def _smallest_gain(metric: str, cohort: Cohort) -> float:
    # An error in the outcome's own units has no natural hundredth.
    return _SMALLEST_GAIN * float(np.std(cohort.target)) if metric == "mae" else _SMALLEST_GAIN


# ------------------------------------------------------------------ subsets


def training_shares(cohort: Cohort, folds: Sequence[Fold]) -> FloatArray:
    """Shares of the training people, rising to 1 in equal ratios; the smallest leaves 20 units and 5 of each class."""
    smallest = 0.0
    for fold in folds:
        units, strata = _units(cohort, fold.train)
        fewest = np.unique(strata, return_counts=True)[1].min()
        smallest = max(smallest, _FEWEST_UNITS / units.size, _FEWEST_OF_A_CLASS / fewest if cohort.classes else 0.0)
    if smallest >= 1:
        return np.ones(1)
    # Steps of less than a quarter would show noise.
    n_sizes = int(np.clip(1 + np.log(1 / smallest) / np.log(1.25), 2, _N_SIZES))
    return np.geomspace(smallest, 1.0, n_sizes)


def _units(cohort: Cohort, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Rows' first one of every unit, and its class; of a regression all are of one class."""
    first = np.unique(pd.factorize(np.asarray(cohort.unit, dtype=object)[rows])[0], return_index=True)[1]
    strata = cohort.target[rows[first]].astype(np.int64) if cohort.classes else np.zeros(first.size, dtype=np.int64)
    return rows[first], strata


def nested_order(cohort: Cohort, rows: IntArray, *, rng: np.random.Generator) -> FloatArray:
    """Give every row a place between 0 and 1, the same within a unit, evenly spread within a class.

    The rows whose place is below s are a random share s of every class, and contain those of every smaller share.
    """
    units, strata = _units(cohort, rows)
    place = np.empty(units.size)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        place[members] = (rng.permutation(members.size) + 0.5) / members.size
    of_unit = dict(zip((cohort.unit[row] for row in units), place.tolist(), strict=True))
    return np.array([of_unit[cohort.unit[row]] for row in rows])


# ------------------------------------------------------------------ one size


@dataclass(frozen=True)
class _Task:
    """What every size has in common; ``points`` are the grid points that the whole folds chose."""

    given: ModelInput
    cohort: Cohort
    recipe: Recipe
    folds: tuple[Fold, ...]
    points: tuple[Parameters, ...]
    full: CVResult
    seed: int


@dataclass(frozen=True)
class _Point:
    size: float
    estimate: float
    interval: Interval
    n_subsets: int


def _measure(task: _Task, share: float, *, name: str) -> _Point:
    """Train on one share of every fold's people, several times; what all of them reach is known already."""
    n_folds = len(task.folds)
    if share >= 1:
        whole = pooled_outcomes(task.full, task.folds, task.cohort)
        first = np.array([[METRICS[name](fold_outcome(task.full, fold, task.cohort)) for fold in task.folds]])
        estimate, interval = _summarise(task, whole, first)
        return _Point(float(np.mean([fold.train.size for fold in task.folds])), estimate, interval, 1)
    # Large shares cost most, and overlap so much that a third one tells little.
    n_subsets = 3 if share < 0.5 else 2
    by_subset: list[Outcome] = []
    values = np.empty((n_subsets, n_folds))
    sizes = []
    for subset in range(n_subsets):
        outcomes = []
        for number, fold in enumerate(task.folds):
            key = np.random.SeedSequence(task.seed, spawn_key=(_SUBSETS, number, subset))
            place = nested_order(task.cohort, fold.train, rng=np.random.default_rng(key))
            kept = place < share
            train = fold.train[kept]
            outcomes.append(_fit(task, replace(fold, train=train, inner=fold.inner[kept]), number))
            values[subset, number] = METRICS[name](outcomes[-1])
            sizes.append(train.size)
        order = np.argsort(np.concatenate([fold.test for fold in task.folds]))
        by_subset.append(take_rows(pool_outcomes(outcomes), order))
    estimate, interval = _summarise(task, by_subset, values)
    return _Point(float(np.mean(sizes)), estimate, interval, n_subsets)


def _fit(task: _Task, fold: Fold, number: int) -> Outcome:
    recipe, target = task.recipe, task.cohort.target
    fitted = fit_as_chosen(task.given, fold, target, task.points[number], recipe=recipe)
    return outcome_of(fitted, target, train_rows=fold.train, test_rows=fold.test, recipe=recipe)


def _summarise(task: _Task, by_subset: Sequence[Outcome], values: FloatArray) -> tuple[float, Interval]:
    """Mean over subsets, by folds or pooled as the headline is, with the interval that goes with it."""
    rows = tested_rows(task.folds)

    def statistic(chosen: IntArray) -> float:
        return mean_metric(by_subset, chosen, task.recipe.metric)

    pooled = statistic(np.arange(rows.size))
    samples = draw_units([task.cohort.unit[row] for row in rows], seed=task.seed)
    resampled = resample(statistic, samples) if np.isfinite(pooled) else np.empty(0)
    means = values.mean(axis=0)
    if aggregate_of(means, task.folds, task.cohort) == "fold mean":
        return fold_mean_interval(means, task.folds, resampled=resampled, pooled=pooled)
    return pooled, widened_interval(resampled, estimate=pooled, centre=pooled, factor=widening(task.folds))


# ------------------------------------------------------------------ the law


def power_law(size: FloatArray, asymptote: float, scale: float, exponent: float) -> FloatArray:
    """Evaluate asymptote − scale · size^(−exponent)."""
    return asymptote - scale * np.power(size, -exponent)


def extrapolate(
    curve: LearningCurve, *, higher_is_better: bool, best: tuple[float, float] = (-np.inf, np.inf)
) -> LearningCurve:
    """Fit an inverse power law, and say from which size on twice the people bring next to nothing.

    asymptote − scale · n^(−exponent), by least squares (Figueroa 2012, doi 10.1186/1472-6947-12-8), for a metric
    of which lower is better with a negative scale. From n to 2 n it gains scale · n^(−exponent) (1 − 2^(−exponent)),
    which falls with n. The size is searched among those measured; beyond them the law is a guess.
    """
    usable = np.isfinite(curve.estimate)
    if np.count_nonzero(usable) < _FEWEST_SIZES:
        return replace(curve, note=f"fewer than {_FEWEST_SIZES} sizes: no power law fitted")
    size, sign = curve.size[usable], 1.0 if higher_is_better else -1.0
    value = sign * curve.estimate[usable]
    ceiling = max(sign * end for end in best)
    try:
        law = _fit_law(size, value, ceiling=ceiling)
    except RuntimeError as error:
        return replace(curve, note=f"no power law could be fitted: {error}")
    asymptote, scale, exponent = law
    gains = scale * np.power(size, -exponent) * (1 - 2.0**-exponent)
    flat_from = float("nan")
    if gains[-1] < curve.smallest_gain:
        if gains[0] < curve.smallest_gain:
            flat_from = float(size[0])
        else:
            flat_from = float((scale * (1 - 2.0**-exponent) / curve.smallest_gain) ** (1 / exponent))
    return replace(
        curve,
        asymptote=sign * asymptote,
        scale=sign * scale,
        exponent=exponent,
        gain=float(gains[-1]),
        flat_from=flat_from,
    )


def _fit_law(size: FloatArray, value: FloatArray, *, ceiling: float) -> tuple[float, float, float]:
    """Least squares in units of the largest size, where all three parameters are of the order of 1."""
    largest = size.max()
    spread = max(float(np.ptp(value)), 1e-6)
    top = float(value.max())
    start = (min(top + spread / 2, ceiling), spread, 0.5)
    with warnings.catch_warnings():
        # Of a straight line the covariance is unknown; only the parameters are used.
        warnings.simplefilter("ignore", optimize.OptimizeWarning)
        asymptote, scale, exponent = optimize.curve_fit(
            power_law,
            size / largest,
            value,
            p0=start,
            bounds=((-np.inf, 0.0, 0.05), (max(ceiling, start[0] + 1e-9), np.inf, 3.0)),
            max_nfev=10_000,
        )[0]
    return float(asymptote), float(scale * largest**exponent), float(exponent)
