"""Fit one estimator in one fold: tune on the inner splits, refit, score the test rows once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from bidsml.learn.estimators import CATALOG, EstimatorKind
from bidsml.learn.metrics import Metric, Outcome, pool_outcomes
from bidsml.learn.preparation import ModelInput, PreparedSplit, prepare_split
from bidsml.records import FloatArray, Fold, IntArray, Task
from bidsml.spec import EstimatorSpec

Parameters = Mapping[str, Any]

# Two scores this close are a tie: the same pairs ranked right, summed in another order.
_TIE = 1e-10


@dataclass(frozen=True)
class Recipe:
    """What is fitted, and how it is judged while tuning."""

    kind: EstimatorKind
    estimator: Any
    grid: tuple[Parameters, ...]
    metric: Metric
    task: Task
    n_classes: int
    weighted: bool

    @property
    def tunes(self) -> bool:
        """Whether the inner folds have anything to choose."""
        return len(self.grid) > 1


def make_recipe(estimator: EstimatorSpec, *, task: Task, n_classes: int, metric: Metric, seed: int) -> Recipe:
    """Look an estimator up in the catalog and lay out its grid, in the grid's own order."""
    kind = CATALOG[estimator.kind]
    built, default = kind.build(task, class_weight=estimator.class_weight, seed=seed)
    grid = default if estimator.grid is None else estimator.grid
    points: tuple[Parameters, ...] = tuple(ParameterGrid({name: list(values) for name, values in grid.items()}))
    return Recipe(kind, built, points, metric, task, n_classes, estimator.class_weight != "none")


@dataclass(frozen=True)
class PreparedFold:
    """One fold after the label-free work: the outer split, and the inner ones where something is tuned."""

    fold: Fold
    outer: PreparedSplit
    inner: tuple[PreparedSplit, ...]


def prepare_fold(given: ModelInput, fold: Fold, *, recipe: Recipe, keep_basis: bool = False) -> PreparedFold:
    """Do the label-free work of a fold once, for any number of labellings and grid points.

    Every inner split is prepared from its own training rows.
    """
    rotate = recipe.kind.rotates
    outer = prepare_split(given, fold.train, fold.test, rotate=rotate, keep_basis=keep_basis)
    bundles = np.unique(fold.inner).tolist() if recipe.tunes else []
    inner = tuple(
        prepare_split(given, fold.train[fold.inner != bundle], fold.train[fold.inner == bundle], rotate=rotate)
        for bundle in bundles
    )
    return PreparedFold(fold, outer, inner)


@dataclass(frozen=True)
class FittedFold:
    """Scores of the test rows, what was chosen, and the fitted estimator."""

    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None
    chosen: Parameters
    estimator: Any


def fit_fold(prepared: PreparedFold, target: FloatArray, *, recipe: Recipe) -> FittedFold:
    """Tune on the inner splits, refit on all training rows, and score the test rows.

    Parameters
    ----------
    target
        Class codes or outcomes of the whole cohort, ``(n,)``; test rows' values are not used.
    """
    chosen = choose(prepared, target, recipe=recipe)
    return fit_point(prepared.outer, target, chosen, recipe=recipe)


def fit_point(split: PreparedSplit, target: FloatArray, point: Parameters, *, recipe: Recipe) -> FittedFold:
    """Fit one grid point on a split's training rows and score its test rows."""
    estimator = clone(recipe.estimator).set_params(**point)
    train = target[split.train_rows]
    estimator.fit(split.train, train.astype(int) if recipe.task == "classification" else train)
    predictions = np.asarray(estimator.predict(split.test), dtype=float).reshape(-1)
    probabilities = None
    if recipe.task == "classification" and hasattr(estimator, "predict_proba"):
        probabilities = np.asarray(estimator.predict_proba(split.test))
    if recipe.task == "regression":
        scores = predictions[:, None]
    elif hasattr(estimator, "decision_function"):
        scores = np.asarray(estimator.decision_function(split.test)).reshape(predictions.size, -1)
    elif probabilities is not None:
        scores = probabilities[:, 1:] if recipe.n_classes == 2 else probabilities
    else:
        raise TypeError(f"{type(estimator).__name__} has neither decision_function nor predict_proba")
    return FittedFold(scores, predictions, probabilities, point, estimator)


def choose(prepared: PreparedFold, target: FloatArray, *, recipe: Recipe) -> Parameters:
    """Pick the grid point with the best metric over the inner splits; the first of equals."""
    if not recipe.tunes:
        return recipe.grid[0]
    scores = []
    for point in recipe.grid:
        fits = [fit_point(split, target, point, recipe=recipe) for split in prepared.inner]
        scores.append(judge(prepared.inner, fits, target, recipe=recipe))
    return recipe.grid[best(scores)]


def judge(splits: Sequence[PreparedSplit], fits: Sequence[FittedFold], target: FloatArray, *, recipe: Recipe) -> float:
    """Mean metric over splits; where it is undefined in one, the metric of all test rows together.

    The sign is such that higher is better.
    """
    outcomes = [
        outcome_of(fit, target, train_rows=split.train_rows, test_rows=split.test_rows, recipe=recipe)
        for split, fit in zip(splits, fits, strict=True)
    ]
    values = [recipe.metric(outcome) for outcome in outcomes]
    value = float(np.mean(values)) if np.isfinite(values).all() else recipe.metric(pool_outcomes(outcomes))
    return value if recipe.metric.higher_is_better else -value


def outcome_of(
    fit: FittedFold, target: FloatArray, *, train_rows: IntArray, test_rows: IntArray, recipe: Recipe
) -> Outcome:
    """Put a split's predictions beside the truth."""
    truth = target[test_rows]
    return Outcome(
        target=truth,
        scores=fit.scores,
        predictions=fit.predictions,
        probabilities=fit.probabilities,
        n_classes=recipe.n_classes,
        train_mean=np.full(truth.size, target[train_rows].mean()) if recipe.task == "regression" else None,
    )


def best(scores: Sequence[float]) -> int:
    """Index of the highest score, the first of equals; 0 when all are undefined."""
    return int(best_points(np.asarray(scores, dtype=float)[:, None])[0])


def best_points(scores: FloatArray) -> IntArray:
    """Index of the highest score of every column of ``(n_points, n_draws)``, the first of equals up to rounding."""
    ranked = np.where(np.isfinite(scores), scores, -np.inf)
    highest = ranked.max(axis=0)
    return np.asarray((ranked >= highest - _TIE * np.maximum(1.0, np.abs(highest))).argmax(axis=0))
