"""Features in blocks of columns, prepared on training sets without a copy of them all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bidsml.learn.preparation import MedianImputer, ModelInput, fit_preparation, kept_columns
from bidsml.records import FloatArray, IntArray

_BLOCK = 2048
# A variance this small against the mean square is rounding: the column is constant, or explained by the nuisance.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Projection:
    """What centring and nuisance regression, fitted on the training rows, do to the rows.

    ``design`` is ``(n, 1 + n_nuisance)``; ``solve`` ``(1 + n_nuisance, m)`` gives its coefficients from training rows;
    ``basis`` ``(n_basis, n)`` is an orthonormal basis of the design on the training rows, 0 elsewhere.
    """

    rows: IntArray
    design: FloatArray
    solve: FloatArray
    basis: FloatArray

    @classmethod
    def fit(cls, given: ModelInput, rows: IntArray) -> "Projection":
        """Fit on the training rows."""
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

    def residuals(self, block: FloatArray) -> FloatArray:
        """Columns of the training rows, less what the design explains, ``(m, n_columns)``."""
        return np.asarray(block[self.rows] - self.design[self.rows] @ (self.solve @ block[self.rows]))


def complete_blocks(given: ModelInput) -> Iterator[tuple[IntArray, FloatArray]]:
    """Blocks of columns without gaps, less what everyone's nuisance explains: which columns, ``(n, n_columns)``.

    A training set's projection takes that away in any case; taken away before, it can't drown the rest in single
    precision.
    """
    design = _centred_nuisance(given)
    for columns in _ranges(given):
        block = given.values[:, columns[0] : columns[-1] + 1]
        complete = ~given.gaps[columns]
        if complete.any():
            block = block if complete.all() else block[:, complete]
            block = block - block.mean(axis=0)
            if design.shape[1]:
                block = block - design @ np.linalg.lstsq(design, block, rcond=None)[0]
            yield columns[complete], block


def _centred_nuisance(given: ModelInput) -> FloatArray:
    """Nuisance columns less their means; none where they have gaps, which every training set fills its own way."""
    nuisance = given.values[:, given.n_features :]
    return np.empty((len(nuisance), 0)) if np.isnan(nuisance).any() else nuisance - nuisance.mean(axis=0)


def imputed_blocks(given: ModelInput, rows: IntArray) -> Iterator[tuple[IntArray, FloatArray]]:
    """Blocks of columns with gaps, filled as the training rows say: which columns, ``(n, n_columns)``.

    Without those that have too many gaps or don't vary among the training rows. The blocks are the same for
    any training rows, so that one may be empty.
    """
    for place in _ranges(given):
        columns = place[given.gaps[place]]
        if not columns.size:
            continue
        block = given.values[:, columns]
        share = np.isnan(block[rows]).mean(axis=0)
        usable = (share <= given.max_missing) & (share < 1)
        # As UsableFeatures: imputing can make a column vary that did not.
        usable &= np.fmax.reduce(block[rows], axis=0) > np.fmin.reduce(block[rows], axis=0)
        filled = block[:, usable]
        if usable.any():
            filled = MedianImputer().fit(filled[rows]).transform(filled)
        yield columns[usable], filled - filled[rows].mean(axis=0)


def _ranges(given: ModelInput) -> Iterator[IntArray]:
    for start in range(0, given.n_features, _BLOCK):
        yield np.arange(start, min(start + _BLOCK, given.n_features))


def inverse_variances(block: FloatArray, projections: Sequence[Projection]) -> FloatArray:
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


def training_blocks(given: ModelInput, training: Sequence[IntArray]) -> Iterator[tuple[IntArray, list[FloatArray]]]:
    """Prepare the features of training sets, block by block of columns.

    Yields
    ------
    columns
        Which features, ``(n_columns,)``.
    prepared
        For every training set its rows, ``(m, n_columns)``, each column with mean 0 and variance 1; a feature
        that is not usable in a set is 0 there.
    """
    if not given.columnwise:
        wholes = [_prepared(given, rows) for rows in training]
        for columns in _ranges(given):
            yield columns, [whole[:, columns] for whole in wholes]
        return
    projections = [Projection.fit(given, rows) for rows in training]
    for columns, block in complete_blocks(given):
        roots = np.sqrt(inverse_variances(block, projections))
        yield columns, [one.residuals(block) * root for one, root in zip(projections, roots, strict=True)]
    for parts in zip(*(imputed_blocks(given, rows) for rows in training), strict=True):
        columns = np.unique(np.concatenate([part for part, _ in parts]))
        prepared = []
        for one, (part, block) in zip(projections, parts, strict=True):
            whole = np.zeros((len(one.rows), columns.size))
            whole[:, np.searchsorted(columns, part)] = one.residuals(block) * np.sqrt(inverse_variances(block, [one]))
            prepared.append(whole)
        if columns.size:
            yield columns, prepared


def _prepared(given: ModelInput, rows: IntArray) -> FloatArray:
    preparation = fit_preparation(given, rows)
    whole = np.zeros((len(rows), given.n_features))
    whole[:, kept_columns(preparation, given.blocks)] = preparation.transform(given.values[rows])
    return whole
