import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from bidsml.learn.nuisance import NuisanceRegression

RNG = np.random.default_rng(0)
NUISANCE = RNG.standard_normal((60, 3))
FEATURES = RNG.standard_normal((60, 10)) + NUISANCE @ RNG.standard_normal((3, 10)) + 4


def test_scikit_learn_conventions_hold():
    check_estimator(NuisanceRegression())


def test_residuals_of_training_rows_are_centred_and_unrelated_to_the_nuisance():
    residual = NuisanceRegression(3).fit_transform(np.hstack([FEATURES, NUISANCE]))
    assert residual.shape == FEATURES.shape
    np.testing.assert_allclose(residual.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(NUISANCE.T @ residual, 0, atol=1e-10)


def test_agrees_with_the_projection_of_linear_algebra():
    both = np.hstack([FEATURES, NUISANCE])
    model = NuisanceRegression(3).fit(both[:40])
    design = np.column_stack([np.ones(60), NUISANCE])
    coefficients = np.linalg.pinv(design[:40]) @ FEATURES[:40]
    np.testing.assert_allclose(model.transform(both[40:]), FEATURES[40:] - design[40:] @ coefficients, atol=1e-10)


def test_test_rows_change_nothing_in_the_fit():
    both = np.hstack([FEATURES, NUISANCE])
    wild = both.copy()
    wild[40:] *= 1e3
    first, second = NuisanceRegression(3).fit(both[:40]), NuisanceRegression(3).fit(wild[:40])
    np.testing.assert_array_equal(first.transform(both), second.transform(both))


def test_a_feature_that_is_the_nuisance_becomes_zero_not_noise():
    both = np.hstack([FEATURES, NUISANCE[:, :1] * 3 - 2, NUISANCE])
    residual = NuisanceRegression(3).fit_transform(both)
    assert (residual[:, 10] == 0).all()


def test_missing_nuisance_is_imputed_by_the_training_median():
    gaps = NUISANCE.copy()
    gaps[::7, 0] = np.nan
    filled = np.where(np.isnan(gaps), np.nanmedian(gaps, axis=0), gaps)
    np.testing.assert_allclose(
        NuisanceRegression(3).fit_transform(np.hstack([FEATURES, gaps])),
        NuisanceRegression(3).fit_transform(np.hstack([FEATURES, filled])),
    )


def test_gaps_of_features_are_somebody_else_s_work():
    features = FEATURES.copy()
    features[3, 2] = np.nan
    with pytest.raises(ValueError, match="impute them before"):
        NuisanceRegression(3).fit(np.hstack([features, NUISANCE]))
