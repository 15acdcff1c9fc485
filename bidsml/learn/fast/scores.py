"""Metrics of many draws at once."""

import numpy as np

from bidsml.learn.fitting import Recipe
from bidsml.learn.metrics import Outcome
from bidsml.records import FloatArray


def score_draws(
    targets: FloatArray, scores: FloatArray, train_means: FloatArray | None, *, recipe: Recipe
) -> FloatArray:
    """Compute the recipe's metric for every draw.

    Parameters
    ----------
    targets
        Labels of the test rows, ``(n_draws, t)``.
    scores
        Decisions or predicted outcomes, ``(n_draws, t, n_outputs)``.
    train_means
        Regression: mean outcome of the training rows, for every draw and test row, ``(n_draws, t)``.

    Returns
    -------
    numpy.ndarray
        ``(n_draws,)``, NaN where undefined.
    """
    if recipe.metric.label == "ROC AUC" and recipe.n_classes == 2:
        values, tied = _auc(targets == 1, scores[:, :, 0])
        for draw in np.flatnonzero(tied):
            values[draw] = recipe.metric(_outcome(targets, scores, train_means, draw, recipe))
        return values
    return np.array([recipe.metric(_outcome(targets, scores, train_means, d, recipe)) for d in range(len(targets))])


def _auc(positive: np.ndarray, scores: FloatArray) -> tuple[FloatArray, np.ndarray]:
    """AUC by the ranks' sum, and which draws have ties that it does not handle."""
    order = np.argsort(scores, axis=1)
    ranked = np.take_along_axis(scores, order, axis=1)
    n_positive = positive.sum(axis=1)
    pairs = n_positive * (positive.shape[1] - n_positive)
    ranks = np.take_along_axis(positive, order, axis=1) @ np.arange(1.0, positive.shape[1] + 1)
    above = ranks - n_positive * (n_positive + 1) / 2
    values = np.divide(above, pairs, out=np.full(len(scores), np.nan), where=pairs > 0)
    return values, (np.diff(ranked, axis=1) == 0).any(axis=1)


def _outcome(
    targets: FloatArray, scores: FloatArray, train_means: FloatArray | None, draw: int, recipe: Recipe
) -> Outcome:
    mine = scores[draw]
    probabilities = None
    if recipe.task == "regression":
        predictions = mine[:, 0]
    elif mine.shape[1] == 1:
        predictions = (mine[:, 0] > 0).astype(float)
        if recipe.kind.has_probabilities:
            positive = 1 / (1 + np.exp(-mine[:, 0]))
            probabilities = np.column_stack([1 - positive, positive])
    else:
        predictions = mine.argmax(axis=1).astype(float)
    means = None if train_means is None else train_means[draw]
    return Outcome(targets[draw], mine, predictions, probabilities, recipe.n_classes, means)
