"""Random forests."""

from typing import Any

from bidsml.learn.estimators.kinds import BOTH, ClassWeight, EstimatorKind, Grid, weight_of
from bidsml.records import Task

_TREES = 300


def _forest(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a random forest of 300 trees."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    # Untuned by default: a forest gains little from tuning, and a permutation test refits it for every draw.
    if task == "regression":
        return RandomForestRegressor(_TREES, max_features=1 / 3, n_jobs=1, random_state=seed), {}
    return RandomForestClassifier(_TREES, class_weight=weight_of(class_weight), n_jobs=1, random_state=seed), {}


KINDS = {"forest": EstimatorKind(_forest, BOTH, has_probabilities=True, label="random forest")}
