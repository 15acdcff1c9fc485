"""What is done to the features inside a fold without looking at a label."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.errors import DataError
from bidsml.learn.embedding import TangentSpace
from bidsml.learn.deviations import NormativeDesign
from bidsml.learn.harmonise import ComBat
from bidsml.learn.normative import REFERENCE, NormativeScores
from bidsml.learn.nuisance import NuisanceRegression
from bidsml.records import FeatureBlock, FloatArray, IntArray


class UsableFeatures(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keep features that vary and are not missing too often among the training rows.

    Parameters
    ----------
    max_missing
        Largest share of missing values, 0–1.
    keep_constant
        Keep features that don't vary too.
    """

    def __init__(self, max_missing: float = 0.2, keep_constant: bool = False) -> None:
        self.max_missing = max_missing
        self.keep_constant = keep_constant

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, ``(n, n_features)``, NaN where missing."""
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        present = ~np.isnan(X)
        enough = present.mean(axis=0) >= 1 - self.max_missing
        # fmin and fmax pass over NaN without a warning for columns that are NaN throughout.
        varies = np.fmax.reduce(X, axis=0) > np.fmin.reduce(X, axis=0)
        self.support_ = enough & (varies | self.keep_constant)
        return self

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(self.support_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class MedianImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill missing values with the training median of their column.

    scikit-learn's ``SimpleImputer(strategy="median")`` gives the same numbers by way of masked arrays, which took a
    third of a fold's preparation (0.5 of 1.4 s on 784 × 6105); one sort, which puts NaN last, takes a tenth.
    """

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, ``(n, n_features)``; a column that is missing throughout gets 0."""
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        ordered = np.sort(X.T, axis=1)
        count = X.shape[0] - np.isnan(X).sum(axis=0)
        column = np.arange(X.shape[1])
        lower, upper = (ordered[column, np.maximum(middle, 0)] for middle in ((count - 1) // 2, count // 2))
        self.median_ = np.where(count > 0, (lower + upper) / 2, 0.0)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """Return a copy without missing values."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        return np.where(np.isnan(X), self.median_, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def build_preparation(
    blocks: Sequence[FeatureBlock],
    *,
    n_nuisance: int,
    max_missing: float,
    keep_constant: bool = False,
    n_design: int = 0,
    unseen_site: str = "pooled",
    normative: NormativeScores | None = None,
) -> Pipeline:
    """Build the label-free part of a fold: select, embed, impute, harmonise, regress nuisance, scale.

    With ``normative``, features are scored against reference people before they are imputed: a gap is then filled
    with the usual deviation rather than with a value that may be unusual at that age.

    Parameters
    ----------
    blocks
        Where each block lies in the columns; a block of layout ``covariance`` goes through
        :class:`~bidsml.learn.embedding.TangentSpace`.
    n_nuisance
        Number of columns after the blocks that are regressed out of every feature.
    n_design
        Number of columns after those for :class:`~bidsml.learn.harmonise.ComBat`: the site, then what is preserved.
        0: nothing is harmonised.
    normative
        Not fitted; its columns are the last ones. ``None``: features stay as they are.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted; takes ``(n, n_features + n_nuisance + n_design)``, NaN where missing, returns standardised features.
    """
    parts: list[tuple[str, Any, slice]] = []
    for number, block in enumerate(blocks):
        if block.layout == "covariance":
            tangent = make_pipeline(TangentSpace(max_missing), UsableFeatures(max_missing))
            parts.append((str(number), tangent, slice(block.start, block.stop)))
        else:
            parts.append((str(number), UsableFeatures(max_missing, keep_constant), slice(block.start, block.stop)))
    stop = max((block.stop for block in blocks), default=0)
    n_beside = n_nuisance + n_design + (normative.n_design if normative else 0)
    parts.append(("beside", "passthrough", slice(stop, stop + n_beside)))
    scores = [("normative", clone(normative))] if normative else []
    return Pipeline(
        [
            ("columns", ColumnTransformer(parts)),
            *scores,
            # After the blocks are side by side: one of them may have lost all its features.
            ("impute", MedianImputer()),
            # Before the regression: a confound's slope is estimated on features of which the sites agree.
            ("harmonise", ComBat(n_design, n_untouched=n_nuisance, unseen_site=unseen_site)),
            ("nuisance", NuisanceRegression(n_nuisance)),
            ("scale", StandardScaler()),
        ]
    )


def kept_columns(preparation: Pipeline, blocks: Sequence[FeatureBlock]) -> IntArray:
    """Say which input column each prepared feature stands for, ``(n_prepared,)``."""
    kept = []
    for number, block in enumerate(blocks):
        part = preparation["columns"].named_transformers_[str(number)]
        if block.layout == "covariance":
            cells = part[0].get_support()
            kept.append(block.start + cells[part[1].get_support(indices=True)])
        else:
            kept.append(block.start + part.get_support(indices=True))
    return np.concatenate(kept) if kept else np.empty(0, dtype=int)


@dataclass(frozen=True)
class ModelInput:
    """The columns of one model, row for row with the cohort.

    ``values`` is ``(n, n_features + n_regressed + n_design)``: the feature blocks, then the columns regressed out of
    them, then those of ComBat: the site as an integer code and what is preserved. ``beside``, ``(n, n_beside)``,
    are nuisance columns that are predictors beside the features.
    """

    values: FloatArray
    blocks: tuple[FeatureBlock, ...]
    n_regressed: int
    beside: FloatArray
    max_missing: float
    keep_constant: bool = False
    """Keep columns that don't vary among the training rows; they become 0."""
    n_design: int = 0
    unseen_site: str = "pooled"
    """What ComBat does with test rows of a site without training rows."""
    normative: NormativeDesign | None = None
    """Of normative scores, whose columns are the last of ``values``; ``None`` where there are none."""

    @property
    def n_features(self) -> int:
        """Number of feature columns."""
        n_scoring = self.normative.columns.shape[1] if self.normative else 0
        return int(self.values.shape[1]) - self.n_regressed - self.n_design - n_scoring

    @cached_property
    def gaps(self) -> NDArray[np.bool_]:
        """Which features are missing for anyone, ``(n_features,)``."""
        return np.asarray(np.isnan(self.values[:, : self.n_features].sum(axis=0)))

    @property
    def columnwise(self) -> bool:
        """Whether every feature is prepared by itself: no embedding, no harmonisation, nothing beside."""
        embedded = any(block.layout == "covariance" for block in self.blocks)
        return not (embedded or self.n_design or self.normative or self.beside.shape[1] or self.keep_constant)

    @property
    def follows_labels(self) -> bool:
        """Whether the preparation depends on the labels of the training rows; see :meth:`for_labels`."""
        return self.normative is not None and self.normative.reference is not None

    def for_labels(self, target: FloatArray) -> "ModelInput":
        """Return the columns as they would be under other labels ``(n,)``: with the reference people that these make."""
        if self.normative is None or self.normative.reference is None:
            return self
        values = self.values.copy()
        column = values.shape[1] - self.normative.columns.shape[1] + REFERENCE
        values[:, column] = self.normative.reference.flags(target)
        return replace(self, values=values)


@dataclass(frozen=True)
class PreparedSplit:
    """One train/test split, ready for an estimator.

    ``train`` and ``test`` are ``(n_rows, n_coordinates)``. ``columns`` and ``scale`` say which input column each
    prepared feature stands for, and its training standard deviation after harmonising and regressing. Where the
    coordinates are rotated, ``basis`` is ``(n_prepared, n_coordinates)`` with orthonormal columns, if kept.
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


def prepare_split(
    given: ModelInput, train_rows: IntArray, test_rows: IntArray, *, rotate: bool, keep_basis: bool = False
) -> PreparedSplit:
    """Fit the preparation on the training rows and apply it to both.

    Nuisance columns beside the features are imputed and standardised, then multiplied by √(number of features /
    number of nuisance columns): both blocks then have the same total variance, so that one penalty doesn't
    drown five confounds in six thousand edges (block scaling, as in multiple factor analysis).

    With ``rotate``, more features than training rows are expressed in an orthonormal basis of the training rows' space
    (QR decomposition of their transpose). An L2-penalised linear model's weights lie in that space, so nothing is
    lost, and every fit costs n × n instead of n × p.

    Raises
    ------
    DataError
        No feature is usable in the training rows.
    """
    preparation = fit_preparation(given, train_rows)
    with _without_warning():
        train, test = (np.asarray(preparation.transform(given.values[rows])) for rows in (train_rows, test_rows))
    n_prepared = train.shape[1]
    if given.beside.shape[1]:
        train, test = _append(given.beside, (train_rows, test_rows), (train, test))
    basis = None
    if rotate and train.shape[1] > train.shape[0]:
        train, test, basis = _rotate(train, test, keep_basis=keep_basis)
    return PreparedSplit(
        train_rows=train_rows,
        test_rows=test_rows,
        train=np.ascontiguousarray(train),
        test=np.ascontiguousarray(test),
        columns=kept_columns(preparation, given.blocks),
        scale=np.asarray(preparation["scale"].scale_),
        basis=None if basis is None else basis[:n_prepared],
        preparation=preparation if keep_basis else None,
    )


def fit_preparation(given: ModelInput, rows: IntArray) -> Pipeline:
    """Fit the label-free preparation on training rows.

    Raises
    ------
    DataError
        No feature is usable in the training rows.
    """
    preparation = build_preparation(
        given.blocks,
        n_nuisance=given.n_regressed,
        max_missing=given.max_missing,
        keep_constant=given.keep_constant,
        n_design=given.n_design,
        unseen_site=given.unseen_site,
        normative=given.normative.scores if given.normative else None,
    )
    with _without_warning():
        try:
            return preparation.fit(given.values[rows])
        except ValueError as error:
            raise _explain(given, rows, error) from error


@contextmanager
def _without_warning() -> Iterator[None]:
    """Say nothing of a block that loses all its features: it may, as long as another keeps some."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No features were selected", category=UserWarning)
        yield


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


def _append(
    beside: FloatArray, rows: tuple[IntArray, IntArray], prepared: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    fit = make_pipeline(MedianImputer(), StandardScaler())
    fit.fit(beside[rows[0]])
    factor = np.sqrt(max(prepared[0].shape[1], 1) / beside.shape[1])
    train, test = (
        np.hstack([matrix, factor * fit.transform(beside[which])]) for matrix, which in zip(prepared, rows, strict=True)
    )
    return train, test


def _explain(given: ModelInput, train_rows: IntArray, error: ValueError) -> Exception:
    """Say what a user can act on where no feature is usable; hand on anything else."""
    usable = UsableFeatures(given.max_missing)
    n_features = given.n_features
    n_usable = int(usable.fit(given.values[train_rows, :n_features]).support_.sum()) if n_features else 0
    if n_usable and not any(block.layout == "covariance" for block in given.blocks):
        return error
    return DataError(
        f"of {n_features} features, {n_usable} vary and are present often enough in {len(train_rows)} training rows: "
        f"{error}",
        hint=f"raise cv.max_missing (now {given.max_missing}), or leave out participants with missing data",
    )
