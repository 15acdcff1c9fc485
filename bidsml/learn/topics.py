"""Counts of tokens as a few topics: TF-IDF and truncated SVD, fitted on training rows only."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from bidsml.records import FloatArray


class TokenTopics(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Weigh token counts by how rare they are (TF-IDF), and keep the leading directions (latent semantic analysis).

    Tokens of fewer than ``min_df`` training people are left out. A row is log(1 + count) × idf with
    idf = log((1 + n) / (1 + people with the token)) + 1, divided by its length, as scikit-learn has it
    (Spärck Jones 1972, doi 10.1108/eb026526; Deerwester 1990,
    doi 10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9). A text without a known token is 0 throughout; a
    row of NaN is a missing text, and stays NaN.

    Parameters
    ----------
    n_components
        Directions kept, at most; one less than there are training texts or tokens where that is fewer.
    min_df
        Fewest training people with a token that is kept.
    """

    def __init__(self, n_components: int = 50, min_df: int = 2) -> None:
        self.n_components = n_components
        self.min_df = min_df

    def fit(self, X: FloatArray, y: Any = None) -> Self:
        """Fit on training rows, counts ``(n, n_tokens)``, rows of NaN where a text is missing."""
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan")
        known = np.maximum(X[np.flatnonzero(~np.isnan(X).any(axis=1))], 0.0)
        people = (known > 0).sum(axis=0)
        self.vocabulary_ = np.flatnonzero(people >= max(1, self.min_df))
        self.idf_ = np.log((1 + len(known)) / (1 + people[self.vocabulary_])) + 1
        weighed = self._weigh(known)
        n_kept = min(self.n_components, *(size - 1 for size in weighed.shape))
        if n_kept < 1:
            # Nothing to learn from: one direction in which nobody differs, or the only token itself.
            self.components_ = np.ones((1, self.vocabulary_.size))
            return self
        svd = TruncatedSVD(n_kept, algorithm="arpack", random_state=0).fit(weighed)
        self.components_ = svd.components_
        return self

    def transform(self, X: FloatArray) -> FloatArray:
        """Return the texts' places in the directions, ``(n, n_kept)``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        missing = np.asarray(np.isnan(X).any(axis=1))
        topics = self._weigh(np.where(missing[:, None], 0.0, np.maximum(X, 0.0))) @ self.components_.T
        topics[missing] = np.nan
        return np.asarray(topics)

    def _weigh(self, counts: FloatArray) -> FloatArray:
        return np.asarray(_lengths_to_one(np.log1p(counts[:, self.vocabulary_]) * self.idf_))

    def state(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as plain arrays; see :meth:`from_state`."""
        check_is_fitted(self)
        return {
            "n_tokens": np.array(self.n_features_in_),
            "vocabulary": self.vocabulary_,
            "idf": self.idf_,
            "components": self.components_,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        """Make fitted topics of the arrays that :meth:`state` gave."""
        topics = cls()
        topics.n_features_in_ = int(state["n_tokens"])
        topics.vocabulary_, topics.idf_ = state["vocabulary"], state["idf"]
        topics.components_ = state["components"]
        return topics

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _lengths_to_one(rows: FloatArray) -> FloatArray:
    return np.asarray(normalize(rows)) if rows.size else rows
