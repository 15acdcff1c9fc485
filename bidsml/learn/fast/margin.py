"""Linear classifiers without a closed form: logistic regression and support vector machines, all draws at once."""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy import linalg, optimize, special
from sklearn.base import clone

from bidsml.learn.fast.gram import TrainingKernel
from bidsml.learn.fast.losses import HingeLoss, LogisticLoss, Loss, SquaredHingeLoss
from bidsml.learn.fast.solver import Fit, KernelSolver, Point
from bidsml.learn.fast.splitting import Resolvent, make_resolvent, split
from bidsml.records import FloatArray, IntArray

logger = logging.getLogger(__name__)


class MarginSolver(KernelSolver):
    """A loss of the margin with an L2 penalty, minimised by Douglas–Rachford splitting.

    A draw that doesn't converge is fitted by scikit-learn.
    """

    penalty = "C"
    loss: ClassVar[Loss]
    free_intercept: ClassVar[bool] = True
    curvature: ClassVar[float]
    """Largest second derivative of the loss, of the hinge an equivalent."""
    largest_step: ClassVar[float]
    """Largest ρ in units of 1 / (mean diagonal of K)."""

    def __init__(self, kernel: TrainingKernel, tests: Sequence[IntArray], *, estimator: Any, n_points: int) -> None:
        super().__init__(kernel, tests, estimator=estimator, n_points=n_points)
        if not self.free_intercept:
            # The intercept is the weight of one more feature, the constant 1, and penalised.
            self.kernel = self.kernel + 1.0
        self.resolvents: dict[float, Resolvent] = {}

    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """See :class:`~bidsml.learn.fast.solver.Solver`; targets are −1 and 1."""
        penalty = float(point["C"])
        resolvent = self._resolvent(penalty)
        bound = self._row_weights(targets) * (penalty / resolvent.rho)
        margin = self._first_margin(targets, penalty) if start is None else start.state * targets
        solution = split(resolvent, self.loss, targets, bound=bound, margin=margin)
        dual, decision = solution.dual, solution.decision
        # Columns of K add up to 0: with a free intercept the decisions' mean is the intercept.
        intercept = decision.mean(axis=1) if self.free_intercept else dual.sum(axis=1)
        for draw in np.flatnonzero(~solution.converged):
            logger.info("a draw at C = %g did not converge; scikit-learn fits it", penalty)
            dual[draw], intercept[draw] = self._fit_exactly(targets[draw], point)
            decision[draw] = self.kernel @ dual[draw] + (intercept[draw] if self.free_intercept else 0.0)
        return Fit(point, intercept, lambda: dual, decision)

    def _resolvent(self, penalty: float) -> Resolvent:
        if penalty not in self.resolvents:
            diagonal = float(np.trace(self.kernel)) / len(self.kernel)
            rho = min(self.largest_step / diagonal, self.curvature * penalty)
            self.resolvents[penalty] = make_resolvent(self.kernel, rho, free_intercept=self.free_intercept)
        return self.resolvents[penalty]

    def _row_weights(self, targets: FloatArray) -> FloatArray:
        """Weights of the rows, ``(n_draws, m)``; balanced: inverse to their class's share."""
        if self.estimator.class_weight is None:
            return np.ones(targets.shape)
        share = (targets > 0).mean(axis=1, keepdims=True)
        return np.where(targets > 0, 0.5 / share, 0.5 / (1 - share))

    def _first_margin(self, targets: FloatArray, penalty: float) -> FloatArray:
        return np.ones(targets.shape)

    def _fit_exactly(self, signs: FloatArray, point: Point) -> tuple[FloatArray, float]:
        vectors, roots = self._coordinates
        model = clone(self.estimator).set_params(**point, tol=1e-9, max_iter=1_000_000)
        model.fit(vectors * roots, signs > 0)
        return vectors @ (np.ravel(model.coef_) / roots), float(np.ravel(model.intercept_)[0])

    @cached_property
    def _coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Eigenvectors ``(m, r)`` of the features' kernel and roots of its eigenvalues: features of no more columns."""
        values, vectors = linalg.eigh(self.kernel - (0.0 if self.free_intercept else 1.0), check_finite=False)
        kept = values > values.max() * 1e-12
        return vectors[:, kept], np.sqrt(values[kept])


class LogisticSolver(MarginSolver):
    """Logistic regression with a free intercept (scikit-learn's ``LogisticRegression``)."""

    loss = LogisticLoss()
    curvature = 0.25
    largest_step = 3.0

    def _first_margin(self, targets: FloatArray, penalty: float) -> FloatArray:
        """Start from the margin of uncorrelated rows, u = K C σ(−u) with K the mean diagonal: u = W(K C) or near it."""
        pull = penalty * float(np.trace(self.kernel)) / len(self.kernel)
        return np.full(targets.shape, optimize.brentq(lambda u: u - pull * special.expit(-u), 0.0, pull))


class SquaredHingeSolver(MarginSolver):
    """Support vector machine with squared hinge loss and penalised intercept (``LinearSVC``)."""

    loss = SquaredHingeLoss()
    free_intercept = False
    curvature = 2.0
    largest_step = 3.0


class HingeSolver(MarginSolver):
    """Support vector machine with hinge loss and free intercept (``SVC(kernel="linear")``)."""

    loss = HingeLoss()
    curvature = 1.0
    largest_step = 3.0
