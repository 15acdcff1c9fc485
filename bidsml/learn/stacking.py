"""The second level of a stack: a model on the out-of-fold scores of each block's model."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from bidsml.records import FloatArray, Task

# Of ½ λ |w|², with scores of unit spread and losses added up over people: next to nothing where a block tells much.
_PENALTY = 1.0


@dataclass(frozen=True)
class ScoreBlend:
    """Weights of block scores: offset_c + Σ_b weight_b (score_bc − centre_bc) / spread_b.

    ``weights`` and ``spread`` are ``(n_blocks,)``, ``centre`` ``(n_blocks, n_outputs)``, ``offset`` ``(n_outputs,)``.
    """

    weights: FloatArray
    offset: FloatArray
    centre: FloatArray
    spread: FloatArray

    @property
    def gains(self) -> FloatArray:
        """By what each block's own scores are multiplied, ``(n_blocks,)``."""
        return np.asarray(self.weights / self.spread)

    @property
    def intercept(self) -> FloatArray:
        """What is added to the multiplied scores, ``(n_outputs,)``."""
        return np.asarray(self.offset - self.gains @ self.centre)

    def score(self, scores: FloatArray) -> FloatArray:
        """Blend scores ``(n, n_blocks, n_outputs)`` to ``(n, n_outputs)``."""
        return np.asarray(np.einsum("nbo,b->no", scores, self.gains) + self.intercept)


def fit_blend(
    scores: FloatArray, target: FloatArray, *, task: Task, n_classes: int, balanced: bool = False
) -> ScoreBlend:
    """Fit the weights of the blocks on scores of people whom the blocks' models had not seen.

    Ridge regression of an outcome, logistic regression of classes, on scores of unit spread, one weight per block and
    none negative. Stacking: Wolpert 1992, doi 10.1016/S0893-6080(05)80023-1. The constraint: Breiman 1996, doi
    10.1007/BF00117832, who found that it is what makes stacking work. Out of fold, the scores of a model that has
    learnt nothing go against the labels, since a fold with more patients leaves fewer to train on; a free weight
    would turn them round.

    Parameters
    ----------
    scores
        Out-of-fold scores, ``(n, n_blocks, n_outputs)``: one decision value (two classes, or the predicted outcome),
        or one per class.
    target
        Class codes or outcomes, ``(n,)``.
    balanced
        Weigh the classes alike.
    """
    centre = scores.mean(axis=0)
    spread = np.sqrt(((scores - centre) ** 2).mean(axis=(0, 2)))
    spread = np.where(spread > 1e-12 * np.abs(scores).max(initial=1e-300), spread, 1.0)
    unit = (scores - centre) / spread[:, None]
    if task == "regression":
        weights, offset = _ridge(unit[:, :, 0], target)
    else:
        weights, offset = _logistic(unit, target.astype(int), n_classes=n_classes, balanced=balanced)
    return ScoreBlend(weights, offset, centre, spread)


def _ridge(unit: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge regression with weights ≥ 0: least squares with the penalty as further rows."""
    n_blocks = unit.shape[1]
    mean = target.mean()
    rows = np.vstack([unit, np.sqrt(_PENALTY) * np.eye(n_blocks)])
    weights, _ = optimize.nnls(rows, np.concatenate([target - mean, np.zeros(n_blocks)]))
    return weights, np.array([mean])


def _logistic(unit: FloatArray, target: FloatArray, *, n_classes: int, balanced: bool) -> tuple[FloatArray, FloatArray]:
    """Logistic regression with one weight ≥ 0 per block and a free offset per class but the first."""
    n, n_blocks, n_outputs = unit.shape
    binary = n_outputs == 1
    # Of two classes the first one's score is 0.
    scores = np.concatenate([np.zeros_like(unit), unit], axis=2) if binary else unit
    truth = np.eye(n_classes)[target]
    counts = np.maximum(truth.sum(axis=0), 1)
    case = (n / (n_classes * counts))[target] if balanced else np.ones(n)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        weights, offset = parameters[:n_blocks], np.concatenate([[0.0], parameters[n_blocks:]])
        logits = np.einsum("nbc,b->nc", scores, weights) + offset
        wrong = case[:, None] * (special.softmax(logits, axis=1) - truth)  # (n, n_classes)
        value = -(case * (truth * special.log_softmax(logits, axis=1)).sum(axis=1)).sum()
        slope = np.einsum("nbc,nc->b", scores, wrong) + _PENALTY * weights
        return float(value + _PENALTY * weights @ weights / 2), np.concatenate([slope, wrong.sum(axis=0)[1:]])

    start = np.concatenate([np.full(n_blocks, 1 / n_blocks), np.zeros(n_classes - 1)])
    bounds = [(0.0, None)] * n_blocks + [(None, None)] * (n_classes - 1)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_STRICT).x
    offset = found[n_blocks:] if binary else np.concatenate([[0.0], found[n_blocks:]])
    return found[:n_blocks], offset


_STRICT = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
