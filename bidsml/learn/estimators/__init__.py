"""The catalog of estimators. One file a family; its ``KINDS`` are listed here."""

from collections.abc import Mapping

from bidsml.learn.estimators import boosting, discriminant, forest, kernel_svm, linear
from bidsml.learn.estimators.kinds import EstimatorKind

CATALOG: Mapping[str, EstimatorKind] = {
    **linear.KINDS,
    **discriminant.KINDS,
    **forest.KINDS,
    **boosting.KINDS,
    **kernel_svm.KINDS,
}

__all__ = ["CATALOG", "EstimatorKind"]
