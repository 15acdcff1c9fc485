"""Kernels (Gram matrices) of training sets, with the features read in blocks of columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import blas

from bidsml.learn.fast.columns import Projection, complete_blocks, imputed_blocks, inverse_variances
from bidsml.learn.preparation import ModelInput, fit_preparation
from bidsml.learn.prepared import prepare_everyone, weigh_blocks
from bidsml.records import FeatureBlock, FloatArray, IntArray


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


@dataclass(frozen=True)
class BlockKernels:
    """Kernels of one training set, from which that of any weighting of the blocks is added up.

    ``parts`` are the blocks' own; a single one where no view weighs blocks.
    """

    given: ModelInput
    parts: tuple[TrainingKernel, ...]

    def under(self, view: int) -> TrainingKernel:
        """Add up the kernel that a view of the blocks has.

        Raises
        ------
        DataError
            None of the view's blocks has a usable feature.
        """
        weights = self.given.views[view]
        if weights is None:
            return self.parts[0]
        counts = np.array([part.n_features for part in self.parts])
        factors = weigh_blocks(self.given, counts, weights, n_rows=len(self.parts[0].rows))
        used = np.flatnonzero(factors)
        full = np.asarray(sum(factors[block] ** 2 * self.parts[block].full for block in used))
        return TrainingKernel(self.parts[0].rows, full, int(counts[used].sum()))


def make_kernels(given: ModelInput, training: Sequence[IntArray]) -> list[TrainingKernel]:
    """Make the kernel of every training set under the first view of the blocks; see :func:`make_block_kernels`."""
    return [kernels.under(0) for kernels in make_block_kernels(given, training)]


def make_block_kernels(given: ModelInput, training: Sequence[IntArray]) -> list[BlockKernels]:
    """Prepare the features on every training set and multiply them out, block by block where views weigh blocks.

    Raises
    ------
    DataError
        No feature is usable in a training set.
    """
    if given.views == (None,):
        return [BlockKernels(given, (kernel,)) for kernel in _whole_kernels(given, training)]
    if not given.columnwise:
        return [BlockKernels(given, _prepared_parts(given, rows)) for rows in training]
    by_block = [_multiply(_narrow(given, block), training) for block in given.blocks]
    return [BlockKernels(given, parts) for parts in zip(*by_block, strict=True)]


def _narrow(given: ModelInput, block: FeatureBlock) -> ModelInput:
    """Keep one block of the features, beside the nuisance."""
    own = given.values[:, block.start : block.stop]
    alone = replace(block, start=0, stop=own.shape[1])
    return replace(given, values=np.hstack([own, given.values[:, given.n_features :]]), blocks=(alone,), views=(None,))


def _whole_kernels(given: ModelInput, training: Sequence[IntArray]) -> list[TrainingKernel]:
    if not given.columnwise:
        return [_multiply_prepared(prepare_everyone(given, rows)[0], rows) for rows in training]
    kernels = _multiply(given, training)
    for kernel in kernels:
        if not kernel.n_features:
            fit_preparation(given, kernel.rows)  # says what is wrong
    return kernels


def _multiply(given: ModelInput, training: Sequence[IntArray]) -> list[TrainingKernel]:
    """Prepare features one by one on every training set and multiply them out.

    Where every feature is prepared by itself (imputed, regressed on the nuisance, scaled), a training set's kernel is
    P X D Xᵀ Pᵀ: X the features as they are, P (n × n) what nuisance regression and centring do to the rows, D the
    inverse variances. The part of D that all training sets share is multiplied once in double precision; what is
    left, some percent, in single. No prepared copy of the features is ever made.

    Features that are not prepared one by one (tangent embedding, harmonisation) are prepared as a whole for
    each training set, elsewhere.
    """
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
    return [
        TrainingKernel(projection.rows, projection.apply(_symmetric(gram)), int(count))
        for projection, gram, count in zip(projections, grams, counts, strict=True)
    ]


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


def _multiply_prepared(prepared: FloatArray, rows: IntArray) -> TrainingKernel:
    train = prepared[rows]
    return TrainingKernel(rows, prepared @ train.T, int(train.any(axis=0).sum()))


def _prepared_parts(given: ModelInput, rows: IntArray) -> tuple[TrainingKernel, ...]:
    """Prepare all blocks together, as harmonisation must, and multiply each out by itself."""
    prepared, owner = prepare_everyone(given, rows)
    return tuple(_multiply_prepared(prepared[:, owner == number], rows) for number in range(len(given.blocks)))
