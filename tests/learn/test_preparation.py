import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator

from bidsml.errors import DataError
from bidsml.learn.preparation import MedianImputer, ModelInput, UsableFeatures
from bidsml.learn.prepared import prepare_split
from bidsml.records import FeatureBlock

RNG = np.random.default_rng(0)
TRAIN, TEST = np.arange(40), np.arange(40, 60)


def given(values, *, n_regressed=0, beside=None, max_missing=0.2):
    block = FeatureBlock("b", "table", "", "vector", 0, values.shape[1] - n_regressed)
    nothing = np.empty((len(values), 0))
    return ModelInput(values, (block,), n_regressed, nothing if beside is None else beside, max_missing)


def test_scikit_learn_conventions_hold():
    check_estimator(UsableFeatures())
    check_estimator(MedianImputer())


@pytest.mark.parametrize("n", [7, 8])
def test_the_imputer_gives_scikit_learns_numbers(n):
    values = np.random.default_rng(n).standard_normal((n, 30))
    values[np.random.default_rng(1).random(values.shape) < 0.3] = np.nan
    np.testing.assert_array_equal(
        MedianImputer().fit_transform(values), SimpleImputer(strategy="median").fit_transform(values)
    )


def test_constant_and_too_often_missing_features_are_dropped():
    values = RNG.standard_normal((60, 5))
    values[:, 1] = 3.0
    values[:9, 2] = np.nan  # 9 of 40 training rows: 0.225
    values[:8, 3] = np.nan  # 8 of 40: exactly the limit
    values[:40, 4] = np.nan
    split = prepare_split(given(values), TRAIN, TEST, rotate=False)
    np.testing.assert_array_equal(split.columns, [0, 3])
    np.testing.assert_allclose(split.train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(split.train.std(axis=0), 1)


@pytest.mark.parametrize("lost", [slice(0, 2), slice(2, 5)])
def test_a_block_may_lose_all_its_features(lost):
    values = RNG.standard_normal((60, 5))
    values[3, 1] = values[4, 3] = np.nan
    values[:20, lost] = np.nan
    blocks = (FeatureBlock("a", "table", "", "vector", 0, 2), FeatureBlock("b", "table", "", "vector", 2, 5))
    whole = ModelInput(values, blocks, 0, np.empty((60, 0)), 0.2)
    kept = np.setdiff1d(np.arange(5), np.arange(5)[lost])
    split = prepare_split(whole, TRAIN, TEST, rotate=False)
    alone = prepare_split(given(values[:, kept]), TRAIN, TEST, rotate=False)
    np.testing.assert_array_equal(split.columns, kept)
    np.testing.assert_array_equal(split.train, alone.train)
    np.testing.assert_array_equal(split.test, alone.test)


def test_constant_columns_may_be_kept_and_say_nothing():
    values = np.column_stack([np.full(60, 3.0), np.r_[np.full(40, np.nan), np.ones(20)]])
    block = FeatureBlock("nuisance", "table", "", "vector", 0, 2)
    split = prepare_split(
        ModelInput(values, (block,), 0, np.empty((60, 0)), 1.0, keep_constant=True), TRAIN, TEST, rotate=False
    )
    np.testing.assert_array_equal(split.columns, [0, 1])
    np.testing.assert_array_equal(split.train, 0)


def test_test_rows_change_nothing_about_training_rows():
    values = RNG.standard_normal((60, 80))
    values[RNG.random(values.shape) < 0.05] = np.nan
    wild = values.copy()
    wild[TEST] = 100 * RNG.standard_normal((20, 80))
    wild[TEST, 3] = np.nan
    first, second = (prepare_split(given(v), TRAIN, TEST, rotate=True) for v in (values, wild))
    np.testing.assert_array_equal(first.train, second.train)
    np.testing.assert_array_equal(first.columns, second.columns)


@pytest.mark.parametrize(
    "estimator",
    [
        Ridge(alpha=3.0),
        RidgeClassifier(alpha=0.1),
        RidgeClassifier(alpha=10.0, class_weight="balanced"),
        LogisticRegression(C=0.1, tol=1e-12, max_iter=100_000),
        LinearSVC(C=0.01, dual=False, tol=1e-13, max_iter=1_000_000),
    ],
    ids=lambda e: f"{type(e).__name__}-{getattr(e, 'class_weight', None)}",
)
def test_rotation_changes_no_decision(estimator):
    values = RNG.standard_normal((60, 300)) + 2
    label = (values[:, 0] + RNG.standard_normal(60) > 2).astype(int)
    decisions = []
    for rotate in (False, True):
        split = prepare_split(given(values), TRAIN, TEST, rotate=rotate, keep_basis=True)
        estimator.fit(split.train, label[TRAIN])
        decide = getattr(estimator, "decision_function", estimator.predict)
        decisions.append(decide(split.test))
        coefficients = np.ravel(estimator.coef_)
        decisions.append(split.basis @ coefficients if rotate else coefficients)
    # Iterative solvers stop at slightly different points: their tolerance, not rounding, is the limit.
    np.testing.assert_allclose(decisions[2], decisions[0], rtol=1e-8, atol=1e-8 * np.abs(decisions[0]).max())
    np.testing.assert_allclose(decisions[3], decisions[1], rtol=1e-7, atol=1e-7 * np.abs(decisions[1]).max())


def test_the_basis_is_the_same_whether_kept_or_not():
    values = RNG.standard_normal((60, 300))
    kept, dropped = (prepare_split(given(values), TRAIN, TEST, rotate=True, keep_basis=keep) for keep in (True, False))
    assert dropped.basis is None and kept.train.shape == (40, 40)
    np.testing.assert_allclose(kept.train @ kept.train.T, dropped.train @ dropped.train.T, atol=1e-10)
    np.testing.assert_allclose(kept.test @ kept.train.T, dropped.test @ dropped.train.T, atol=1e-10)
    np.testing.assert_allclose(kept.basis.T @ kept.basis, np.eye(40), atol=1e-12)


def test_nuisance_beside_the_features_weighs_as_much_as_they_do():
    beside = RNG.standard_normal((60, 2)) * [1, 100]
    split = prepare_split(given(RNG.standard_normal((60, 50)), beside=beside), TRAIN, TEST, rotate=False)
    assert split.train.shape == (40, 52)
    np.testing.assert_allclose(split.train[:, :50].var(axis=0).sum(), split.train[:, 50:].var(axis=0).sum())


def test_covariance_blocks_are_embedded_and_others_left_alone():
    rng = np.random.default_rng(3)
    roots = rng.standard_normal((60, 4, 30))
    matrices = roots @ roots.transpose(0, 2, 1)
    upper = np.triu_indices(4)
    values = np.hstack([matrices[:, upper[0], upper[1]], rng.standard_normal((60, 3))])
    blocks = (
        FeatureBlock("c", "connectome", "tangent", "covariance", 0, 10),
        FeatureBlock("t", "table", "", "vector", 10, 13),
    )
    split = prepare_split(ModelInput(values, blocks, 0, np.empty((60, 0)), 0.2), TRAIN, TEST, rotate=False)
    np.testing.assert_array_equal(split.columns, np.arange(13))
    alone = prepare_split(given(values[:, 10:]), TRAIN, TEST, rotate=False)
    np.testing.assert_allclose(split.test[:, 10:], alone.test)


def test_no_usable_feature_is_an_error_that_says_so():
    values = np.ones((60, 3))
    with pytest.raises(DataError, match="0 are missing for more than 20% of them, 3 are the same for everyone") as told:
        prepare_split(given(values), TRAIN, TEST, rotate=False)
    assert "max_missing" not in str(told.value)
    values[:, :2] = np.nan
    with pytest.raises(DataError, match="2 are missing for more than 20% of them, 1 are the same") as told:
        prepare_split(given(values), TRAIN, TEST, rotate=False)
    assert "raise cv.max_missing" in str(told.value)
