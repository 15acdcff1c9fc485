"""Linear models with an L2 penalty: ridge, logistic regression, linear support vector machine."""

from typing import Any

from bidsml.learn.estimators.kinds import BOTH, CLASSIFICATION, ClassWeight, EstimatorKind, Grid, weight_of
from bidsml.records import Task


def _ridge(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a ridge regression, or a classifier by it."""
    from sklearn.linear_model import Ridge, RidgeClassifier

    grid = {"alpha": tuple(10.0**power for power in range(5, -2, -1))}
    if task == "regression":
        return Ridge(random_state=seed), grid
    return RidgeClassifier(class_weight=weight_of(class_weight), random_state=seed), grid


def _logistic(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a logistic regression with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression

    # At scikit-learn's default tolerance (1e-4) labels of wide data still change with the solver's path.
    model = LogisticRegression(tol=1e-6, max_iter=10_000, class_weight=weight_of(class_weight), random_state=seed)
    return model, {"C": tuple(10.0**power for power in range(-5, 1))}


def _linear_svm(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a linear support vector machine with squared hinge or squared epsilon-insensitive loss."""
    from sklearn.svm import LinearSVC, LinearSVR

    grid = {"C": tuple(10.0**power for power in range(-6, 1, 2))}
    if task == "regression":
        # liblinear's penalty holds the intercept too: unscaled, a strong penalty predicts 0 instead of the mean.
        # Of its solvers the primal one converges for this loss, and the dual one for the classifier's.
        model = LinearSVR(
            loss="squared_epsilon_insensitive",
            dual=False,
            tol=1e-6,
            max_iter=10_000,
            intercept_scaling=1000.0,
            random_state=seed,
        )
        return model, grid
    weight = weight_of(class_weight)
    return LinearSVC(dual=True, tol=1e-4, max_iter=10_000, class_weight=weight, random_state=seed), grid


def _hinge_svm(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a linear support vector machine with the hinge loss."""
    from sklearn.svm import SVC

    model = SVC(kernel="linear", class_weight=weight_of(class_weight), random_state=seed)
    return model, {"C": tuple(10.0**power for power in range(-4, 1))}


KINDS = {
    "ridge": EstimatorKind(_ridge, BOTH, linear=True, rotation_invariant=True, label="ridge regression"),
    "logistic": EstimatorKind(
        _logistic,
        CLASSIFICATION,
        linear=True,
        rotation_invariant=True,
        has_probabilities=True,
        label="logistic regression (L2)",
    ),
    "hinge_svm": EstimatorKind(
        _hinge_svm, CLASSIFICATION, linear=True, rotation_invariant=True, label="linear support vector machine (hinge)"
    ),
    "linear_svm": EstimatorKind(
        _linear_svm, BOTH, linear=True, rotation_invariant=True, label="linear support vector machine"
    ),
}
