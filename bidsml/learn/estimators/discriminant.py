"""Linear discriminant analysis."""

from typing import Any

from bidsml.learn.estimators.kinds import CLASSIFICATION, ClassWeight, EstimatorKind, Grid
from bidsml.records import Task


def _lda(task: Task, *, class_weight: ClassWeight, seed: int) -> tuple[Any, Grid]:
    """Build a shrunken LDA.

    The covariance is shrunk towards the mean variance of the coordinates it is given: the features, or the
    training rows' space where there are more features than rows.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5), {"shrinkage": (0.99, 0.9, 0.5, 0.1)}


KINDS = {
    "lda": EstimatorKind(
        _lda,
        CLASSIFICATION,
        linear=True,
        in_row_space=True,
        has_probabilities=True,
        has_class_weight=False,
        label="linear discriminant analysis (shrunken)",
    )
}
