"""Normative scores: how far people are from what is expected of them, fitted on training rows only."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.errors import DataError
from bidsml.learn.covariates import CovariateBasis, unpad_knots
from bidsml.learn.harmonise import UNSEEN_SITE
from bidsml.learn.normative_fit import GroupFit, fit_group, predictive_moments
from bidsml.records import FloatArray, IntArray

SPREADS = ("auto", "constant")
# Columns of the design before the covariates: the site, and who is a reference.
N_LEADING = 2
REFERENCE = 1
"""Place of the mark of reference people among the columns of the design."""


class NormativeScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace features by z = (value − expected) / predictive standard deviation, given covariates and site.

    Expected value and spread are those of the reference people among the training rows: cubic B-splines of covariates
    with ten or more values and straight lines of the others (the way of Fraza 2021,
    doi 10.1016/j.neuroimage.2021.118715, with least squares); an offset and a variance of every site, shrunken by
    their credibility (random effects; Kia 2020, doi 10.1007/978-3-030-59728-3_68, by the method of moments); and,
    feature by feature where a score test shows it, a variance that depends on the covariates. Slopes are estimated
    within sites, so that sites that differ in age don't bend the curve.

    The predictive standard deviation holds what the parameters are uncertain by: without it, z of new people
    would be too wide. Reference people of the training rows are scored like new people, which leaves them a little too
    narrow: by about the number of coefficients divided by the number of reference people. Where these are too few for
    sites of their own, everyone is of one site; where they are too few for the curve too, it is left out.

    Columns of X, in this order: the features, and ``n_design`` columns that are used up: the site as a number, 1
    where a person may serve as reference (else 0), then the covariates. Features may have gaps, and keep them. A
    feature that does not vary among the reference people, or that too few of them have, has no z: NaN for everyone.

    Parameters
    ----------
    n_design
        Number of columns at the end: 2, and 1 for each covariate; 0 returns the features as they are.
    n_knots
        Knots of a curve, the ends of the range included; fewer where there are fewer than ten people for each.
    spread
        ``auto``, or ``constant``: the same at every age.
    unseen_site
        ``pooled``: people of a site without reference people in training are expected to be like everyone, with the
        variance between sites on top of their own; or ``error``.
    """

    def __init__(self, n_design: int = 0, n_knots: int = 4, spread: str = "auto", unseen_site: str = "pooled") -> None:
        self.n_design = n_design
        self.n_knots = n_knots
        self.spread = spread
        self.unseen_site = unseen_site

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, ``(n, n_features + n_design)``, of which those marked as reference are used.

        Raises
        ------
        DataError
            There are fewer than four reference people.
        """
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        self._check(X.shape[1])
        if not self.n_design:
            return self
        features, site, reference, covariates = self._split(X)
        rows = np.flatnonzero(reference > 0)
        if not rows.size:
            raise _too_few(0, "nobody among the training rows is a reference")
        self.sites_, number = np.unique(site[rows], return_inverse=True)
        self.basis_ = CovariateBasis.fit(covariates[rows], n_knots=self.n_knots)
        self.fits_: list[tuple[IntArray, GroupFit]] = []
        self._fit_groups(features[rows], self.basis_.fill(covariates[rows]), number)
        if not self.fits_:
            raise _too_few(rows.size, "no feature is known of four of them and varies")
        return self

    def _check(self, n_columns: int) -> None:
        if self.unseen_site not in UNSEEN_SITE:
            raise ValueError(f"unseen_site={self.unseen_site!r} is none of {UNSEEN_SITE}")
        if self.spread not in SPREADS:
            raise ValueError(f"spread={self.spread!r} is none of {SPREADS}")
        if self.n_knots < 2:
            raise ValueError(f"n_knots={self.n_knots} makes no curve")
        if self.n_design and not N_LEADING <= self.n_design < n_columns:
            raise ValueError(f"n_design={self.n_design} does not fit {n_columns} columns")

    def _fit_groups(self, features: FloatArray, covariates: FloatArray, number: IntArray) -> None:
        """Fit features together that the same people have."""
        curve, spread = self.basis_.curve(covariates), self.basis_.spread(covariates)
        for columns, rows in _group_columns(~np.isnan(features)):
            fit = fit_group(
                features[np.ix_(rows, columns)],
                curve[rows],
                spread[rows],
                number[rows],
                n_sites=self.sites_.size,
                bends=self.spread == "auto",
            )
            if fit is not None:
                self.fits_.append((columns, fit))

    def transform(self, X: FloatArray) -> FloatArray:
        """Return z-scores, ``(n, n_features)``, NaN where a feature is missing or has no z.

        Raises
        ------
        DataError
            A row is of a site without reference people in training, and ``unseen_site`` is ``error``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        if not self.n_design:
            return X
        features = self._split(X)[0]
        scores = np.full_like(features, np.nan)
        for rows, columns, mean, deviation in self._moments(X):
            place = np.ix_(rows, columns)
            with np.errstate(invalid="ignore"):
                scores[place] = (features[place] - mean) / deviation
        return scores

    def predict_moments(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return expected values and predictive standard deviations, both ``(n, n_features)``; no feature is used."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        shape = self._split(X)[0].shape
        means, deviations = np.full(shape, np.nan), np.full(shape, np.nan)
        for rows, columns, mean, deviation in self._moments(X):
            place = np.ix_(rows, columns)
            means[place], deviations[place] = np.where(np.isnan(deviation), np.nan, mean), deviation
        return means, deviations

    def _moments(self, X: FloatArray) -> Iterator[tuple[IntArray, IntArray, FloatArray, FloatArray]]:
        """Rows of one site, columns that were fitted together, and what is expected of them."""
        _, site, _, covariates = self._split(X)
        if self.unseen_site == "error" and self.count_unseen(X):
            raise DataError(
                f"{self.count_unseen(X)} of {len(X)} rows come from a site without reference people in training",
                hint="use normative.unseen_site = 'pooled', or leave the site out with cohort.include",
            )
        filled = self.basis_.fill(covariates)
        curve, spread = self.basis_.curve(filled), self.basis_.spread(filled)
        parts: list[tuple[IntArray, int | None]] = [
            (np.flatnonzero(site == value), number) for number, value in enumerate(self.sites_)
        ]
        parts.append((np.flatnonzero(~np.isin(site, self.sites_)), None))
        for rows, number in parts:
            if rows.size:
                for columns, fit in self.fits_:
                    yield rows, columns, *predictive_moments(fit, curve[rows], spread[rows], site=number)

    def count_unseen(self, X: FloatArray) -> int:
        """Count the rows whose site had no reference people in training."""
        check_is_fitted(self)
        return int((~np.isin(self._split(np.asarray(X))[1], self.sites_)).sum()) if self.n_design else 0

    def state(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as arrays of finite numbers; see :meth:`from_state`. Nothing without a design.

        Rows of knots are filled up with 0, and ``covariate_n_knots`` says how many there are. Features without a z
        are in no group.
        """
        check_is_fitted(self)
        if not self.n_design:
            return {}
        arrays: dict[str, np.ndarray] = {"sites": self.sites_}
        arrays["n_features"] = np.array(self.n_features_in_ - self.n_design)
        arrays |= {f"covariate_{entry.name}": getattr(self.basis_, entry.name) for entry in fields(self.basis_)}
        arrays["covariate_n_knots"] = (~np.isnan(self.basis_.knots)).sum(axis=1)
        arrays["covariate_knots"] = np.nan_to_num(self.basis_.knots)
        scored = [(columns[fit.has_spread], fit.with_spread()) for columns, fit in self.fits_ if fit.has_spread.any()]
        for number, (columns, fit) in enumerate(scored):
            arrays[f"group{number}_columns"] = columns
            arrays |= {f"group{number}_{entry.name}": np.asarray(getattr(fit, entry.name)) for entry in fields(fit)}
        return arrays

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], *, unseen_site: str = "pooled") -> Self:
        """Make fitted normative scores of the arrays that :meth:`state` gave."""
        parts: dict[str, Any] = {entry.name: state[f"covariate_{entry.name}"] for entry in fields(CovariateBasis)}
        basis = CovariateBasis(**{**parts, "knots": unpad_knots(parts["knots"], state["covariate_n_knots"])})
        scores = cls(N_LEADING + basis.median.size, unseen_site=unseen_site)
        scores.n_features_in_ = int(state["n_features"]) + scores.n_design
        scores.sites_, scores.basis_, scores.fits_ = state["sites"], basis, []
        while (prefix := f"group{len(scores.fits_)}_") + "columns" in state:
            parts = {entry.name: state[prefix + entry.name] for entry in fields(GroupFit)}
            parts["freedom"] = int(parts["freedom"])
            fit = GroupFit(**parts)
            scores.fits_.append((state[prefix + "columns"], fit))
        return scores

    def _split(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Features, site, reference, covariates."""
        start = X.shape[1] - self.n_design
        if np.isnan(X[:, start]).any():
            raise ValueError("a row has no site")
        return X[:, :start], X[:, start], X[:, start + 1], X[:, start + N_LEADING :]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _group_columns(present: NDArray[np.bool_]) -> Iterator[tuple[IntArray, IntArray]]:
    """Columns ``(n, n_columns)`` that the same rows have, and which rows; those without gaps first."""
    complete = present.all(axis=0)
    if complete.any():
        yield np.flatnonzero(complete), np.arange(len(present))
    gappy = np.flatnonzero(~complete & present.any(axis=0))
    patterns, group = np.unique(present[:, gappy], axis=1, return_inverse=True)
    for index in range(patterns.shape[1]):
        yield gappy[group.reshape(-1) == index], np.flatnonzero(patterns[:, index])


def _too_few(n_reference: int, why: str) -> DataError:
    return DataError(
        f"normative scores cannot be fitted to {n_reference} reference people: {why}",
        hint="widen normative.reference, or lower the number of folds",
    )
