"""Linear models with a closed form: ridge regression and linear discriminant analysis, all draws at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import linalg

from bidsml.learn.fast.gram import TrainingKernel
from bidsml.learn.fast.solver import Fit, Point, Solver
from bidsml.records import FloatArray, IntArray


class RidgeSolver(Solver):
    """Ridge regression; of classes, on +1 and −1.

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


class DiscriminantSolver(Solver):
    """Shrunken linear discriminant analysis of two classes.

    The within-class covariance is the total one less the part between the classes, W = T − π₀π₁ δδᵀ, so that one
    eigendecomposition of T and the formula of Sherman and Morrison serve every draw.
    """

    penalty = "shrinkage"

    def __init__(self, kernel: TrainingKernel, tests: Sequence[IntArray], *, estimator: Any, n_points: int) -> None:
        super().__init__(kernel, tests, estimator=estimator, n_points=n_points)
        self.m = len(kernel.rows)
        self.n_coordinates = min(kernel.n_features, self.m)
        values, vectors = linalg.eigh(self.kernel, driver="evd", check_finite=False)
        kept = values > values.max() * 1e-12
        self.values, self.vectors = values[kept], vectors[:, kept]

    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """See :class:`~bidsml.learn.fast.solver.Solver`; targets are −1 and 1."""
        shrinkage = float(point["shrinkage"])
        positive = targets > 0
        share = positive.mean(axis=1)[:, None]  # (n_draws, 1)
        contrast = np.where(positive, 1 / (self.m * share), -1 / (self.m * (1 - share)))
        # δ = Zᵀ contrast has the coordinates √λ (vᵀ contrast) in the eigenvectors of T = Zᵀ Z / m.
        delta = (contrast @ self.vectors) * np.sqrt(self.values)  # (n_draws, r)
        between = share * (1 - share)
        trace = self.values.sum() / self.m - between[:, 0] * (delta**2).sum(axis=1)
        ridge = shrinkage * trace[:, None] / self.n_coordinates
        solved = delta / ((1 - shrinkage) * self.values / self.m + ridge)
        weight = solved / (1 - (1 - shrinkage) * between * (delta * solved).sum(axis=1, keepdims=True))
        dual = (weight / np.sqrt(self.values)) @ self.vectors.T
        # The features are centred: the middle between the class means is (½ − π₁) δ away from 0.
        middle = (0.5 - share[:, 0]) * (delta * weight).sum(axis=1)
        return Fit(point, np.log(share[:, 0] / (1 - share[:, 0])) - middle, lambda: dual)
