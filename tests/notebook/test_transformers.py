"""The transformers that notebooks may use are scikit-learn's kind of estimators, by scikit-learn's own checks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import bidsml

PLAIN = ("ComBat", "MedianImputer", "NuisanceRegression", "UsableFeatures")


@parametrize_with_checks([getattr(bidsml, name)() for name in PLAIN])
def test_transformers_pass_every_check_of_scikit_learn(estimator, check):
    check(estimator)


def covariances_of(X):
    """Make upper triangles of positive definite matrices of any rows: ``(n, p)`` to ``(n, p * (p + 1) / 2)``."""
    matrices = 2 * np.eye(X.shape[1]) + np.tanh(X)[:, :, None] * np.tanh(X)[:, None, :]
    rows, columns = np.triu_indices(X.shape[1])
    return matrices[:, rows, columns]


class TangentOfAnything(TransformerMixin, BaseEstimator):
    """``TangentSpace`` behind a map from whatever scikit-learn's checks give to what it is made for."""

    def fit(self, X, y=None):
        X = validate_data(self, X, dtype=float)
        self.space_ = bidsml.TangentSpace().fit(covariances_of(X))
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self.space_.transform(covariances_of(validate_data(self, X, dtype=float, reset=False)))


# The checks give columns of any number and values of any kind. An upper triangle with its diagonal has 1, 3, 6, 10 …
# columns, and a covariance matrix is positive definite: what is neither is refused, as it should be.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_tangent_space_fails_only_checks_that_give_no_covariances():
    failed = {}
    space = bidsml.TangentSpace()
    for estimator, check in estimator_checks_generator(space):
        try:
            check(clone(estimator))
        except (ValueError, AssertionError, FloatingPointError) as error:
            failed[check.func.__name__] = f"{error} {error.__cause__ or ''} {error.__context__ or ''}"
    assert failed
    reasons = ("no upper triangle", "infs or NaNs", "Nan value after", "contains NaN", "negative input values")
    assert not {name: text for name, text in failed.items() if not any(reason in text for reason in reasons)}


@parametrize_with_checks([TangentOfAnything()])
def test_the_tangent_space_passes_every_check_on_covariances(estimator, check):
    check(estimator)


def test_it_maps_one_person_as_among_others():
    X = covariances_of(np.random.default_rng(0).standard_normal((12, 4)))
    space = bidsml.TangentSpace().fit(X)
    assert_allclose(space.transform(X[:1]), space.transform(X)[:1], rtol=1e-10)


def test_public_names_are_what_they_say():
    assert set(bidsml.__all__) <= set(dir(bidsml))
    for name in bidsml.__all__:
        assert getattr(bidsml, name) is not None
    with pytest.raises(AttributeError, match="cross_validat"):
        bidsml.cross_validat  # noqa: B018
