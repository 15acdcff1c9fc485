"""Covariates of a normative model as columns of a design: smooth curves, straight lines, and what bends the spread."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.preprocessing import SplineTransformer

from bidsml.records import FloatArray, IntArray

# A covariate with fewer different values than this goes in as a straight line: an indicator, a rating.
_FEWEST_VALUES = 10
_DEGREE = 3
# With fewer people for each knot, a curve follows single people.
_PEOPLE_PER_KNOT = 10


@dataclass(frozen=True)
class CovariateBasis:
    """How covariates enter the expected value and the spread, fixed by the reference people.

    A covariate with ten or more different values gets a cubic B-spline with knots at quantiles, which goes on as a
    straight line beyond the outer knots; any other one is a straight line.

    Attributes
    ----------
    median
        What a missing covariate is set to, ``(n_covariates,)``.
    knots
        ``(n_covariates, n_knots)``, rising, NaN at the end where there are fewer; NaN throughout: a straight line.
    low, high
        Range among the reference people, ``(n_covariates,)``: beyond it the spread stays what it is at the end.
    """

    median: FloatArray
    knots: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def fit(cls, covariates: FloatArray, *, n_knots: int) -> Self:
        """Fit on the reference people's covariates ``(n, n_covariates)``, NaN where missing.

        Of fewer than ten people for each knot there are fewer knots, and of fewer than two knots a straight line.
        """
        n_covariates = covariates.shape[1]
        knots = np.full((n_covariates, n_knots), np.nan)
        median, low, high = np.zeros(n_covariates), np.zeros(n_covariates), np.zeros(n_covariates)
        for number, column in enumerate(covariates.T):
            known = column[~np.isnan(column)]
            if not known.size:
                continue
            median[number], low[number], high[number] = np.median(known), known.min(), known.max()
            allowed = min(n_knots, known.size // _PEOPLE_PER_KNOT)
            places = np.unique(np.quantile(known, np.linspace(0, 1, allowed))) if allowed > 1 else np.empty(0)
            if np.unique(known).size >= _FEWEST_VALUES and places.size > 1:
                knots[number, : places.size] = places
        return cls(median, knots, low, high)

    def fill(self, covariates: FloatArray) -> FloatArray:
        """Set missing covariates to the reference people's median."""
        return np.where(np.isnan(covariates), self.median, covariates)

    def curve(self, covariates: FloatArray) -> FloatArray:
        """Columns of the expected value, ``(n, n_columns)``, without an intercept."""
        columns = [np.empty((len(covariates), 0))]
        for number, knots in enumerate(self.knots):
            column = covariates[:, [number]]
            own = knots[~np.isnan(knots), None]
            if own.size:
                spline = SplineTransformer(degree=_DEGREE, knots=own, extrapolation="linear", include_bias=False)
                column = np.asarray(spline.fit(own).transform(column))
            columns.append(column)
        return np.hstack(columns)

    def spread(self, covariates: FloatArray) -> FloatArray:
        """Columns of the logarithm of the variance, ``(n, n_columns)``: an intercept, lines, and squares of curves."""
        width = np.where(self.high > self.low, (self.high - self.low) / 2, 1.0)
        place = (np.clip(covariates, self.low, self.high) - (self.low + self.high) / 2) / width
        bent = ~np.isnan(self.knots).all(axis=1)
        return np.hstack([np.ones((len(place), 1)), place, place[:, bent] ** 2])


def unpad_knots(knots: FloatArray, count: IntArray) -> FloatArray:
    """Set all but the first ``count`` ``(n_covariates,)`` knots of each row ``(n_covariates, n_knots)`` to NaN."""
    return np.where(np.arange(knots.shape[1]) < count[:, None], knots, np.nan)


def count_columns(knots: FloatArray) -> tuple[int, int]:
    """Numbers of columns of :meth:`CovariateBasis.curve` and of :meth:`CovariateBasis.spread`, from its knots."""
    count = (~np.isnan(knots)).sum(axis=1)
    bent = count > 0
    # A spline has its knots and its degree in columns, less 1; and less the one that the intercept makes superfluous.
    return int(np.where(bent, count + _DEGREE - 2, 1).sum()), int(1 + bent.size + bent.sum())
