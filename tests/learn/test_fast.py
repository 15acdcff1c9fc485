"""Kernels and solvers of the fast engine against the general preparation and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC, LinearSVC

from bidsml.learn.estimators import CATALOG
from bidsml.learn.fast.components import BlockFeatures
from bidsml.learn.fast.gram import make_kernels
from bidsml.learn.fast.solvers import COMPONENT_SOLVERS, make_solver
from bidsml.learn.fitting import Recipe
from bidsml.learn.metrics import METRICS
from bidsml.learn.preparation import ModelInput
from bidsml.learn.prepared import prepare_split
from bidsml.records import FeatureBlock


def make_input(n, p, *, n_nuisance=0, gaps=0.0, seed=0):
    rng = np.random.default_rng(seed)
    # A strong common factor and features of very different scale and offset.
    values = (rng.standard_normal((n, p)) + 3 * rng.standard_normal((n, 1))) * 10.0 ** rng.integers(-3, 4, p) + 5
    nuisance = rng.standard_normal((n, n_nuisance))
    values += nuisance @ rng.standard_normal((n_nuisance, p))
    values[rng.random(values.shape) < gaps] = np.nan
    if p > 3:
        values[:, 2] = 7.0
    block = FeatureBlock("x", "table", "", "vector", 0, p)
    return ModelInput(np.hstack([values, nuisance]), (block,), n_nuisance, np.empty((n, 0)), 0.3)


@pytest.mark.parametrize("gaps", [0.0, 0.1])
@pytest.mark.parametrize("n_nuisance", [0, 3])
@pytest.mark.parametrize("p", [5, 5000])
def test_a_kernel_is_the_product_of_the_prepared_features(p, n_nuisance, gaps):
    given = make_input(60, p, n_nuisance=n_nuisance, gaps=gaps)
    rows = np.random.default_rng(1).permutation(60)
    training = [np.sort(rows[:40]), np.sort(rows[10:])]
    for kernel, train in zip(make_kernels(given, training), training, strict=True):
        test = np.setdiff1d(np.arange(60), train)
        split = prepare_split(given, train, test, rotate=False)
        scale = np.abs(split.train @ split.train.T).max()
        # Part of the product is in single precision.
        np.testing.assert_allclose(kernel.train, split.train @ split.train.T, atol=1e-7 * scale)
        np.testing.assert_allclose(kernel.full[test], split.test @ split.train.T, atol=1e-7 * scale)
        assert kernel.n_features == split.train.any(axis=0).sum()


def test_no_test_row_reaches_a_training_kernel():
    given = make_input(50, 300, n_nuisance=2)
    train, test = np.arange(40), np.arange(40, 50)
    other = given.values.copy()
    other[test] = np.random.default_rng(9).standard_normal((10, other.shape[1])) * 100
    before, after = (make_kernels(one, [train])[0].train for one in (given, replace(given, values=other)))
    np.testing.assert_allclose(before, after, atol=1e-8 * np.abs(before).max())


EXACT = {"tol": 1e-10, "max_iter": 100_000}
CASES = {
    "ridge": ("ridge", RidgeClassifier(), [{"alpha": 100.0}, {"alpha": 1.0}]),
    "lda": ("lda", LinearDiscriminantAnalysis(solver="lsqr"), [{"shrinkage": 0.9}, {"shrinkage": 0.2}]),
    "logistic": (
        "logistic",
        LogisticRegression(tol=1e-10, max_iter=100_000),
        [{"C": c} for c in (1e-4, 0.01, 1.0)],
    ),
    "balanced": (
        "logistic",
        LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=100_000),
        [{"C": 0.01}],
    ),
    "squared hinge": ("linear_svm", LinearSVC(tol=1e-10, max_iter=10_000_000), [{"C": c} for c in (1e-4, 0.01)]),
    "hinge": ("hinge_svm", SVC(kernel="linear", tol=1e-10), [{"C": c} for c in (0.01, 0.1)]),
}


def prepare_for(kind, n_features, *, correlated, train):
    """Features of 120 people, and what a solver of such features is given."""
    rng = np.random.default_rng(3)
    values = rng.standard_normal((120, n_features))
    if correlated:
        values += rng.standard_normal((120, 5)) @ rng.standard_normal((5, n_features)) * 2
    blocks = (FeatureBlock("x", "table", "", "vector", 0, n_features),)
    given = ModelInput(values, blocks, 0, np.empty((120, 0)), 0.2)
    if n_features < len(train) and kind in COMPONENT_SOLVERS:
        return given, BlockFeatures(given, train).under(0)
    return given, make_kernels(given, [train])[0]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("n_features", [20, 800])
def test_decisions_are_scikit_learns(name, correlated, n_features):
    """Draw by draw to 1e-4 of the largest decision, and every label the same."""
    kind, estimator, points = CASES[name]
    train, test = np.arange(90), np.arange(90, 120)
    given, training = prepare_for(kind, n_features, correlated=correlated, train=train)
    split = prepare_split(given, train, test, rotate=True)
    rng = np.random.default_rng(4)
    signs = np.array([np.where(rng.permutation(90) < 35, 1.0, -1.0) for _ in range(20)])
    recipe = Recipe(CATALOG[kind], estimator, tuple(points), METRICS["roc_auc"], "classification", 2, weighted=False)
    many = make_solver(kind, training, [test], recipe=recipe)
    cross = make_kernels(given, [train])[0].full[test]
    fit = None
    for point in points:
        fit = many.fit(signs, point, start=fit)
        decisions = many.decide(fit, 0)
        np.testing.assert_allclose(fit.dual @ cross.T + fit.intercept[:, None], decisions, atol=1e-6)
        for draw in range(0, 20, 5):
            model = estimator.set_params(**point).fit(split.train, signs[draw])
            expected = model.decision_function(split.test)
            np.testing.assert_allclose(decisions[draw], expected, atol=1e-4 * np.abs(expected).max())
            np.testing.assert_array_equal(np.sign(decisions[draw]), np.sign(expected))
            trained = model.decision_function(split.train)
            apart = many.decide_training(fit)[draw] - trained
            np.testing.assert_allclose(apart, apart.mean(), atol=1e-4 * np.abs(trained).max())
