"""Gradient boosting on histograms."""

from typing import Any

from bidsml.learn.estimators.kinds import BOTH, ClassWeight, EstimatorKind, Grid, weight_of
from bidsml.records import Task


def _boosting(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build gradient boosting that uses every row."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    # Early stopping would set rows aside at random, across units; it stays off.
    if task == "regression":
        return HistGradientBoostingRegressor(early_stopping=False, random_state=seed), {}
    return (
        HistGradientBoostingClassifier(early_stopping=False, class_weight=weight_of(class_weight), random_state=seed),
        {},
    )


KINDS = {"boosting": EstimatorKind(_boosting, BOTH, has_probabilities=True, label="gradient boosting")}
