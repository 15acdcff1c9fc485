"""What every solver of many draws offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from bidsml.learn.fast.components import TrainingComponents
from bidsml.learn.fast.gram import TrainingKernel
from bidsml.records import FloatArray, IntArray

Point = Mapping[str, Any]
"""One point of the hyper-parameter grid, in scikit-learn's names."""


@dataclass(frozen=True)
class Fit:
    """Many draws, fitted at one grid point: the weights are Zᵀ a, Z the prepared training features.

    Attributes
    ----------
    point
        The grid point.
    intercept
        ``(n_draws,)``.
    make_dual
        Computes the dual coefficients a, ``(n_draws, m)``.
    state
        What the solver keeps for itself: ``(n_draws, m)``, ``(n_draws, r)`` or empty.
    """

    point: Point
    intercept: FloatArray
    make_dual: Callable[[], FloatArray]
    state: FloatArray = field(default_factory=lambda: np.empty(0))

    @cached_property
    def dual(self) -> FloatArray:
        """Dual coefficients, ``(n_draws, m)``."""
        return self.make_dual()


class Solver(ABC):
    """Fits any number of labellings of one training set.

    Parameters
    ----------
    estimator
        The scikit-learn estimator that it stands for.
    """

    penalty: ClassVar[str]
    """scikit-learn's name of the hyper-parameter that a grid may tune."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @abstractmethod
    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """Fit targets ``(n_draws, m)`` (classes: −1 and 1), from another grid point's fit where that helps."""

    @abstractmethod
    def decide(self, fit: Fit, test: int) -> FloatArray:
        """Decisions or predicted outcomes of one test set's rows, ``(n_draws, t)``."""

    @abstractmethod
    def decide_training(self, fit: Fit) -> FloatArray:
        """Decisions or predicted outcomes of the training rows up to a constant, ``(n_draws, m)``."""


class KernelSolver(Solver):
    """Works in the people: for more features than people.

    Parameters
    ----------
    kernel
        The kernel of the training set.
    tests
        Rows of its test sets.
    estimator
        The scikit-learn estimator that it stands for.
    n_points
        Size of the hyper-parameter grid.
    """

    def __init__(self, kernel: TrainingKernel, tests: Sequence[IntArray], *, estimator: Any, n_points: int) -> None:
        super().__init__(estimator)
        self.kernel = kernel.train
        self.crosses = [kernel.full[rows] for rows in tests]

    def decide(self, fit: Fit, test: int) -> FloatArray:
        """See :class:`Solver`."""
        return np.asarray(fit.dual @ self.crosses[test].T + fit.intercept[:, None])

    def decide_training(self, fit: Fit) -> FloatArray:
        """See :class:`Solver`."""
        return np.asarray(fit.dual @ self.kernel)


class ComponentSolver(Solver):
    """Works in the principal components: for fewer features than people. A fit's state is its weights there.

    Parameters
    ----------
    components
        The components of the training set.
    tests
        Rows of its test sets.
    estimator
        The scikit-learn estimator that it stands for.
    """

    def __init__(self, components: TrainingComponents, tests: Sequence[IntArray], *, estimator: Any) -> None:
        super().__init__(estimator)
        self.values = components.values
        self.train = components.scores[components.rows]
        self.tests = [components.scores[rows] for rows in tests]
        self.n_features = components.n_features

    def decide(self, fit: Fit, test: int) -> FloatArray:
        """See :class:`Solver`."""
        return np.asarray(fit.state @ self.tests[test].T + fit.intercept[:, None])

    def decide_training(self, fit: Fit) -> FloatArray:
        """See :class:`Solver`."""
        return np.asarray(fit.state @ self.train.T)

    def weigh(self, point: Point, intercept: FloatArray, weights: FloatArray) -> Fit:
        """Make the fit whose weights on the components are ``(n_draws, r)``."""
        return Fit(point, intercept, lambda: (weights / self.values) @ self.train.T, weights)
