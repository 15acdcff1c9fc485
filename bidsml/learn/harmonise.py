"""Harmonise features over sites with ComBat, fitted on training rows only."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.errors import DataError
from bidsml.learn.cohort import encode_columns
from bidsml.records import Cohort, FloatArray, Fold, IntArray
from bidsml.spec import AnalysisSpec, column_name

UNSEEN_SITE = ("pooled", "error")

# A residual this small against its feature is rounding, which scaling would blow up into noise.
_ROUNDING = 1e-9
# The conditional means converge linearly, in some ten rounds; the published programs stop at 1e-4.
_TOLERANCE = 1e-8
_MAX_ROUNDS = 1000


class ComBat(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take each site's own mean and variance out of the features, and keep what covariates explain.

    The model is ``Y = α + Xβ + γ_site + δ_site ε``, feature by feature; the sites' shifts γ and scales δ are
    shrunk towards what the site does to all features (parametric empirical Bayes: Johnson, Li and Rabinovic 2007,
    doi 10.1093/biostatistics/kxj037; with covariates on brain features: Fortin 2018,
    doi 10.1016/j.neuroimage.2017.11.024). α is the grand mean weighted by site size.

    Columns of X, in this order: the features, ``n_untouched`` columns that are handed on as they are, and
    ``n_design`` columns that are used up: the site as a number, then the covariates X. Missing covariates
    are imputed by their training median. β is estimated within sites: a covariate that doesn't vary within any site
    cannot be told from it, and what it explains goes with the site.

    What the published programs leave open:

    * A site with one training row has no variance of its own; it gets a shrunken shift and keeps scale 1.
    * A feature without residual (constant, or explained by sites and covariates alone) becomes ``α + Xβ``.
    * With one training site there is nothing to harmonise, and the features come back as they are.
    * A row from a site without training rows has no estimate at all, and test rows must not make one.
      ``pooled`` gives it the grand mean and the pooled variance, that is no shift and scale 1: it stays as it is.

    Parameters
    ----------
    n_design
        Number of columns at the end: 1 for the site and 1 for each covariate; 0 returns the features as they are.
    n_untouched
        Number of columns before them that are no features.
    unseen_site
        ``pooled``, or ``error`` to refuse rows of a site that was not in training.
    """

    FITTED: ClassVar[tuple[str, ...]] = (
        "sites",
        "median",
        "slopes",
        "grand_mean",
        "shift",
        "scale",
        "explained_away",
    )
    """Names of the arrays of :meth:`state`."""

    def __init__(self, n_design: int = 0, n_untouched: int = 0, unseen_site: str = "pooled") -> None:
        self.n_design = n_design
        self.n_untouched = n_untouched
        self.unseen_site = unseen_site

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, ``(n, n_features + n_untouched + n_design)``; features without gaps.

        Raises
        ------
        DataError
            The training rows are not more than their sites and covariates: every feature would be explained away.
        """
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        if self.unseen_site not in UNSEEN_SITE:
            raise ValueError(f"unseen_site={self.unseen_site!r} is none of {UNSEEN_SITE}")
        if self.n_design < 0 or self.n_untouched < 0 or self.n_design + self.n_untouched >= X.shape[1]:
            raise ValueError(
                f"n_design={self.n_design} and n_untouched={self.n_untouched} leave no feature of {X.shape[1]} columns"
            )
        if self.n_design:
            features, _, site, covariates = self._split(X)
            _refuse_gaps(features)
            self.median_ = np.empty(0)
            if covariates.shape[1]:
                self.median_ = SimpleImputer(strategy="median", keep_empty_features=True).fit(covariates).statistics_
            self._fit_sites(features, site, self._filled(covariates))
        return self

    def _fit_sites(self, features: FloatArray, site: FloatArray, covariates: FloatArray) -> None:
        self.sites_, number = np.unique(site, return_inverse=True)
        n_explaining = self.sites_.size + covariates.shape[1]
        if self.sites_.size > 1 and site.size <= n_explaining:
            raise DataError(
                f"ComBat needs more than {n_explaining} training rows, the number of sites ({self.sites_.size}) and "
                f"covariates ({covariates.shape[1]}); there are {site.size}",
                hint="name a coarser cohort.site, or preserve fewer columns",
            )
        member = (number == np.arange(self.sites_.size)[:, None]).astype(float)  # (n_sites, n)
        counts = member.sum(axis=1)
        average = member / counts[:, None]
        means = average @ covariates
        self.slopes_ = _slopes_within(features, covariates, means[number])  # (n_covariates, n_features)
        own = average @ features - means @ self.slopes_  # the sites' α + γ, (n_sites, n_features)
        squares = np.stack(
            [
                ((features[rows] - covariates[rows] @ self.slopes_ - own[index]) ** 2).sum(axis=0)
                for index, rows in enumerate(member > 0)
            ]
        )
        self.grand_mean_ = counts @ own / counts.sum()
        deviation = np.sqrt(squares.sum(axis=0) / counts.sum())
        self._set_explained_away(features, covariates, deviation)
        self.shift_, self.scale_ = np.zeros_like(own), np.ones_like(own)
        free = ~self.explained_away_
        if self.sites_.size > 1 and free.any():
            location = (own[:, free] - self.grand_mean_[free]) / deviation[free]
            variance = squares[:, free] / deviation[free] ** 2 / np.maximum(counts - 1, 1)[:, None]
            shift, spread = shrink_sites(location, variance, counts)
            self.shift_[:, free] = shift * deviation[free]
            self.scale_[:, free] = np.sqrt(spread)

    def _set_explained_away(self, features: FloatArray, covariates: FloatArray, deviation: FloatArray) -> None:
        """Find features without residual, and leave no slope to them that is only rounding."""
        total = features.std(axis=0)
        constant = features.max(axis=0) == features.min(axis=0)
        self.explained_away_ = constant | (deviation <= _ROUNDING * total)
        explained = (covariates @ self.slopes_[:, self.explained_away_]).std(axis=0)
        flat = np.flatnonzero(self.explained_away_)[explained <= _ROUNDING * total[self.explained_away_]]
        self.slopes_[:, flat] = 0.0
        self.slopes_[:, constant] = 0.0
        self.grand_mean_[constant] = features[0, constant]

    def transform(self, X: FloatArray) -> FloatArray:
        """Return harmonised features and the untouched columns, ``(n, n_features + n_untouched)``.

        Raises
        ------
        DataError
            A row is of a site that was not in training, and ``unseen_site`` is ``error``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        if not self.n_design:
            return X
        features, untouched, site, covariates = self._split(X)
        _refuse_gaps(features)
        if self.unseen_site == "error" and self.count_unseen(X):
            raise DataError(
                f"{self.count_unseen(X)} of {len(X)} rows come from a site that is not in training",
                hint="use nuisance.unseen_site = 'pooled', or leave the site out with cohort.include",
            )
        covariates = self._filled(covariates)
        # Site by site: at 871 × 19,900, whole matrices in between take three times as long.
        parts = [(np.flatnonzero(site == value), number) for number, value in enumerate(self.sites_)]
        harmonised = np.empty_like(features)
        for rows, number in [*parts, (np.flatnonzero(~np.isin(site, self.sites_)), None)]:
            explained = self.grand_mean_ + covariates[rows] @ self.slopes_
            residual = features[rows] - explained
            if number is not None:
                residual = (residual - self.shift_[number]) / self.scale_[number]
            residual[:, self.explained_away_] = 0.0
            harmonised[rows] = explained + residual
        return np.hstack([harmonised, untouched]) if self.n_untouched else harmonised

    def state(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as plain arrays; see :meth:`from_state`. Nothing where there is no site column."""
        check_is_fitted(self)
        return {name: getattr(self, f"{name}_") for name in self.FITTED} if self.n_design else {}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], *, n_untouched: int = 0, unseen_site: str = "pooled") -> Self:
        """Make a fitted ComBat of the arrays that :meth:`state` gave; parameters as of the class."""
        n_covariates, n_features = state["slopes"].shape
        combat = cls(1 + n_covariates, n_untouched, unseen_site)
        combat.n_features_in_ = n_features + n_untouched + combat.n_design
        for name in cls.FITTED:
            setattr(combat, f"{name}_", state[name])
        return combat

    def count_unseen(self, X: FloatArray) -> int:
        """Count the rows whose site was not in training."""
        check_is_fitted(self)
        if not self.n_design:
            return 0
        return int((~np.isin(np.asarray(X)[:, -self.n_design], self.sites_)).sum())

    def _filled(self, covariates: FloatArray) -> FloatArray:
        return np.where(np.isnan(covariates), self.median_, covariates)

    def _split(self, X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Features, untouched columns, site, covariates."""
        site = X.shape[1] - self.n_design
        stop = site - self.n_untouched
        if np.isnan(X[:, site]).any():
            raise ValueError("a row has no site to harmonise")
        return X[:, :stop], X[:, stop:site], X[:, site], X[:, site + 1 :]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def shrink_sites(location: FloatArray, variance: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Shrink each site's shifts and variances towards their common values over features.

    Priors by the method of moments: γ ~ N(γ̄, τ²), δ² ~ inverse gamma (λ, θ), one of each per site. The
    conditional posterior means of Johnson 2007 (section 3.2) are iterated to their fixed point,

    γ* = (n τ² γ̂ + δ²* γ̄) / (n τ² + δ²*),  δ²* = (θ + ½ Σ (Z − γ*)²) / (n / 2 + λ − 1),

    with λ and θ multiplied out, so that variances that don't differ over features (λ = ∞) have their limit.

    Parameters
    ----------
    location
        Means of the standardised features, ``(n_sites, n_features)``.
    variance
        Their variances within sites, with n − 1, same shape; a site of one row has none and gets 1.
    counts
        Rows per site, ``(n_sites,)``.

    Returns
    -------
    tuple of numpy.ndarray
        γ* and δ²*, both ``(n_sites, n_features)``.
    """
    n = counts[:, None]
    # Without any spread within the site (one row, or the same row again) only the shift can be known.
    variance = np.where((n > 1) & (variance.max(axis=1, keepdims=True) > 0), variance, 1.0)
    centre, middle = location.mean(axis=1, keepdims=True), variance.mean(axis=1, keepdims=True)
    several = location.shape[1] > 1
    tau2 = location.var(axis=1, ddof=1, keepdims=True) if several else np.zeros_like(centre)
    spread = variance.var(axis=1, ddof=1, keepdims=True) if several else np.zeros_like(centre)
    within = (n - 1) * variance
    shift, scale2 = location, variance
    for _ in range(_MAX_ROUNDS):
        # At γ̂, δ̂² itself may be 0 where a feature is constant within the site; the mean stands in for the start.
        weight = np.where(scale2 > 0, scale2, middle)
        new_shift = (n * tau2 * location + weight * centre) / (n * tau2 + weight)
        squares = within + n * (location - new_shift) ** 2
        new_scale2 = (middle**3 + middle * spread + spread * squares / 2) / (middle**2 + spread * (n / 2 + 1))
        moved = max(np.abs(new_shift - shift).max(), (np.abs(new_scale2 - scale2) / new_scale2).max())
        shift, scale2 = new_shift, new_scale2
        if moved < _TOLERANCE:
            break
    return shift, scale2


def _slopes_within(features: FloatArray, covariates: FloatArray, site_means: FloatArray) -> FloatArray:
    """Least-squares slopes with an intercept per site (Frisch–Waugh); 0 for what doesn't vary within sites."""
    within = covariates - site_means
    total = np.linalg.norm(covariates - covariates.mean(axis=0), axis=0)
    within[:, np.linalg.norm(within, axis=0) <= _ROUNDING * total] = 0.0
    size = np.where(total > 0, total, 1.0)
    slopes: FloatArray = np.linalg.pinv(within / size) @ features / size[:, None]
    return slopes


def _refuse_gaps(features: FloatArray) -> None:
    # A sum is finite when every value is, and costs no copy.
    if np.isnan(features.sum()):
        raise ValueError("features have missing values; impute them before harmonising")


def combat_design(cohort: Cohort, spec: AnalysisSpec) -> FloatArray:
    """Lay out the columns that ComBat uses up, ``(n, n_design)``: the site as a number, then what is preserved.

    None where nothing is harmonised. Sites are numbered over the whole cohort: a number is a name and tells nothing.
    """
    if spec.nuisance.harmonize == "none":
        return np.empty((len(cohort.target), 0))
    number = pd.factorize(np.asarray(cohort.site, dtype=object), sort=True)[0].astype(float)
    return np.column_stack([number, _preserved(cohort, spec)[0]])


def _preserved(cohort: Cohort, spec: AnalysisSpec) -> tuple[FloatArray, tuple[str, ...]]:
    values, names, _ = encode_columns(cohort.table, [column_name(column) for column in spec.nuisance.preserve])
    return values, names


def unseen_rows(site: Sequence[str], *, train: IntArray, test: IntArray) -> IntArray:
    """Test rows whose site no training row has."""
    number = pd.factorize(np.asarray(site, dtype=object))[0]
    rows: IntArray = test[~np.isin(number[test], number[train])]
    return rows


def harmonisation_warnings(folds: Sequence[Fold], cohort: Cohort, spec: AnalysisSpec) -> tuple[str, ...]:
    """Say for every design how many test rows ComBat could not harmonise, and which columns it could not preserve."""
    if spec.nuisance.harmonize == "none":
        return ()
    said = []
    for design in dict.fromkeys(fold.design for fold in folds):
        mine = [fold for fold in folds if fold.design == design]
        counts = [unseen_rows(cohort.site, train=fold.train, test=fold.test).size for fold in mine]
        affected = sum(count > 0 for count in counts)
        if affected:
            said.append(
                f"ComBat, {design}: {sum(counts)} test row{'s' * (sum(counts) > 1)} of {affected} "
                f"fold{'s' * (affected > 1)} came from sites unseen in training and got the pooled mean and variance."
            )
    values, names = _preserved(cohort, spec)
    table = pd.DataFrame(values)
    within = (table - table.groupby(np.asarray(cohort.site, dtype=object)).transform("mean")).std(ddof=0)
    fixed = (table.std(ddof=0) > 0) & (within <= _ROUNDING * table.std(ddof=0))
    said += [
        f"ComBat could not preserve {name}: it varies within no site, and what it explains was taken out with the site."
        for name, lost in zip(names, fixed, strict=True)
        if lost
    ]
    return tuple(said)
