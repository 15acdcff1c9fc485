"""What an estimator kind is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bidsml.records import Task

Grid = Mapping[str, Sequence[Any]]
ClassWeight = Literal["none", "balanced"]


class Build(Protocol):
    """Return a scikit-learn estimator and its default grid, strongest regularisation first (it wins ties)."""

    def __call__(self, task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
        """Build it."""
        ...


@dataclass(frozen=True)
class EstimatorKind:
    """One entry of the catalog.

    Attributes
    ----------
    linear
        Has a ``coef_`` whose product with the features is the decision.
    rotation_invariant
        Its decisions don't change when the features are rotated, so that it may be fitted in as many coordinates
        as there are training rows. Holds for a linear model with an L2 penalty.
    in_row_space
        Defined on the coordinates of the training rows' space where there are more features than rows.
    model_types
        Of another package's kind that is not linear: full names of the classes that a frozen model may hold beside
        those that skops takes for harmless, its own estimators' among them. Without them no frozen model is read.
    """

    build: Build
    tasks: frozenset[Task]
    linear: bool = False
    rotation_invariant: bool = False
    in_row_space: bool = False
    has_probabilities: bool = False
    has_class_weight: bool = True
    label: str = ""
    model_types: tuple[str, ...] = ()

    @property
    def rotates(self) -> bool:
        """Whether it is fitted in row-space coordinates when there are more features than training rows."""
        return self.rotation_invariant or self.in_row_space


BOTH: frozenset[Task] = frozenset({"classification", "regression"})
CLASSIFICATION: frozenset[Task] = frozenset({"classification"})


def weight_of(class_weight: ClassWeight) -> str | None:
    """Scikit-learn's spelling of the class weight."""
    return None if class_weight == "none" else class_weight
