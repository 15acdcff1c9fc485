"""Tune and score every labelling of a permutation test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bidsml.learn.fast.components import BlockFeatures
from bidsml.learn.fast.gram import BlockKernels, make_block_kernels
from bidsml.learn.fast.scores import score_draws
from bidsml.learn.fast.solver import Fit, Point, Solver
from bidsml.learn.fast.solvers import COMPONENT_SOLVERS, grid_points, make_solver
from bidsml.learn.fitting import Recipe, best_points
from bidsml.learn.preparation import ModelInput
from bidsml.records import FloatArray, Fold, IntArray

# Draws that are solved together. They start at fixed numbers, so that a draw has the same neighbours in any chunk.
BATCH = 128
# Kernels that are held at once, in numbers of 8 bytes.
_HELD = 40_000_000


@dataclass
class _TrainingSet:
    """One training set and who is tested on it: for each test set, the number of the outer fold that it serves."""

    rows: IntArray
    tests: list[IntArray] = field(default_factory=list)
    folds: list[int] = field(default_factory=list)


@dataclass
class ScoredDraws:
    """Every labelling, refitted on every fold.

    Attributes
    ----------
    scores
        For every fold and batch the scores of the test rows, ``(n_draws, t, n_outputs)``.
    undecided
        For every labelling of all batches, ``(n_draws_total,)``: whether the metric is undefined in an inner
        fold, so that the grid point must be chosen the general way.
    decisions
        For every fold and batch the decisions on the training rows up to a constant, ``(n_draws * n_outputs, m)``;
        empty unless asked for.
    """

    scores: list[list[FloatArray]]
    undecided: NDArray[np.bool_]
    decisions: list[list[NDArray[np.float32]]]


def score_labellings(
    given: ModelInput,
    folds: Sequence[Fold],
    batches: Sequence[FloatArray],
    *,
    kind: str,
    recipe: Recipe,
    keep_decisions: bool = False,
) -> ScoredDraws:
    """Refit every labelling on every fold, tuned on its inner folds.

    Parameters
    ----------
    folds
        Outer folds of one repeat.
    batches
        Labellings, ``(n_draws, n)`` each.
    keep_decisions
        Keep the decisions on the training rows, in single precision.
    """
    points = grid_points(kind, recipe)
    chosen, undecided = _tune(given, folds, batches, points=points, kind=kind, recipe=recipe)
    scored = ScoredDraws([[] for _ in folds], undecided, [[] for _ in folds])
    n_outputs = _n_outputs(recipe)
    starts = np.cumsum([0, *map(len, batches)])
    for training, prepared in _training_sets(given, _outer_sets(folds), kind=kind):
        number, m = training.folds[0], len(training.rows)
        scores = [np.empty((len(batch), len(training.tests[0]), n_outputs)) for batch in batches]
        decisions = [np.empty((len(batch), n_outputs, m), dtype=np.float32) for batch in batches]
        for view in np.unique(chosen[number] // len(points)):
            solver = make_solver(kind, prepared.under(view), training.tests, recipe=recipe)
            for part, (start, batch) in enumerate(zip(starts[:-1], batches, strict=True)):
                picks = chosen[number, start : start + len(batch)]
                for pick in np.unique(picks[picks // len(points) == view]):
                    mine = picks == pick
                    fit = solver.fit(_outputs(batch[mine][:, training.rows], recipe), points[pick % len(points)])
                    scores[part][mine] = _decide(solver, fit, 0, recipe)
                    if keep_decisions:
                        decisions[part][mine] = solver.decide_training(fit).reshape(-1, n_outputs, m)
        scored.scores[number] = scores
        if keep_decisions:
            scored.decisions[number] = [values.reshape(-1, m) for values in decisions]
    return scored


def _tune(
    given: ModelInput,
    folds: Sequence[Fold],
    batches: Sequence[FloatArray],
    *,
    points: Sequence[Point],
    kind: str,
    recipe: Recipe,
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Choose a grid point for every fold and labelling, ``(n_folds, n_draws_total)``; and say where none is clear.

    Grid points of the second view of the blocks are numbered after those of the first, and so on.
    """
    n_draws, n_views = sum(map(len, batches)), len(given.views)
    if not recipe.tunes and n_views == 1:
        return np.zeros((len(folds), n_draws), dtype=int), np.zeros(n_draws, dtype=bool)
    tables = [np.zeros((n_views * len(points), n_draws)) for _ in folds]
    for training, prepared in _training_sets(given, _inner_sets(folds), kind=kind):
        for view in range(n_views):
            solver = make_solver(kind, prepared.under(view), training.tests, recipe=recipe)
            own = [table[view * len(points) : (view + 1) * len(points)] for table in tables]
            _add_inner_scores(own, training, solver, batches, folds, points=points, recipe=recipe)
    undecided = np.any([~np.isfinite(table).all(axis=0) for table in tables], axis=0)
    return np.stack([best_points(table) for table in tables]), undecided


def _inner_sets(folds: Sequence[Fold]) -> list[_TrainingSet]:
    """Training sets of all inner splits; leaving out folds f and g serves f's and g's tuning alike."""
    sets: dict[bytes, _TrainingSet] = {}
    for number, fold in enumerate(folds):
        for bundle in np.unique(fold.inner):
            rows = fold.train[fold.inner != bundle]
            training = sets.setdefault(rows.tobytes(), _TrainingSet(rows))
            training.tests.append(fold.train[fold.inner == bundle])
            training.folds.append(number)
    return list(sets.values())


def _outer_sets(folds: Sequence[Fold]) -> list[_TrainingSet]:
    return [_TrainingSet(fold.train, [fold.test], [number]) for number, fold in enumerate(folds)]


def _training_sets(
    given: ModelInput, sets: Sequence[_TrainingSet], *, kind: str
) -> Iterator[tuple[_TrainingSet, BlockKernels | BlockFeatures]]:
    """Prepare training sets: their features where people outnumber them, else kernels, as many as memory may hold."""
    if kind in COMPONENT_SOLVERS and given.n_features <= min(len(one.rows) for one in sets) // 2:
        yield from ((training, BlockFeatures(given, training.rows)) for training in sets)
        return
    n_parts = 1 if given.views == (None,) else len(given.blocks)
    together = max(1, _HELD // (n_parts * len(given.values) ** 2))
    for start in range(0, len(sets), together):
        some = sets[start : start + together]
        yield from zip(some, make_block_kernels(given, [training.rows for training in some]), strict=True)


def _add_inner_scores(
    tables: Sequence[FloatArray],
    training: _TrainingSet,
    solver: Solver,
    batches: Sequence[FloatArray],
    folds: Sequence[Fold],
    *,
    points: Sequence[Point],
    recipe: Recipe,
) -> None:
    """Add the metric of every use, grid point and labelling to the outer folds' tables; higher is better."""
    sign = 1.0 if recipe.metric.higher_is_better else -1.0
    start = 0
    for batch in batches:
        draws = slice(start, start + len(batch))
        targets = _outputs(batch[:, training.rows], recipe)
        fit: Fit | None = None
        for point, values in enumerate(points):
            fit = solver.fit(targets, values, start=fit)
            for test, (fold, rows) in enumerate(zip(training.folds, training.tests, strict=True)):
                scores = _decide(solver, fit, test, recipe)
                means = train_means(batch, training.rows, rows, recipe)
                n_inner = np.unique(folds[fold].inner).size
                value = score_draws(batch[:, rows], scores, means, recipe=recipe)
                tables[fold][point, draws] += sign * value / n_inner
        start += len(batch)


def train_means(batch: FloatArray, train: IntArray, test: IntArray, recipe: Recipe) -> FloatArray | None:
    """Mean outcome of the training rows for every draw and test row, ``(n_draws, t)``; only for regression."""
    if recipe.task == "classification":
        return None
    return np.repeat(batch[:, train].mean(axis=1, keepdims=True), len(test), axis=1)


def _n_outputs(recipe: Recipe) -> int:
    return recipe.n_classes if recipe.n_classes > 2 else 1


def _outputs(labels: FloatArray, recipe: Recipe) -> FloatArray:
    """Targets of the solver: outcomes, −1 and 1, or one row of −1 and 1 per class."""
    if recipe.task == "regression":
        return labels
    if recipe.n_classes == 2:
        return np.where(labels == 1, 1.0, -1.0)
    codes = np.arange(recipe.n_classes)[:, None]
    signs = np.where(labels[:, None, :] == codes, 1.0, -1.0)  # (n_draws, n_classes, m)
    return signs.reshape(-1, labels.shape[1])


def _decide(solver: Solver, fit: Fit, test: int, recipe: Recipe) -> FloatArray:
    decisions = solver.decide(fit, test)
    n_outputs = _n_outputs(recipe)
    return decisions.reshape(-1, n_outputs, decisions.shape[1]).transpose(0, 2, 1)
