"""The arithmetic of normative scores: curve, sites and spread of features that the same people have."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bidsml.records import FloatArray, IntArray

# A residual this small against its feature is rounding.
_ROUNDING = 1e-9
# A singular value this small against the largest is a direction in which the reference people don't differ.
_RANK = 1e-9
# Fewest degrees of freedom of a predictive variance: that of Student's t is ν / (ν − 2).
MIN_FREEDOM = 3
_SPREAD_LEVEL = 0.05
# Spread is only ever bent where there are this many people for each of its coefficients.
_PEOPLE_PER_COEFFICIENT = 10
_STEPS = 50
# Of the logarithm of a variance: a hundredth of a percent.
_CONVERGED = 1e-4


@dataclass(frozen=True)
class GroupFit:
    """What is fitted to features that the same reference people have; arrays over sites have all sites' rows.

    Attributes
    ----------
    counts
        People per site, ``(n_sites,)``.
    centre
        Mean of the curve's columns at each site, ``(n_sites, q)``; 0 where nobody is.
    inverse
        (X̃ᵀX̃)⁻¹ of the curve's columns within sites, ``(q, q)``.
    spread_inverse
        (CᵀC)⁻¹ of the spread's columns, ``(c, c)``.
    freedom
        Degrees of freedom of the residual variance.
    slopes, own
        Of the curve's columns ``(q, p)``; each site's mean at 0 of them ``(n_sites, p)``.
    variance
        Residual variance within sites, ``(p,)``; NaN where a feature has none.
    between
        Variance of the sites' true means, τ², ``(p,)``.
    bend
        Coefficients of the logarithm of the variance against ``variance``, ``(c, p)``; 0 where the spread is even.
    scale
        Each site's variance against that, shrunken towards 1, ``(n_sites, p)``.
    """

    counts: FloatArray
    centre: FloatArray
    inverse: FloatArray
    spread_inverse: FloatArray
    freedom: int
    slopes: FloatArray
    own: FloatArray
    variance: FloatArray
    between: FloatArray
    bend: FloatArray
    scale: FloatArray

    @property
    def has_spread(self) -> NDArray[np.bool_]:
        """Which features vary about what is expected of them, ``(p,)``."""
        return np.asarray(~np.isnan(self.variance))

    def with_spread(self) -> "GroupFit":
        """Return the fit of those features alone."""
        mine = {name: getattr(self, name)[..., self.has_spread] for name in _OF_FEATURES}
        return replace(self, **mine)


_OF_FEATURES = ("slopes", "own", "variance", "between", "bend", "scale")


def fit_group(
    features: FloatArray, curve: FloatArray, spread: FloatArray, number: IntArray, *, n_sites: int, bends: bool
) -> GroupFit | None:
    """Fit features without gaps.

    Where the people are too few for sites of their own, everyone is of one site; where they are too few for the curve
    too, it is left out. ``None`` for fewer than four people.

    Parameters
    ----------
    features, curve, spread
        ``(m, p)``, ``(m, q)``, ``(m, c)``.
    number
        Each person's site, ``(m,)``.
    bends
        Whether the spread may depend on the covariates.
    """
    together = np.zeros_like(number)
    for site, columns in ((number, curve), (together, curve), (together, np.zeros_like(curve))):
        fit = _fit(features, columns, spread, site, n_sites=n_sites, bends=bends)
        if fit is not None:
            return fit
    return None


def _fit(
    features: FloatArray, curve: FloatArray, spread: FloatArray, number: IntArray, *, n_sites: int, bends: bool
) -> GroupFit | None:
    counts = np.bincount(number, minlength=n_sites).astype(float)
    average = (number == np.arange(n_sites)[:, None]) / np.maximum(counts, 1)[:, None]
    centre = average @ curve
    left, roots = _within(curve - centre[number], curve)  # left (m, r) orthonormal; roots (q, r)
    freedom = len(features) - int((counts > 0).sum()) - left.shape[1]
    if freedom < MIN_FREEDOM:
        return None
    # Within sites (Frisch and Waugh): the sites' own means are orthogonal to the columns on the left.
    slopes = roots @ (left.T @ features)
    own = average @ features - centre @ slopes
    residual = features - curve @ slopes - own[number]
    variance = (residual**2).sum(axis=0) / freedom
    variance[np.sqrt(variance) <= _ROUNDING * np.abs(features).max(axis=0)] = np.nan
    leverage = 1 / counts[number] + (left**2).sum(axis=1)
    free = leverage < 1 - _RANK
    # Squares of what is expected of a residual: 1 on average where the spread is even.
    squares = residual[free] ** 2 / (1 - leverage[free, None]) / variance
    bend = _bend(squares, spread[free], bends=bends)
    squares /= np.exp(spread[free] @ bend)
    inverse = roots @ roots.T
    return GroupFit(
        counts=counts,
        centre=centre,
        inverse=inverse,
        spread_inverse=np.asarray(np.linalg.pinv(spread.T @ spread), dtype=float),
        freedom=freedom,
        slopes=slopes,
        own=own,
        variance=variance,
        between=_between(own, variance, counts, centre, inverse),
        bend=bend,
        scale=_site_scale(squares, number[free], n_sites),
    )


def _within(within: FloatArray, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Orthonormal basis of what varies within sites, and the matrix that makes slopes of its coefficients."""
    total = np.linalg.norm(columns - columns.mean(axis=0), axis=0)
    size = np.where(total > 0, total, 1.0)
    left, values, right = np.linalg.svd(within / size, full_matrices=False)
    kept = values > _RANK
    return left[:, kept], right[kept].T / values[kept] / size[:, None]


def _between(
    own: FloatArray, variance: FloatArray, counts: FloatArray, centre: FloatArray, inverse: FloatArray
) -> FloatArray:
    """Variance of the sites' true means by the method of moments (of an analysis of variance), at least 0."""
    total = counts.sum()
    share = counts / total
    room = total - (counts**2).sum() / total
    if room <= 0:
        return np.zeros(own.shape[1])
    found = counts @ (own - share @ own) ** 2
    away = centre - share @ centre
    by_slopes = counts @ np.einsum("sq,qr,sr->s", away, inverse, away)
    expected = variance * ((counts > 0).sum() - 1 + by_slopes)
    return np.asarray(np.maximum(np.nan_to_num((found - expected) / room), 0.0))


def _bend(squares: FloatArray, spread: FloatArray, *, bends: bool) -> FloatArray:
    """Regress the variance on the spread's columns where the data show that it depends on them, else 0.

    Shown by the studentised score test (Koenker 1981, doi 10.1016/0304-4076(81)90062-2), p < 0.05; fitted by maximum
    likelihood with a logarithmic link (Fisher scoring), as in Davidian and Carroll 1987,
    doi 10.1080/01621459.1987.10478543.
    """
    n, n_columns = spread.shape
    bend = np.zeros((n_columns, squares.shape[1]))
    solve = np.linalg.pinv(spread)
    rank = np.linalg.matrix_rank(spread)
    if not bends or rank < 2 or n < _PEOPLE_PER_COEFFICIENT * rank:
        return bend
    centred = squares - squares.mean(axis=0)
    explained = spread @ (solve @ centred)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = n * (explained**2).sum(axis=0) / (centred**2).sum(axis=0)
    shown = np.flatnonzero(stats.chi2.sf(statistic, rank - 1) < _SPREAD_LEVEL)
    mine = squares[:, shown]
    fitted = np.zeros((n_columns, shown.size))
    for _ in range(_STEPS):
        # The information is CᵀC / 2 whatever the variances are; half a unit of the logarithm at most is safe.
        step = solve @ (mine / np.exp(spread @ fitted) - 1)
        longest = np.abs(spread @ step).max(axis=0, initial=0.0)
        fitted += step * np.minimum(1.0, 0.5 / np.maximum(longest, _ROUNDING))
        if longest.max(initial=0.0) < _CONVERGED:
            break
    bend[:, shown] = fitted
    return bend


def _site_scale(squares: FloatArray, number: IntArray, n_sites: int) -> FloatArray:
    """Shrink each site's variance towards everyone's by its credibility.

    The best linear estimate (Bühlmann and Straub 1970): 1 + w (v − 1) with w = k / (k + s²), where s² is what chance
    does to v (from the feature's own kurtosis) and k, one for all features, how much true variances differ.
    """
    scale = np.ones((n_sites, squares.shape[1]))
    usable = np.isfinite(squares).all(axis=0)
    counts = np.bincount(number, minlength=n_sites).astype(float)
    sites = np.flatnonzero(counts > 1)
    if sites.size < 2 or not usable.any():
        return scale
    mine = squares[:, usable]
    found = np.stack([mine[number == site].mean(axis=0) for site in sites])
    weight = counts[sites, None]
    chance = np.maximum((mine**2).mean(axis=0) - 1, 0.0) / weight
    differ = float((weight * ((found - 1) ** 2 - chance)).sum() / (weight.sum() * mine.shape[1]))
    if differ > 0:
        scale[np.ix_(sites, np.flatnonzero(usable))] = 1 + differ / (differ + chance) * (found - 1)
    return scale


def predictive_moments(
    fit: GroupFit, curve: FloatArray, spread: FloatArray, *, site: int | None
) -> tuple[FloatArray, FloatArray]:
    """Give expected values and predictive standard deviations of new people of one site, both ``(n, p)``.

    With σ² the variance within sites, g what the covariates and δ² what the site make of it, and τ² the variance of
    sites' means, a site's offset is a weighted mean Σ c_s a_s of all sites' own: its own by its reliability
    n τ² / (n τ² + σ²), the rest by how precisely each tells the general mean (best linear unbiased prediction).
    The variance of (value − expected) is

        σ² g δ² (f + (x − Σ c_s x̄_s)ᵀ (X̃ᵀX̃)⁻¹ (x − Σ c_s x̄_s) + Σ c_s² / n_s) + τ² Σ (c_s − [s is own])²,

    with f = ν / (ν − 2) for an estimated variance, 1 + 2 cᵀ(CᵀC)⁻¹c for an estimated variance function. A site without
    reference people has no own mean: nothing is subtracted for it, and its τ² comes on top.

    Parameters
    ----------
    curve, spread
        Columns of the people's covariates, ``(n, q)`` and ``(n, c)``.
    site
        Which site they come from; ``None``: one without reference people.
    """
    known = fit.counts > 0
    counts, own, centre = fit.counts[known, None], fit.own[known], fit.centre[known]
    here = np.flatnonzero(np.flatnonzero(known) == site) if site is not None else np.empty(0, dtype=int)
    weights = counts / (counts * fit.between + fit.variance)
    combined = weights / weights.sum(axis=0)  # (n_sites, p)
    is_own = np.zeros((len(own), 1))
    is_own[here] = 1.0
    reliability = (is_own * weights).sum(axis=0) * fit.between
    combined = (1 - reliability) * combined + reliability * is_own
    mean = curve @ fit.slopes + (combined * own).sum(axis=0)
    slanted = curve @ fit.inverse
    leverage = (slanted * curve).sum(axis=1)[:, None] - 2 * (slanted @ centre.T) @ combined
    inner = centre @ fit.inverse @ centre.T
    leverage += (combined * (inner @ combined)).sum(axis=0) + (combined**2 / counts).sum(axis=0)
    away = ((combined - is_own) ** 2).sum(axis=0)
    if not here.size:
        # What the sites differ by is itself known from few of them.
        away = (away + 1) * (len(own) - 1) / max(len(own) - 3, 1)
    bent = fit.bend.any(axis=0)
    doubt = 2 * ((spread @ fit.spread_inverse) * spread).sum(axis=1)[:, None]
    factor = np.where(bent, 1 + doubt, fit.freedom / (fit.freedom - 2))
    own_variance = fit.variance * np.exp(spread @ fit.bend) * (fit.scale[site] if here.size else 1.0)
    return mean, np.sqrt(own_variance * (factor + leverage) + fit.between * away)
