"""One train/test split after the label-free work, under every weighting of its blocks that a model is fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from scipy import linalg
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bidsml.errors import DataError
from bidsml.learn.fusion import BlockWeights, View, block_factors, block_of, count_varying
from bidsml.learn.preparation import (
    MedianImputer,
    ModelInput,
    fit_preparation,
    kept_columns,
    without_warning,
)
from bidsml.records import FloatArray, IntArray

_Pair = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class PreparedSplit:
    """One train/test split, ready for an estimator.

    ``train`` and ``test`` are ``(n_rows, n_coordinates)``. ``columns`` and ``scale`` say which input column each
    prepared feature stands for, and what it was divided by after harmonising and regressing: its training standard
    deviation, less what block weights multiply it by. ``places`` are those features among all that were
    prepared, ``factor`` what block weights multiplied them by; 1 where there are none. Where the coordinates are
    rotated, ``basis`` is ``(n_prepared, n_coordinates)`` with orthonormal columns, if kept.
    """

    train_rows: IntArray
    test_rows: IntArray
    train: FloatArray
    test: FloatArray
    columns: IntArray
    scale: FloatArray
    basis: FloatArray | None = None
    preparation: Any = None
    """The fitted :class:`~sklearn.pipeline.Pipeline`, kept along with ``basis``."""
    places: IntArray = field(default_factory=lambda: np.empty(0, dtype=int))
    factor: FloatArray = field(default_factory=lambda: np.empty(0))


class PreparedViews(Sequence[PreparedSplit]):
    """One split under every weighting of its blocks, each made when it is first asked for.

    Parameters
    ----------
    given
        The model's columns.
    rows
        Training rows, test rows.
    rotate, keep_basis
        As of :func:`prepare_views`.
    """

    def __init__(self, given: ModelInput, rows: tuple[IntArray, IntArray], *, rotate: bool, keep_basis: bool) -> None:
        self._given, self._rows, self._rotates, self._keeps = given, rows, rotate, keep_basis
        self._preparation = fit_preparation(given, rows[0])
        with without_warning():
            train, test = (np.asarray(self._preparation.transform(given.values[which])) for which in rows)
        self._prepared = train, test
        self._columns = kept_columns(self._preparation, given.blocks)
        self._spread = np.asarray(self._preparation["scale"].scale_)
        self._made: dict[int, PreparedSplit] = {}

    def __len__(self) -> int:
        given = self._given
        return len(given.views) + int(given.stacked and given.beside.shape[1] > 0)

    @overload
    def __getitem__(self, index: int) -> PreparedSplit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PreparedSplit]: ...
    def __getitem__(self, index: int | slice) -> PreparedSplit | Sequence[PreparedSplit]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index not in self._made:
            self._made[index] = self._make(index)
        return self._made[index]

    def _make(self, index: int) -> PreparedSplit:
        given, rows = self._given, self._rows
        places, factor = self._weigh(index)
        if index == len(given.views):
            pair = _standardise(given.beside, rows)
        elif given.views[index] is None:
            pair = self._prepared
        else:
            pair = self._prepared[0][:, places] * factor, self._prepared[1][:, places] * factor
        if given.beside.shape[1] and not given.stacked:
            pair = _append(given.beside, rows, pair)
        basis = None
        if self._rotates and pair[0].shape[1] > pair[0].shape[0]:
            train, test, basis = _rotate(*pair, keep_basis=self._keeps)
            pair = train, test
        return PreparedSplit(
            train_rows=rows[0],
            test_rows=rows[1],
            train=np.ascontiguousarray(pair[0]),
            test=np.ascontiguousarray(pair[1]),
            columns=self._columns[places],
            scale=self._spread[places] / factor,
            basis=None if basis is None else basis[: places.size],
            preparation=self._preparation if self._keeps else None,
            places=places,
            factor=factor,
        )

    def _weigh(self, index: int) -> tuple[IntArray, FloatArray]:
        """Say which prepared features a view has, and what they are multiplied by."""
        given, columns, train = self._given, self._columns, self._prepared[0]
        if index == len(given.views):
            return np.empty(0, dtype=int), np.empty(0)
        view: View = given.views[index]
        if view is None:
            return np.arange(columns.size), np.ones(columns.size)
        owner = block_of(columns, given.blocks)
        counts = count_varying(train, owner, len(given.blocks))
        factor = weigh_blocks(given, counts, view, n_rows=len(train))[owner]
        places = np.flatnonzero(factor > 0)
        return places, factor[places]


def weigh_blocks(given: ModelInput, counts: IntArray, view: BlockWeights, *, n_rows: int) -> FloatArray:
    """By what the features of each block are multiplied under some weights, ``(n_blocks,)``.

    Parameters
    ----------
    counts
        Number of features of each block that vary among the training rows.
    n_rows
        Number of training rows, for the message.

    Raises
    ------
    DataError
        None of the blocks with a weight has a feature that can be used.
    """
    factors = block_factors(counts, view)
    if not factors.any():
        names = [block.name for block, weight in zip(given.blocks, view, strict=True) if weight]
        raise DataError(
            f"no feature of {' and '.join(names)} varies and is present often enough in {n_rows} training rows",
            hint=f"leave that block out, or raise cv.max_missing (now {given.max_missing})",
        )
    return factors


def prepare_everyone(given: ModelInput, rows: IntArray) -> tuple[FloatArray, IntArray]:
    """Give everyone's features, prepared on the training rows, ``(n, p)``, and the number of each one's block."""
    preparation = fit_preparation(given, rows)
    with without_warning():
        prepared = np.asarray(preparation.transform(given.values))
    return prepared, block_of(kept_columns(preparation, given.blocks), given.blocks)


def prepare_split(
    given: ModelInput, train_rows: IntArray, test_rows: IntArray, *, rotate: bool, keep_basis: bool = False
) -> PreparedSplit:
    """Prepare a split under the first weighting of its blocks; see :func:`prepare_views`."""
    return prepare_views(given, train_rows, test_rows, rotate=rotate, keep_basis=keep_basis)[0]


def prepare_views(
    given: ModelInput, train_rows: IntArray, test_rows: IntArray, *, rotate: bool, keep_basis: bool = False
) -> PreparedViews:
    """Fit the preparation on the training rows, apply it to both, and weigh the blocks in every way that is asked for.

    Nuisance columns beside the features are imputed and standardised, then multiplied by √(number of features /
    number of nuisance columns): both blocks then have the same total variance, so that one penalty doesn't
    drown five confounds in six thousand edges (block scaling, as in multiple factor analysis). Where views are stacked,
    those columns have a view of their own, the last.

    With ``rotate``, more features than training rows are expressed in an orthonormal basis of the training rows' space
    (QR decomposition of their transpose). An L2-penalised linear model's weights lie in that space, so nothing is
    lost, and every fit costs n × n instead of n × p.

    Raises
    ------
    DataError
        No feature is usable in the training rows; raised for a view when that is asked for.
    """
    return PreparedViews(given, (train_rows, test_rows), rotate=rotate, keep_basis=keep_basis)


def _rotate(
    train: FloatArray, test: FloatArray, *, keep_basis: bool
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Express both in an orthonormal basis of the training rows' space: trainᵀ = Q R, so train Q = Rᵀ."""
    if keep_basis:
        basis, triangle = linalg.qr(train.T, mode="economic", check_finite=False)
        return triangle.T, test @ basis, basis
    # Q itself costs as much as the factorisation; its product with the test rows is cheap.
    rotated, triangle = linalg.qr_multiply(train.T, test, mode="right")
    return triangle.T, rotated, None


def _standardise(beside: FloatArray, rows: tuple[IntArray, IntArray]) -> _Pair:
    """Columns beside the features, imputed and standardised on the training rows."""
    fit = make_pipeline(MedianImputer(), StandardScaler())
    fit.fit(beside[rows[0]])
    train, test = (np.asarray(fit.transform(beside[which])) for which in rows)
    return train, test


def _append(
    beside: FloatArray, rows: tuple[IntArray, IntArray], prepared: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    factor = np.sqrt(max(prepared[0].shape[1], 1) / beside.shape[1])
    train, test = (
        np.hstack([matrix, factor * added]) for matrix, added in zip(prepared, _standardise(beside, rows), strict=True)
    )
    return train, test
