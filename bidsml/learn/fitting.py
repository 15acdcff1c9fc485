"""Fit one estimator in one fold: tune on the inner splits, refit, score the test rows once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from bidsml.errors import DataError
from bidsml.learn.estimators import CATALOG, EstimatorKind
from bidsml.learn.fusion import View
from bidsml.learn.metrics import Metric, Outcome, pool_outcomes
from bidsml.learn.preparation import ModelInput
from bidsml.learn.prepared import PreparedSplit, prepare_views
from bidsml.learn.stacking import fit_blend
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
    """One fold after the label-free work: the outer split, and the inner ones where they are needed.

    Attributes
    ----------
    outers
        The outer split under every view of the blocks; of most models there is one.
    inners
        For every view the inner splits.
    views, names
        Weights of the blocks that each view stands for, and the blocks' names; see
        :func:`~bidsml.learn.fusion.block_views`.
    """

    fold: Fold
    outers: Sequence[PreparedSplit]
    inners: tuple[tuple[PreparedSplit, ...], ...]
    views: tuple[View, ...] = (None,)
    names: tuple[str, ...] = ()
    stacked: bool = False

    @property
    def outer(self) -> PreparedSplit:
        """The outer split under the first view."""
        return self.outers[0]

    @property
    def inner(self) -> tuple[PreparedSplit, ...]:
        """The inner splits under the first view."""
        return self.inners[0]


def prepare_fold(given: ModelInput, fold: Fold, *, recipe: Recipe, keep_basis: bool = False) -> PreparedFold:
    """Do the label-free work of a fold once, for any number of labellings and grid points.

    Every inner split is prepared from its own training rows.
    """
    rotate = recipe.kind.rotates
    outers: Sequence[PreparedSplit] = prepare_views(given, fold.train, fold.test, rotate=rotate, keep_basis=keep_basis)
    if len(outers) == 1:
        outers = (outers[0],)  # the features before rotation need not be held
    needs_inner = recipe.tunes or len(outers) > 1
    bundles = [
        tuple(prepare_views(given, fold.train[fold.inner != one], fold.train[fold.inner == one], rotate=rotate))
        for one in (np.unique(fold.inner).tolist() if needs_inner else [])
    ]
    inners = tuple(tuple(bundle[number] for bundle in bundles) for number in range(len(outers)))
    names = tuple(block.name for block in given.blocks)
    return PreparedFold(fold, outers, inners, given.views, names, given.stacked)


@dataclass(frozen=True)
class LinearPart:
    """Weights of a linear model, or of one block's part in a stack, on one split's coordinates.

    ``coef`` is ``(n_outputs, n_coordinates)``.
    """

    split: PreparedSplit
    coef: FloatArray


@dataclass(frozen=True)
class FittedFold:
    """Scores of the test rows, what was chosen, and the fitted estimator.

    ``parts`` and ``intercept`` ``(n_outputs,)`` are those of a linear model.
    """

    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None
    chosen: Parameters
    estimator: Any
    parts: tuple[LinearPart, ...] = ()
    intercept: FloatArray | None = None

    def without_model(self) -> "FittedFold":
        """Let go of the model and of the features that it was fitted on."""
        return replace(self, estimator=None, parts=())


def fit_fold(prepared: PreparedFold, target: FloatArray, *, recipe: Recipe) -> FittedFold:
    """Tune on the inner splits, refit on all training rows, and score the test rows.

    Parameters
    ----------
    target
        Class codes or outcomes of the whole cohort, ``(n,)``; test rows' values are not used.
    """
    if prepared.stacked:
        return fit_stack(prepared, target, recipe=recipe)
    view, point = choose(prepared, target, recipe=recipe)
    fit = fit_point(prepared.outers[view], target, point, recipe=recipe)
    return replace(fit, chosen={**point, **name_weights(prepared, view)})


def name_weights(prepared: PreparedFold, view: int) -> Parameters:
    """Name the weights that the inner folds chose for the blocks; nothing where there was nothing to choose."""
    weights = prepared.views[view]
    if len(prepared.views) == 1 or weights is None:
        return {}
    return {f"weight of {name}": weight for name, weight in zip(prepared.names, weights, strict=True)}


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
    fit = FittedFold(scores, predictions, probabilities, point, estimator)
    if not recipe.kind.linear:
        return fit
    coef = np.atleast_2d(estimator.coef_)
    intercept = np.broadcast_to(np.atleast_1d(estimator.intercept_), coef.shape[:1])
    return replace(fit, parts=(LinearPart(split, coef),), intercept=intercept)


def choose(prepared: PreparedFold, target: FloatArray, *, recipe: Recipe) -> tuple[int, Parameters]:
    """Pick the view and grid point with the best metric over the inner splits; the first of equals."""
    candidates = [(view, point) for view in range(len(prepared.outers)) for point in recipe.grid]
    if len(candidates) == 1:
        return candidates[0]
    scores = []
    for view, point in candidates:
        fits = [fit_point(split, target, point, recipe=recipe) for split in prepared.inners[view]]
        scores.append(judge(prepared.inners[view], fits, target, recipe=recipe))
    return candidates[best(scores)]


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


# ------------------------------------------------------------------ stacks


def fit_stack(
    prepared: PreparedFold, target: FloatArray, *, recipe: Recipe, points: Sequence[Parameters] | None = None
) -> FittedFold:
    """Fit a model per block, then a model on their scores of training rows that they had not seen.

    The scores come from the inner splits. A block's grid point is the one with the best metric over the same splits,
    which makes its training scores a little too good, alike for every block and never for the test rows; splits of the
    training rows within the inner ones would cost as many times more as there are inner folds. An inner split
    whose training rows lack a class scores nobody.

    Parameters
    ----------
    points
        Grid points of the blocks, where they are settled.

    Raises
    ------
    DataError
        Every inner split lacks a class.
    """
    settled: Sequence[Parameters | None] = points or [None] * len(prepared.outers)
    levels = [_fit_level(prepared, number, target, point, recipe=recipe) for number, point in enumerate(settled)]
    seen = np.isfinite(levels[0][1]).all(axis=1)
    if not seen.any():
        raise DataError("no inner fold leaves every class to train on", hint="set fewer inner folds, or no stacking")
    train = target[prepared.fold.train][seen]
    blend = fit_blend(
        np.stack([unseen[seen] for _, unseen in levels], axis=1),
        train,
        task=recipe.task,
        n_classes=recipe.n_classes,
        balanced=recipe.weighted,
    )
    fits = [fit for fit, _ in levels]
    scores = blend.score(np.stack([fit.scores for fit in fits], axis=1))
    names = [*prepared.names, "confounds"][: len(fits)]
    own = {
        f"{key} of {name}": value for name, fit in zip(names, fits, strict=True) for key, value in fit.chosen.items()
    }
    weights = {f"weight of {name}": weight for name, weight in zip(names, blend.weights.tolist(), strict=True)}
    mixed = _decide(scores, {**own, **weights}, recipe=recipe)
    if not recipe.kind.linear:
        return mixed
    gains = blend.gains
    parts = tuple(
        LinearPart(fit.parts[0].split, gain * fit.parts[0].coef) for fit, gain in zip(fits, gains, strict=True)
    )
    own_intercepts = [fit.intercept for fit in fits if fit.intercept is not None]
    return replace(mixed, parts=parts, intercept=blend.intercept + gains @ np.stack(own_intercepts))


def _fit_level(
    prepared: PreparedFold, number: int, target: FloatArray, point: Parameters | None, *, recipe: Recipe
) -> tuple[FittedFold, FloatArray]:
    """Fit one block's model; and score the training rows out of fold, ``(n_rows, n_outputs)``, NaN where nobody can."""
    splits = [split for split in prepared.inners[number] if _holds_classes(target[split.train_rows], recipe)]
    tried = []
    for candidate in recipe.grid if point is None else [point]:
        fits = [fit_point(split, target, candidate, recipe=recipe).without_model() for split in splits]
        tried.append((candidate, fits))
    merits = [judge(splits, fits, target, recipe=recipe) if len(tried) > 1 else 0.0 for _, fits in tried]
    chosen, fits = tried[best(merits)]
    outer = fit_point(prepared.outers[number], target, chosen, recipe=recipe)
    unseen = np.full((prepared.fold.train.size, outer.scores.shape[1]), np.nan)
    place = {row: index for index, row in enumerate(prepared.fold.train.tolist())}
    for split, fit in zip(splits, fits, strict=True):
        unseen[[place[row] for row in split.test_rows.tolist()]] = fit.scores
    return outer, unseen


def _holds_classes(labels: FloatArray, recipe: Recipe) -> bool:
    return recipe.task == "regression" or np.unique(labels).size == recipe.n_classes


def _decide(scores: FloatArray, chosen: Parameters, *, recipe: Recipe) -> FittedFold:
    """Predict from the scores of a stack; probabilities where its models have them too."""
    binary = scores.shape[1] == 1
    if recipe.task == "regression":
        return FittedFold(scores, scores[:, 0], None, chosen, None)
    predictions = (scores[:, 0] > 0).astype(float) if binary else scores.argmax(axis=1).astype(float)
    if not recipe.kind.has_probabilities:
        return FittedFold(scores, predictions, None, chosen, None)
    odds = np.hstack([np.zeros_like(scores), scores]) if binary else scores
    return FittedFold(scores, predictions, special.softmax(odds, axis=1), chosen, None)


def fit_as_chosen(
    given: ModelInput, fold: Fold, target: FloatArray, chosen: Parameters, *, recipe: Recipe
) -> FittedFold:
    """Fit a fold at settled hyper-parameters: those that :attr:`FittedFold.chosen` named."""
    weights = {key.removeprefix("weight of "): value for key, value in chosen.items() if key.startswith("weight of ")}
    if given.stacked:
        prepared = prepare_fold(given, fold, recipe=recipe)
        # By the blocks' own order: what was stored comes back in another.
        points = [{key: chosen[f"{key} of {block.name}"] for key in recipe.grid[0]} for block in given.blocks]
        return fit_stack(prepared, target, recipe=recipe, points=points)
    own = {key: value for key, value in chosen.items() if not key.startswith("weight of ")}
    views = given.views if not weights else (tuple(weights[block.name] for block in given.blocks),)
    one = replace(given, views=views)
    split = prepare_views(one, fold.train, fold.test, rotate=recipe.kind.rotates)[0]
    return fit_point(split, target, own, recipe=recipe)
