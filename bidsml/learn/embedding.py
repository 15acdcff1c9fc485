"""Project covariance matrices into the tangent space at the training people's mean."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from nilearn.connectome import ConnectivityMeasure
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.covariance import EmpiricalCovariance
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.records import FloatArray

# Smallest eigenvalue relative to the mean variance: of a matrix with imputed cells, and of any other one.
_FLOOR_IMPUTED = 1e-6
_FLOOR = 1e-12


class TangentSpace(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Tangent embedding (Varoquaux 2010, doi 10.1007/978-3-642-15705-9_25) of vectorised covariance matrices.

    A row of X is the upper triangle with the diagonal, row by row, of one person's covariance matrix, NaN where a
    region is missing. The reference (geometric mean) is fitted on the training rows by nilearn.

    A region that is missing for a larger share of training people than ``max_missing`` is dropped. Other missing
    cells are set to the training mean of that cell; where that leaves a matrix that is not positive definite, its
    eigenvalues are raised to a small floor.

    Parameters
    ----------
    max_missing
        Largest share of training rows, 0–1, that may miss a region.
    """

    def __init__(self, max_missing: float = 0.2) -> None:
        self.max_missing = max_missing

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, ``(n, n_regions * (n_regions + 1) / 2)``."""
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        n_regions = _n_regions(X.shape[1])
        self.rows_, self.columns_ = np.triu_indices(n_regions)
        matrices = self._matrices(X)
        missing = np.isnan(np.diagonal(matrices, axis1=1, axis2=2)).mean(axis=0)
        self.regions_ = np.flatnonzero(missing <= self.max_missing)
        if not self.regions_.size:
            raise ValueError("every region is missing for too many people")
        kept = matrices[:, self.regions_][:, :, self.regions_]
        with np.errstate(invalid="ignore"):
            mean = np.nanmean(kept, axis=0)
        # Two regions that nobody has both of: nothing is known of their covariance.
        self.mean_ = np.where(np.isnan(mean), 0.0, mean)
        self.measure_ = _measure()
        self.measure_.fit(self._as_series(kept))
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """Return tangent vectors of the kept regions, ``(n, n_kept * (n_kept + 1) / 2)``, upper triangles.

        Cells off the diagonal are multiplied by √2, so that a vector's length is its matrix's (Frobenius) norm.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        matrices = self._matrices(X)[:, self.regions_][:, :, self.regions_]
        series = self._as_series(matrices)
        # nilearn refuses a single person, whose own mean it fears for; here the reference is the training people's.
        tangent = np.asarray(self.measure_.transform(series if len(series) > 1 else series * 2))[: len(series)]
        rows, columns = np.triu_indices(self.regions_.size)
        return np.asarray(tangent[:, rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0)))

    def state(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as plain arrays; see :meth:`from_state`."""
        check_is_fitted(self)
        reference = {"reference": self.measure_.mean_, "whitening": self.measure_.whitening_}
        return {"regions": self.regions_, "mean": self.mean_, "n_cells": np.array(self.rows_.size), **reference}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        """Make a fitted embedding of the arrays that :meth:`state` gave."""
        space = cls()
        space.n_features_in_ = int(state["n_cells"])
        space.rows_, space.columns_ = np.triu_indices(_n_regions(space.n_features_in_))
        space.regions_, space.mean_ = state["regions"], state["mean"]
        space.measure_ = _measure()
        space.measure_.cov_estimator_ = space.measure_.cov_estimator
        space.measure_.mean_, space.measure_.whitening_ = state["reference"], state["whitening"]
        space.measure_.n_features_in_ = space.regions_.size
        return space

    def get_support(self) -> np.ndarray:
        """Return the indices of the input cells that the output's columns stand for."""
        check_is_fitted(self)
        return np.flatnonzero(np.isin(self.rows_, self.regions_) & np.isin(self.columns_, self.regions_))

    def _matrices(self, X: FloatArray) -> FloatArray:
        n_regions = _n_regions(X.shape[1])
        matrices = np.empty((X.shape[0], n_regions, n_regions))
        matrices[:, self.rows_, self.columns_] = X
        matrices[:, self.columns_, self.rows_] = X
        return matrices

    def _as_series(self, matrices: FloatArray) -> list[FloatArray]:
        """Give every matrix as ``n_regions`` time points whose (uncentred) covariance it is.

        nilearn's public interface takes time series; a matrix's symmetric root times √n is one.
        """
        filled = np.where(np.isnan(matrices), self.mean_, matrices)
        values, vectors = np.linalg.eigh(filled)
        imputed = np.isnan(matrices).any(axis=(1, 2))
        mean_variance = np.trace(filled, axis1=1, axis2=2) / filled.shape[1]
        floor = np.where(imputed, _FLOOR_IMPUTED, _FLOOR) * mean_variance
        values = np.maximum(values, floor[:, None])
        roots = np.sqrt(values * filled.shape[1])[:, :, None] * np.swapaxes(vectors, 1, 2)
        return list(roots)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _measure() -> ConnectivityMeasure:
    return ConnectivityMeasure(
        kind="tangent",
        # Matrices go in as time series whose product they are; see TangentSpace._as_series.
        cov_estimator=EmpiricalCovariance(assume_centered=True, store_precision=False),
        standardize=False,
    )


def count_regions(n_cells: int) -> int | None:
    """Size of the matrix whose upper triangle with diagonal has ``n_cells`` cells; ``None`` where none has."""
    n_regions = int((np.sqrt(8 * n_cells + 1) - 1) / 2)
    return n_regions if n_regions * (n_regions + 1) // 2 == n_cells else None


def _n_regions(n_cells: int) -> int:
    n_regions = count_regions(n_cells)
    if n_regions is None:
        raise ValueError(f"{n_cells} columns are no upper triangle of a square matrix")
    return n_regions
