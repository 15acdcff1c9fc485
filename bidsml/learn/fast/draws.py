"""Tune and score every labelling of a permutation test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bidsml.learn.fast.gram import make_kernels
from bidsml.learn.fast.scores import score_draws
from bidsml.learn.fast.solver import Fit, Point, Solver
from bidsml.learn.fast.solvers import SOLVERS, grid_points
from bidsml.learn.fitting import Recipe, best_points
from bidsml.learn.preparation import ModelInput
from bidsml.records import FloatArray, Fold, IntArray

# Draws that are solved together. They start at fixed numbers, so that a draw has the same neighbours in any chunk.
BATCH = 128
# Kernels that are held at once, in numbers of 8 bytes.
_HELD = 40_000_000


@dataclass
class _TrainingSet:
    """One training set and who is tested on it: pairs of outer fold and inner fold (−1: the outer test rows)."""

    rows: IntArray
    tests: list[IntArray] = field(default_factory=list)
    uses: list[tuple[int, int]] = field(default_factory=list)


def score_labellings(
    given: ModelInput, folds: Sequence[Fold], batches: Sequence[FloatArray], *, kind: str, recipe: Recipe
) -> tuple[list[list[FloatArray]], np.ndarray]:
    """Refit every labelling on every fold, tuned on its inner folds.

    Parameters
    ----------
    folds
        Outer folds of one repeat.
    batches
        Labellings, ``(n_draws, n)`` each.

    Returns
    -------
    scores
        For every fold and batch the scores of the test rows, ``(n_draws, t, n_outputs)``.
    undecided
        For every labelling of all batches, ``(n_draws_total,)``: whether the metric is undefined in an inner
        fold, so that the grid point must be chosen the general way.
    """
    sizes = [len(batch) for batch in batches]
    points = grid_points(kind, recipe)
    chosen = np.zeros((len(folds), sum(sizes)), dtype=int)
    undecided = np.zeros(sum(sizes), dtype=bool)
    if recipe.tunes:
        tables = [np.zeros((len(points), sum(sizes))) for _ in folds]
        for training, solver in _solvers(given, _inner_sets(folds), kind=kind, recipe=recipe):
            _add_inner_scores(tables, training, solver, batches, folds, points=points, recipe=recipe)
        for number, table in enumerate(tables):
            undecided |= ~np.isfinite(table).all(axis=0)
            chosen[number] = best_points(table)
    found: list[list[FloatArray]] = [[] for _ in folds]
    starts = np.cumsum([0, *sizes])
    for training, solver in _solvers(given, _outer_sets(folds), kind=kind, recipe=recipe):
        number = training.uses[0][0]
        for start, batch in zip(starts[:-1], batches, strict=True):
            picks = chosen[number, start : start + len(batch)]
            scores = np.empty((len(batch), len(training.tests[0]), _n_outputs(recipe)))
            for point in np.unique(picks):
                mine = picks == point
                fit = solver.fit(_outputs(batch[mine][:, training.rows], recipe), points[point])
                scores[mine] = _decide(solver, fit, 0, recipe)
            found[number].append(scores)
    return found, undecided


def _inner_sets(folds: Sequence[Fold]) -> list[_TrainingSet]:
    """Training sets of all inner splits; leaving out folds f and g serves f's and g's tuning alike."""
    sets: dict[bytes, _TrainingSet] = {}
    for number, fold in enumerate(folds):
        for bundle in np.unique(fold.inner):
            rows = fold.train[fold.inner != bundle]
            training = sets.setdefault(rows.tobytes(), _TrainingSet(rows))
            training.tests.append(fold.train[fold.inner == bundle])
            training.uses.append((number, int(bundle)))
    return list(sets.values())


def _outer_sets(folds: Sequence[Fold]) -> list[_TrainingSet]:
    return [_TrainingSet(fold.train, [fold.test], [(number, -1)]) for number, fold in enumerate(folds)]


def _solvers(
    given: ModelInput, sets: Sequence[_TrainingSet], *, kind: str, recipe: Recipe
) -> Iterator[tuple[_TrainingSet, Solver]]:
    """Make the solvers of training sets, as many at a time as memory may hold kernels."""
    together = max(1, _HELD // len(given.values) ** 2)
    for start in range(0, len(sets), together):
        some = sets[start : start + together]
        kernels = make_kernels(given, [training.rows for training in some])
        for training in some:
            kernel = kernels.pop(0)
            solver: Solver = SOLVERS[kind](
                kernel, training.tests, estimator=recipe.estimator, n_points=len(recipe.grid)
            )
            yield training, solver


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
            for test, (fold, _) in enumerate(training.uses):
                rows = training.tests[test]
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
