"""Principal components of training sets, for features that people outnumber."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from bidsml.learn.fast.gram import TrainingKernel
from bidsml.learn.fusion import count_varying
from bidsml.learn.preparation import ModelInput
from bidsml.learn.prepared import prepare_everyone, weigh_blocks
from bidsml.records import FloatArray, IntArray

# An eigenvalue this small against the largest is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class TrainingComponents:
    """Everyone's scores on the principal components of one training set's prepared features.

    Attributes
    ----------
    rows
        Training rows, ``(m,)``.
    scores
        Of everyone, ``(n, r)``. The features are centred and scaled on the training rows; the kernel of any two
        people is the product of their scores.
    values
        Sums of squares of the training rows' scores, ``(r,)``: the eigenvalues of their kernel that are not 0.
    n_features
        Number of features that vary among the training rows.
    """

    rows: IntArray
    scores: FloatArray
    values: FloatArray
    n_features: int


def components_of_kernel(kernel: TrainingKernel) -> TrainingComponents:
    """Decompose a kernel: where there are more features than people."""
    values, vectors = linalg.eigh(kernel.train, driver="evd", check_finite=False)
    kept = values > values.max() * _ROUNDING
    scores = kernel.full @ (vectors[:, kept] / np.sqrt(values[kept]))
    return TrainingComponents(kernel.rows, scores, values[kept], kernel.n_features)


def components_of_features(prepared: FloatArray, rows: IntArray) -> TrainingComponents:
    """Decompose prepared features, ``(n, p)``: where there are fewer of them than people."""
    train = prepared[rows]
    values, vectors = linalg.eigh(train.T @ train, driver="evd", check_finite=False)
    kept = values > values.max() * _ROUNDING
    return TrainingComponents(rows, prepared @ vectors[:, kept], values[kept], int(train.any(axis=0).sum()))


@dataclass(frozen=True)
class BlockFeatures:
    """The prepared features of one training set, from which the components of any weighting of the blocks are made."""

    given: ModelInput
    rows: IntArray

    def under(self, view: int) -> TrainingComponents:
        """Make the components that a view of the blocks has.

        Raises
        ------
        DataError
            None of the view's blocks has a usable feature.
        """
        prepared, owner = self._prepared
        weights = self.given.views[view]
        if weights is None:
            return components_of_features(prepared, self.rows)
        counts = count_varying(prepared[self.rows], owner, len(self.given.blocks))
        factors = weigh_blocks(self.given, counts, weights, n_rows=len(self.rows))
        used = factors[owner] > 0
        return components_of_features(prepared[:, used] * factors[owner[used]], self.rows)

    @cached_property
    def _prepared(self) -> tuple[FloatArray, IntArray]:
        return prepare_everyone(self.given, self.rows)
