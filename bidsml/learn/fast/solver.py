"""What every solver of many draws offers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

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
        What the solver keeps for itself: ``(n_draws, m)`` or empty.
    """

    point: Point
    intercept: FloatArray
    make_dual: Callable[[], FloatArray]
    state: FloatArray = field(default_factory=lambda: np.empty(0))

    @cached_property
    def dual(self) -> FloatArray:
        """Dual coefficients, ``(n_draws, m)``."""
        return self.make_dual()


class Solver(Protocol):
    """Fits any number of labellings of one training set.

    Made as ``Solver(kernel, tests, estimator=…, n_points=…)``: the kernel of a training set, the rows of its test
    sets, the scikit-learn estimator it stands for, and the size of the grid.
    """

    def __init__(self, kernel: TrainingKernel, tests: Sequence[IntArray], *, estimator: Any, n_points: int) -> None: ...

    def fit(self, targets: FloatArray, point: Point, *, start: Fit | None = None) -> Fit:
        """Fit targets ``(n_draws, m)`` (classes: −1 and 1), from another grid point's fit where that helps."""
        ...

    def decide(self, fit: Fit, test: int) -> FloatArray:
        """Decisions or predicted outcomes of one test set's rows, ``(n_draws, t)``."""
        ...
