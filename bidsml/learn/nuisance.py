"""Regress columns of no interest out of the features, fitted on training rows only."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.records import FloatArray

# A residual this small against its feature is rounding, which scaling would blow up into noise.
_ROUNDING = 1e-9


class NuisanceRegression(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace features by what nuisance columns don't explain of them.

    The last ``n_nuisance`` columns of X are the nuisance. They are imputed by their training median; each feature is
    regressed on them with an intercept, by least squares on the training rows. The residual features are
    returned without the nuisance columns (Snoek, Miletić and Scholte 2019, doi 10.1016/j.neuroimage.2018.09.074:
    within the folds, not before them).

    Parameters
    ----------
    n_nuisance
        Number of nuisance columns; 0 returns the features as they are.
    """

    def __init__(self, n_nuisance: int = 0) -> None:
        self.n_nuisance = n_nuisance

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, ``(n, n_features + n_nuisance)``."""
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        if not 0 <= self.n_nuisance < X.shape[1]:
            raise ValueError(f"n_nuisance={self.n_nuisance} leaves no feature of {X.shape[1]} columns")
        features, nuisance = self._split(X)
        if self.n_nuisance:
            if np.isnan(features).any():
                raise ValueError("the features have gaps: impute them before they are regressed on the nuisance")
            self.imputer_ = SimpleImputer(strategy="median", keep_empty_features=True).fit(nuisance)
            self.regression_ = LinearRegression().fit(self.imputer_.transform(nuisance), features)
            residual = features - self._explained(nuisance)
            self.explained_away_ = residual.std(axis=0) <= _ROUNDING * features.std(axis=0)
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """Return residual features, ``(n, n_features)``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        features, nuisance = self._split(X)
        if not self.n_nuisance:
            return features
        residual = features - self._explained(nuisance)
        residual[:, self.explained_away_] = 0.0
        return residual

    def _explained(self, nuisance: FloatArray) -> FloatArray:
        predicted = np.asarray(self.regression_.predict(self.imputer_.transform(nuisance)))
        return predicted.reshape(nuisance.shape[0], -1)

    def _split(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        n_features = X.shape[1] - self.n_nuisance
        return X[:, :n_features], X[:, n_features:]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
