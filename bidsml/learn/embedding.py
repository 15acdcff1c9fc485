"""Project covariance matrices into the tangent space at the training people's mean."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from nilearn.connectome import ConnectivityMeasure
from numpy.typing import NDArray
from scipy import linalg
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.covariance import EmpiricalCovariance
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.records import FloatArray

# Smallest eigenvalue relative to the mean variance: of a person's matrix, and of the one that fills gaps.
_FLOOR = 1e-12
_FLOOR_EXPECTED = 1e-6
# Gaps of a few per cent take about five steps to this relative change.
_STEPS = 50
_CONVERGED = 1e-6


class TangentSpace(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Tangent embedding (Varoquaux 2010, doi 10.1007/978-3-642-15705-9_25) of vectorised covariance matrices.

    A row of X is the upper triangle with the diagonal, row by row, of one person's covariance matrix, NaN where a
    region is missing. The reference (geometric mean) is fitted on the training rows by nilearn.

    A region that is missing for a larger share of training people than ``max_missing`` is dropped. Other gaps are
    filled by :func:`complete`: with what the training people's mean expects, given the regions that the person has.
    Filling in single cells of the mean would not do: they do not go with a person whose signals are weaker or
    stronger, and the logarithm of the matrix makes outliers of them. Who has no region at all stays missing.

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
        kept = kept[_has_any(kept)]
        if not len(kept):
            raise ValueError("nobody has any of the regions")
        self.mean_ = fit_mean(kept)
        self.measure_ = _measure()
        self.measure_.fit(_as_series(complete(kept, self.mean_)))
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """Return tangent vectors of the kept regions, ``(n, n_kept * (n_kept + 1) / 2)``, upper triangles.

        NaN for people who have none of the regions. Cells off the diagonal are multiplied by √2, so that a vector's
        length is its matrix's (Frobenius) norm.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        matrices = self._matrices(X)[:, self.regions_][:, :, self.regions_]
        known = _has_any(matrices)
        series = _as_series(complete(matrices, self.mean_))
        # nilearn refuses a single person, whose own mean it fears for; here the reference is the training people's.
        tangent = np.asarray(self.measure_.transform(series if len(series) > 1 else series * 2))[: len(series)]
        rows, columns = np.triu_indices(self.regions_.size)
        vectors = np.asarray(tangent[:, rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0)))
        vectors[~known] = np.nan
        return vectors

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def complete(matrices: FloatArray, mean: FloatArray) -> FloatArray:
    """Fill the gaps of covariance matrices with what a mean matrix M expects, given what is there.

    Of a person with the regions o and without g: B = M_go M_oo⁻¹ predicts the missing signals from those that are
    there, so that C_go = B C_oo and C_gg = B C_oo Bᵀ + s (M_gg − B M_og), the last being what the others do not tell.
    That is the conditional expectation of the EM algorithm for normal data with gaps (Little & Rubin 2019, chapter
    11, doi:10.1002/9781119482260), with M at the person's own scale s = tr(M_oo⁻¹ C_oo) / n_o. A positive definite
    matrix stays so, and one of twice the size is filled with twice the values.

    Parameters
    ----------
    matrices
        ``(n, n_regions, n_regions)``, NaN in the rows and columns of missing regions.
    mean
        ``(n_regions, n_regions)``, positive definite. Who has no region is given it as it is.
    """
    filled = matrices.copy()
    for person in np.flatnonzero(np.isnan(matrices).any(axis=(1, 2))):
        gone = np.isnan(np.diagonal(matrices[person]))
        here, there = np.flatnonzero(~gone), np.flatnonzero(gone)
        own = matrices[person][np.ix_(here, here)]
        if np.isnan(own).any():
            # A ready-made matrix that lacks a pair of regions, and has both.
            own = _raise_floor(np.where(np.isnan(own), mean[np.ix_(here, here)], own), _FLOOR_EXPECTED)
        scale, slope = 1.0, np.zeros((there.size, here.size))
        if here.size:
            solved = linalg.solve(mean[np.ix_(here, here)], np.hstack([own, mean[np.ix_(here, there)]]), assume_a="pos")
            scale, slope = float(np.trace(solved[:, : here.size])) / here.size, solved[:, here.size :].T
        across = slope @ own
        rest = mean[np.ix_(there, there)] - slope @ mean[np.ix_(here, there)]
        whole = filled[person]
        whole[np.ix_(here, here)] = own
        whole[np.ix_(there, here)], whole[np.ix_(here, there)] = across, across.T
        whole[np.ix_(there, there)] = across @ slope.T + scale * rest
    return filled


def average_covariances(matrices: FloatArray) -> FloatArray:
    """Average covariance matrices after filling their gaps.

    Parameters
    ----------
    matrices
        ``(n, n_regions, n_regions)``; somebody has each region.

    Returns
    -------
    FloatArray
        ``(n_regions, n_regions)``.
    """
    return np.asarray(complete(matrices, fit_mean(matrices)).mean(axis=0))


def fit_mean(matrices: FloatArray) -> FloatArray:
    """Mean of matrices at one scale, which fills its own gaps: the fixed point of :func:`complete`.

    Loud people or recordings count no more than others; with their own scales, steps would be slow where they have
    gaps. It starts from the mean over those who have a cell; 0 where nobody has both regions.

    Parameters
    ----------
    matrices
        ``(n, n_regions, n_regions)``, of people or of one person's recordings; somebody has each region.

    Returns
    -------
    FloatArray
        ``(n_regions, n_regions)``, positive definite.
    """
    sizes = np.nanmean(np.diagonal(matrices, axis1=1, axis2=2), axis=1)
    scaled = matrices / sizes[:, None, None]
    count = (~np.isnan(scaled)).sum(axis=0)
    mean = _raise_floor(np.nansum(scaled, axis=0) / np.maximum(count, 1), _FLOOR_EXPECTED)
    if not np.isnan(scaled).any():
        return mean
    for _ in range(_STEPS):
        before = mean
        filled = complete(scaled, before)
        own = np.einsum("ij,nji->n", linalg.inv(before), filled) / len(before)
        mean = _raise_floor((filled / own[:, None, None]).mean(axis=0), _FLOOR_EXPECTED)
        if np.linalg.norm(mean - before) <= _CONVERGED * np.linalg.norm(before):
            break
    return mean


def _raise_floor(matrices: FloatArray, share: float) -> FloatArray:
    """Raise eigenvalues that are less than a share of the mean variance to it; of one matrix or several."""
    values, vectors = np.linalg.eigh(matrices)
    floor = share * np.trace(matrices, axis1=-2, axis2=-1)[..., None] / matrices.shape[-1]
    raised = np.maximum(values, floor)
    return np.asarray((vectors * raised[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def _has_any(matrices: FloatArray) -> NDArray[np.bool_]:
    """Who has at least one region."""
    return np.asarray(~np.isnan(np.diagonal(matrices, axis1=1, axis2=2)).all(axis=1))


def _as_series(matrices: FloatArray) -> list[FloatArray]:
    """Give every matrix as ``n_regions`` time points whose (uncentred) covariance it is.

    nilearn's public interface takes time series; a matrix's symmetric root times √n is one.
    """
    values, vectors = np.linalg.eigh(matrices)
    floor = _FLOOR * np.trace(matrices, axis1=1, axis2=2) / matrices.shape[1]
    values = np.maximum(values, floor[:, None])
    roots = np.sqrt(values * matrices.shape[1])[:, :, None] * np.swapaxes(vectors, 1, 2)
    return list(roots)


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
