"""Kernels (Gram matrices) of training sets, with the features read in blocks of columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from bidsml.learn.fast.columns import Projection, complete_blocks, imputed_blocks, inverse_variances
from bidsml.learn.preparation import ModelInput, fit_preparation
from bidsml.records import FloatArray, IntArray


@dataclass(frozen=True)
class TrainingKernel:
    """Inner products of the prepared features of one training set.

    Attributes
    ----------
    rows
        Training rows, ``(m,)``.
    full
        Of everyone with the training rows, ``(n, m)``. The features are centred and scaled on the training rows, so
        that the columns of the training rows' part add up to 0.
    n_features
        Number of features that vary among the training rows.
    """

    rows: IntArray
    full: FloatArray
    n_features: int

    @property
    def train(self) -> FloatArray:
        """Of the training rows with each other, ``(m, m)``."""
        return self.full[self.rows]


def make_kernels(given: ModelInput, training: Sequence[IntArray]) -> list[TrainingKernel]:
    """Prepare the features on every training set and multiply them out.

    Where every feature is prepared by itself (imputed, regressed on the nuisance, scaled), a training set's kernel is
    P X D Xᵀ Pᵀ: X the features as they are, P (n × n) what nuisance regression and centring do to the rows, D the
    inverse variances. The part of D that all training sets share is multiplied once in double precision; what is
    left, some percent, in single. No prepared copy of the features is ever made.

    Features that are not prepared one by one (tangent embedding, harmonisation) are prepared as a whole for
    each training set.

    Raises
    ------
    DataError
        No feature is usable in a training set.
    """
    if not given.columnwise:
        return [_prepared_kernel(given, rows) for rows in training]
    projections = [Projection.fit(given, rows) for rows in training]
    grams = [np.zeros((len(given.values),) * 2) for _ in training]
    shared = np.zeros_like(grams[0])
    counts = np.zeros(len(training), dtype=int)
    for _, block in complete_blocks(given):
        inverse = inverse_variances(block, projections)  # (n_sets, block)
        counts += (inverse > 0).sum(axis=1)
        _add_block(block, inverse, shared, grams, exact=bool(np.isnan(given.values[:, given.n_features :]).any()))
    for gram in grams:
        np.add(gram, shared, out=gram)
    for number, projection in enumerate(projections):
        for columns, block in imputed_blocks(given, projection.rows):
            if not columns.size:
                continue
            inverse = inverse_variances(block, [projection])
            counts[number] += int((inverse > 0).sum())
            grams[number] += blas.dsyrk(1.0, (block * np.sqrt(inverse[0])).T, trans=1)
    kernels = []
    for number, projection in enumerate(projections):
        if not counts[number]:
            fit_preparation(given, projection.rows)  # says what is wrong
        kernels.append(
            TrainingKernel(projection.rows, projection.apply(_symmetric(grams[number])), int(counts[number]))
        )
    return kernels


def _add_block(
    block: FloatArray, inverse: FloatArray, shared: FloatArray, grams: Sequence[FloatArray], *, exact: bool
) -> None:
    """Add X D Xᵀ of a block: what all training sets share to ``shared``, the rest to each one's own.

    The rest is multiplied in single precision unless ``exact``.
    """
    common = inverse.min(axis=0)
    shared += blas.dsyrk(1.0, (block * np.sqrt(common)).T, trans=1)
    single = block.astype(np.float32)
    for own, gram in zip(inverse - common, grams, strict=True):
        if own.any():
            if exact:
                np.add(gram, blas.dsyrk(1.0, (block * np.sqrt(own)).T, trans=1), out=gram)
                continue
            part = blas.ssyrk(1.0, (single * np.sqrt(own).astype(np.float32)).T, trans=1)
            np.add(gram, part, out=gram)


def _symmetric(upper: FloatArray) -> FloatArray:
    """Mirror the upper triangle that BLAS fills."""
    return np.asarray(np.triu(upper) + np.triu(upper, 1).T)


def _prepared_kernel(given: ModelInput, rows: IntArray) -> TrainingKernel:
    preparation = fit_preparation(given, rows)
    prepared = np.asarray(preparation.transform(given.values))
    used = prepared[rows].any(axis=0)
    return TrainingKernel(rows, prepared @ prepared[rows].T, int(used.sum()))
