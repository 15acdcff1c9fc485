"""How blocks of features are weighed against each other: block scaling, and the weights of a kernel sum.

A model sees its blocks under weights μ ≥ 0 that add up to 1. After standardisation the p_b features of block b that
vary among the training rows are multiplied by √(μ_b p / p_b), p being the number of features of all blocks with a
weight. The linear kernel is then K = p Σ_b μ_b K_b / p_b: the sum of the blocks' kernels, each divided by its trace
among the training rows (n p_b), weighed by μ. Its own trace stays n p, that of plain concatenation, so that a penalty
means what it meant. A block alone (μ_b = 1) is multiplied by 1. Equal weights are block scaling, as in multiple factor
analysis: early fusion and the plain sum of normalised kernels are one model.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bidsml.records import FeatureBlock, FloatArray, IntArray
from bidsml.spec import FusionSpec

BlockWeights = tuple[float, ...]
"""One weight per block, adding up to 1."""

View = BlockWeights | None
"""Weights of the blocks; ``None`` takes every feature as it is."""

# A kernel sum's weights are multiples of one over this.
_STEPS = 4


def block_views(fusion: FusionSpec, n_blocks: int) -> tuple[View, ...]:
    """Under which weights of its blocks a model is fitted: one view, or several to choose from or to stack.

    Parameters
    ----------
    n_blocks
        Number of blocks that the model sees; one alone is taken as it is.

    Returns
    -------
    tuple
        Of ``concatenate`` one view; of ``kernel_sum`` every candidate of :func:`weight_grid`; of ``stacking`` each
        block alone.
    """
    if n_blocks < 2:
        return (None,)
    if fusion.kind == "stacking":
        return tuple(tuple(row) for row in np.eye(n_blocks).tolist())
    if fusion.kind == "kernel_sum":
        return weight_grid(n_blocks)
    return ((1 / n_blocks,) * n_blocks,) if fusion.scale_blocks else (None,)


def weight_grid(n_blocks: int) -> tuple[BlockWeights, ...]:
    """Candidates of a kernel sum: equal weights first, which win ties, then multiples of ¼, the most even first.

    The inner folds choose among them, together with the penalty and by the same metric. The alternative, weights that
    maximise the alignment of the kernel with the labels (Cortes, Mohri and Rostamizadeh 2012, Journal of Machine
    Learning Research 13, 795-828), needs no search, but judges a block by what it looks like on the training
    labels instead of by what it predicts, and changes the kernel with every labelling, so that no draw of a permutation
    test could share work with another.

    >>> weight_grid(2)
    ((0.5, 0.5), (0.25, 0.75), (0.75, 0.25), (0.0, 1.0), (1.0, 0.0))
    """
    equal = (1 / n_blocks,) * n_blocks
    lattice = [cell for cell in product(range(_STEPS + 1), repeat=n_blocks) if sum(cell) == _STEPS]
    even_first = sorted(lattice, key=lambda cell: (sum(share**2 for share in cell), cell))
    rest = [tuple(share / _STEPS for share in cell) for cell in even_first]
    return (equal, *(weights for weights in rest if weights != equal))


def block_of(columns: IntArray, blocks: Sequence[FeatureBlock]) -> IntArray:
    """Find the number of the block that each input column lies in, ``(n_columns,)``."""
    return np.asarray(np.searchsorted([block.stop for block in blocks], columns, side="right"))


def block_factors(counts: Sequence[int] | IntArray, weights: BlockWeights) -> FloatArray:
    """By what the standardised features of each block are multiplied, ``(n_blocks,)``; 0 where a block has no part.

    Parameters
    ----------
    counts
        Number of features of each block that vary among the training rows. A block without any leaves its weight to
        the others.
    """
    sizes, shares = np.asarray(counts, dtype=float), np.asarray(weights, dtype=float)
    used = (shares > 0) & (sizes > 0)
    shares = np.where(used, shares, 0.0)
    if not used.any():
        return shares
    # A lone block is multiplied by 1 exactly.
    share_of = np.divide(shares, shares.sum() * sizes, out=np.zeros_like(shares), where=used)
    return np.asarray(np.sqrt(share_of * sizes[used].sum()) if used.sum() > 1 else used.astype(float))


def count_varying(train: FloatArray, owner: IntArray, n_blocks: int) -> IntArray:
    """Count the features of each block that vary, ``(n_blocks,)``.

    Parameters
    ----------
    train
        Standardised features of the training rows, ``(n_rows, n_features)``: 0 where one doesn't vary.
    owner
        Number of each feature's block.
    """
    varies: NDArray[np.bool_] = np.asarray(train.any(axis=0))
    return np.bincount(owner[varies], minlength=n_blocks)
