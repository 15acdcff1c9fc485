"""Linear models with a closed form: ridge regression and linear discriminant analysis, all draws at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import linalg

from bidsml.learn.fast.gram import TrainingKernel
from bidsml.learn.fast.solver import ComponentSolver, Fit, KernelSolver, Point
from bidsml.records import FloatArray, IntArray


class RidgeSolver(KernelSolver):
    """Ridge regression where features outnumber people; of classes, on +1 and −1.

    For one penalty a Cholesky factor of K + α is enough; for a grid, one eigendecomposition serves every penalty.
    """

    penalty = "alpha"

    def __init__(self, kernel: TrainingKernel, tests: Sequence[IntArray], *, estimator: Any, n_points: int) -> None:
        super().__init__(kernel, tests, estimator=estimator, n_points=n_points)
        self.spectrum = linalg.eigh(self.kernel, driver="evd", check_finite=False) if n_points > 1 else None
        self.maps: dict[tuple[float, int], FloatArray] = {}

    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """See :class:`~bidsml.learn.fast.solver.Solver`."""
        mean = targets.mean(axis=1)
        centred = targets - mean[:, None]
        return Fit(point, mean, lambda: self._solve(centred.T, point["alpha"]).T, centred)

    def decide(self, fit: Fit, test: int) -> FloatArray:
        """See :class:`~bidsml.learn.fast.solver.Solver`: one map from targets to decisions serves every draw."""
        key = (float(fit.point["alpha"]), test)
        if key not in self.maps:
            self.maps[key] = self._solve(self.crosses[test].T, key[0])  # (m, t)
        return np.asarray(fit.state @ self.maps[key] + fit.intercept[:, None])

    def _solve(self, right: FloatArray, alpha: float) -> FloatArray:
        if self.spectrum is not None:
            values, vectors = self.spectrum
            return np.asarray(vectors @ ((vectors.T @ right) / (np.maximum(values, 0.0) + alpha)[:, None]))
        shifted = self.kernel.copy()
        shifted[np.diag_indices(len(shifted))] += alpha
        return np.asarray(linalg.solve(shifted, right, assume_a="pos", check_finite=False))


class RidgeComponentSolver(ComponentSolver):
    """Ridge regression where people outnumber features; of classes, on +1 and −1."""

    penalty = "alpha"

    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """See :class:`~bidsml.learn.fast.solver.Solver`."""
        mean = targets.mean(axis=1)
        if start is None:
            shared = (targets - mean[:, None]) @ self.train
        else:
            # Of another penalty only the shrinkage of each component is another.
            shared = start.state * (self.values + float(start.point["alpha"]))
        return self.weigh(point, mean, shared / (self.values + float(point["alpha"])))


class DiscriminantSolver(ComponentSolver):
    """Shrunken linear discriminant analysis of two classes.

    The within-class covariance is the total one less the part between the classes, W = T − π₀π₁ δδᵀ, so that one
    eigendecomposition of T and the formula of Sherman and Morrison serve every draw.
    """

    penalty = "shrinkage"

    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """See :class:`~bidsml.learn.fast.solver.Solver`; targets are −1 and 1."""
        shrinkage, m = float(point["shrinkage"]), len(self.train)
        positive = targets > 0
        share = positive.mean(axis=1)[:, None]  # (n_draws, 1)
        contrast = np.where(positive, 1 / (m * share), -1 / (m * (1 - share)))
        delta = contrast @ self.train  # (n_draws, r)
        between = share * (1 - share)
        trace = self.values.sum() / m - between[:, 0] * (delta**2).sum(axis=1)
        ridge = shrinkage * trace[:, None] / min(self.n_features, m)
        solved = delta / ((1 - shrinkage) * self.values / m + ridge)
        weights = solved / (1 - (1 - shrinkage) * between * (delta * solved).sum(axis=1, keepdims=True))
        # The features are centred: the middle between the class means is (½ − π₁) δ away from 0.
        middle = (0.5 - share[:, 0]) * (delta * weights).sum(axis=1)
        return self.weigh(point, np.log(share[:, 0] / (1 - share[:, 0])) - middle, weights)
