"""Kernels (Gram matrices) of training sets, with the features read in blocks of columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from bidsml.learn.preparation import MedianImputer, ModelInput, fit_preparation
from bidsml.records import FloatArray, IntArray

_BLOCK = 2048
# A variance this small against the mean square is rounding: the column is constant, or explained by the nuisance.
_ROUNDING = 1e-14


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
    projections = [_Projection.fit(given, rows) for rows in training]
    grams = [np.zeros((len(given.values),) * 2) for _ in training]
    shared = np.zeros_like(grams[0])
    counts = np.zeros(len(training), dtype=int)
    for block in _complete_blocks(given):
        inverse = _inverse_variances(block, projections)  # (n_sets, block)
        counts += (inverse > 0).sum(axis=1)
        _add_block(block, inverse, shared, grams, exact=bool(np.isnan(given.values[:, given.n_features :]).any()))
    for gram in grams:
        np.add(gram, shared, out=gram)
    for number, projection in enumerate(projections):
        for block in _imputed_blocks(given, projection.rows):
            inverse = _inverse_variances(block, [projection])
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


@dataclass(frozen=True)
class _Projection:
    """What centring and nuisance regression, fitted on the training rows, do to the rows.

    ``design`` is ``(n, 1 + n_nuisance)``; ``solve`` ``(1 + n_nuisance, m)`` gives its coefficients from training rows;
    ``basis`` ``(n_basis, n)`` is an orthonormal basis of the design on the training rows, 0 elsewhere.
    """

    rows: IntArray
    design: FloatArray
    solve: FloatArray
    basis: FloatArray

    @classmethod
    def fit(cls, given: ModelInput, rows: IntArray) -> "_Projection":
        nuisance = given.values[:, given.n_features :]
        if nuisance.shape[1]:
            nuisance = MedianImputer().fit(nuisance[rows]).transform(nuisance)
            nuisance = nuisance - nuisance[rows].mean(axis=0)
            spread = nuisance[rows].std(axis=0)
            nuisance = nuisance / np.where(spread > 0, spread, 1.0)
        design = np.column_stack([np.ones(len(given.values)), nuisance])
        left, values, right = np.linalg.svd(design[rows], full_matrices=False)
        kept = values > values.max() * 1e-10
        solve = (right[kept].T / values[kept]) @ left[:, kept].T
        basis = np.zeros((int(kept.sum()), len(design)))
        basis[:, rows] = left[:, kept].T
        return cls(rows, design, solve, basis)

    def apply(self, gram: FloatArray) -> FloatArray:
        """Return P G Pᵀ for the training columns, ``(n, m)``, with P = 1 − design · solve."""
        fitted = self.solve @ gram[self.rows]  # (q, n)
        both = fitted[:, self.rows] @ self.solve.T  # (q, q)
        cross = fitted.T @ self.design[self.rows].T  # (n, m)
        here = self.design @ fitted[:, self.rows]
        twice = self.design @ both @ self.design[self.rows].T
        return np.asarray(gram[:, self.rows] - here - cross + twice)


def _complete_blocks(given: ModelInput) -> Iterator[FloatArray]:
    """Blocks of columns without gaps, less what everyone's nuisance explains, ``(n, at most _BLOCK)``.

    A training set's projection takes that away in any case; taken away before, it can't drown the rest in single
    precision.
    """
    design = _centred_nuisance(given)
    for start in range(0, given.n_features, _BLOCK):
        block = given.values[:, start : min(start + _BLOCK, given.n_features)]
        complete = ~np.isnan(block.sum(axis=0))
        if complete.any():
            block = block if complete.all() else block[:, complete]
            block = block - block.mean(axis=0)
            yield block - design @ np.linalg.lstsq(design, block, rcond=None)[0] if design.shape[1] else block


def _centred_nuisance(given: ModelInput) -> FloatArray:
    """Nuisance columns less their means; none where they have gaps, which every training set fills its own way."""
    nuisance = given.values[:, given.n_features :]
    return np.empty((len(nuisance), 0)) if np.isnan(nuisance).any() else nuisance - nuisance.mean(axis=0)


def _imputed_blocks(given: ModelInput, rows: IntArray) -> Iterator[FloatArray]:
    """Blocks of columns with gaps, filled as the training rows say; without those with too many."""
    for start in range(0, given.n_features, _BLOCK):
        block = given.values[:, start : min(start + _BLOCK, given.n_features)]
        gaps = np.isnan(block)
        share = gaps[rows].mean(axis=0)
        usable = gaps.any(axis=0) & (share <= given.max_missing) & (share < 1)
        if usable.any():
            filled = MedianImputer().fit(block[rows][:, usable]).transform(block[:, usable])
            # As UsableFeatures: imputing can make a column vary that did not.
            observed = block[rows][:, usable]
            varies = np.fmax.reduce(observed, axis=0) > np.fmin.reduce(observed, axis=0)
            yield filled[:, varies] - filled[rows][:, varies].mean(axis=0)


def _inverse_variances(block: FloatArray, projections: Sequence[_Projection]) -> FloatArray:
    """1 / variance of the training rows' residuals, 0 where nothing is left, ``(n_sets, n_columns)``."""
    members = np.zeros((len(projections), len(block)))
    for number, projection in enumerate(projections):
        members[number, projection.rows] = 1.0
    squares = members @ block**2
    explained = np.vstack([projection.basis for projection in projections]) @ block
    sizes = [len(projection.basis) for projection in projections]
    starts = np.cumsum([0, *sizes[:-1]])
    residual = squares - np.add.reduceat(explained**2, starts, axis=0)
    usable = residual > _ROUNDING * squares
    counts = members.sum(axis=1)[:, None]
    return np.asarray(np.divide(counts, residual, out=np.zeros_like(residual), where=usable))


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
