"""Support vector machine with a radial basis function kernel."""

from typing import Any

from bidsml.learn.estimators.kinds import BOTH, ClassWeight, EstimatorKind, Grid, weight_of
from bidsml.records import Task


def _rbf_svm(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a support vector machine with a radial basis function kernel."""
    from sklearn.svm import SVC, SVR

    grid = {"C": (0.1, 1.0, 10.0)}
    if task == "regression":
        return SVR(kernel="rbf", gamma="scale"), grid
    return SVC(kernel="rbf", gamma="scale", class_weight=weight_of(class_weight), random_state=seed), grid


KINDS = {"rbf_svm": EstimatorKind(_rbf_svm, BOTH, label="support vector machine (RBF kernel)")}
