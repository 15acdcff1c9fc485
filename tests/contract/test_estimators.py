"""The contract of an estimator kind: bidsml's own keep it, and each breach fails the check that names it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB

from bidsml.contract.estimators import check_estimator_kind
from bidsml.learn.estimators import CATALOG, EstimatorKind
from bidsml.learn.estimators.kinds import BOTH, CLASSIFICATION


def build_ridge(task, *, class_weight, seed):
    """Build a ridge."""
    grid = {"alpha": (10.0, 1.0)}
    if task == "regression":
        return Ridge(random_state=seed), grid
    return RidgeClassifier(class_weight=None if class_weight == "none" else class_weight, random_state=seed), grid


HONEST = EstimatorKind(build_ridge, BOTH, linear=True, rotation_invariant=True, label="ridge")


def failures(kind, name="mine"):
    return {check.name: check.found for check in check_estimator_kind(name, kind) if not check.passed}


def test_an_honest_kind_passes():
    checks = check_estimator_kind("mine", HONEST)
    assert {check.name: check.found for check in checks if not check.passed} == {}
    assert len(checks) == 3 + 9 + 11


def _own(name):
    return pytest.param(name, marks=[pytest.mark.slow] if name in ("forest", "boosting") else [])


@pytest.mark.parametrize("name", [_own(name) for name in CATALOG.own])
def test_own_kinds_keep_the_contract(name):
    assert failures(CATALOG[name], name) == {}


def _with(model, grid=None):
    def build(task, *, class_weight, seed):
        """Build it."""
        return model, grid or {}

    return EstimatorKind(build, CLASSIFICATION, has_class_weight=False, label="x")


class Backwards(RidgeClassifier):
    def decision_function(self, X):
        return -super().decision_function(X)


class Changes(RidgeClassifier):
    def fit(self, X, y, sample_weight=None):
        X[:] = X - X.mean()
        return super().fit(X, y)


LINEAR = {"linear": True}


@pytest.mark.parametrize(
    ("kind", "check", "words"),
    [
        (replace(HONEST, label=""), "label", "in words"),
        (replace(HONEST, tasks=frozenset({"clustering"})), "tasks", "clustering"),
        (replace(HONEST, linear=False), "classification: linear or not", "linear is False"),
        (replace(HONEST, has_probabilities=True), "classification: probabilities", "not there"),
        (_with(LogisticRegression(), {"alpha": (1.0,)}), "classification: the grid fits the estimator", "alpha"),
        (_with(LogisticRegression(), {"C": ()}), "classification: the grid fits the estimator", "no values"),
        (_with(SGDClassifier(n_jobs=4)), "classification: one thread", "n_jobs"),
        (replace(_with(RidgeClassifier()), has_class_weight=True), "classification: class weights", "balanced"),
        (_with(SGDClassifier(max_iter=5)), "classification: deterministic", "random_state"),
        (replace(_with(Backwards()), **LINEAR), "classification: ranks people", "lower scores"),
        (replace(_with(Backwards()), **LINEAR), "classification: linear or not", "not features @ coef_"),
        (replace(_with(Changes()), **LINEAR), "classification: leaves its input as it is", "changed the features"),
        (_with(Ridge()), "classification: predicts", "none of the training classes"),
        (_with(GaussianNB()), "classification: can be frozen", "never kept"),
    ],
)
@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
def test_each_breach_fails_the_check_that_names_it(kind, check, words):
    found = failures(kind)
    assert words in found[check], found


def test_another_package_s_model_is_frozen_once_its_types_are_named():
    kind = replace(_with(GaussianNB()), has_probabilities=True, model_types=("sklearn.naive_bayes.GaussianNB",))
    assert failures(kind) == {}


def test_a_build_that_raises_is_told_with_its_place():
    def build(task, *, class_weight, seed):
        """Fail."""
        raise np.linalg.LinAlgError("singular")

    found = failures(EstimatorKind(build, CLASSIFICATION, label="x"))
    assert "LinAlgError: singular (test_estimators.py, line" in found["classification: predicts"]
