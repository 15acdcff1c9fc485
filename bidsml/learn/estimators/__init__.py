"""The catalog of estimators. One file a family; its ``KINDS`` are listed here.

Other packages add kinds by entry points (:mod:`bidsml.extension`).
"""

from bidsml.extension import ESTIMATORS, Catalog
from bidsml.learn.estimators import boosting, discriminant, forest, kernel_svm, linear
from bidsml.learn.estimators.kinds import EstimatorKind

CATALOG = Catalog(
    {
        **linear.KINDS,
        **discriminant.KINDS,
        **forest.KINDS,
        **boosting.KINDS,
        **kernel_svm.KINDS,
    },
    group=ESTIMATORS,
    kind=EstimatorKind,
)

__all__ = ["CATALOG", "EstimatorKind"]
