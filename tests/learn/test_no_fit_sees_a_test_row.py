"""A spy at every fit: which rows of the cohort it was given, whatever was done to them on the way."""

from collections import Counter
from dataclasses import replace
from functools import wraps

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler

from bidsml.learn import fitting
from bidsml.learn.crossval import cross_validate
from bidsml.learn.embedding import TangentSpace
from bidsml.learn.harmonise import ComBat
from bidsml.learn.nuisance import NuisanceRegression
from bidsml.learn.permutation import permute
from bidsml.learn.preparation import MedianImputer, UsableFeatures
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, FeatureSet
from bidsml.spec import EstimatorSpec

TRANSFORMERS = (
    ColumnTransformer,
    TangentSpace,
    UsableFeatures,
    MedianImputer,
    ComBat,
    NuisanceRegression,
    StandardScaler,
)
ESTIMATORS = (LogisticRegression, RidgeClassifier)
TUNED = {
    "logistic": EstimatorSpec(kind="logistic", grid={"C": (0.01, 1.0)}),
    "ridge": EstimatorSpec(kind="ridge", grid={"alpha": (1.0, 100.0)}),
}


class Spy:
    """Knows a row by its bytes: rows of the cohort, and what each transformer makes of a row it knows."""

    def __init__(self, monkeypatch, *tables):
        self.number = {}
        self.splits = []
        self.fits = Counter()
        for table in tables:
            self.meet(table, range(len(table)))
        for kind in TRANSFORMERS:
            monkeypatch.setattr(kind, "transform", self.follow(kind.transform))
        monkeypatch.setattr(
            ColumnTransformer, "fit_transform", self.follow(self.watch(ColumnTransformer.fit_transform))
        )
        for kind in (*TRANSFORMERS[1:], *ESTIMATORS):
            monkeypatch.setattr(kind, "fit", self.watch(kind.fit))

    def meet(self, table, rows):
        for row, values in zip(rows, np.ascontiguousarray(table, dtype=float), strict=True):
            assert self.number.setdefault(values.tobytes(), row) == row, "two rows look alike: the spy cannot tell them"

    def recognise(self, table):
        return [self.number[values.tobytes()] for values in np.ascontiguousarray(table, dtype=float)]

    def watch(self, fit):
        @wraps(fit)
        def watched(model, X, *args, **kwargs):
            if not self.splits and isinstance(model, ESTIMATORS):
                return fit(model, X, *args, **kwargs)  # A metric's own: the calibration slope of the test rows' scores.
            train, test = self.splits[-1]
            seen = self.recognise(X)
            assert not set(seen) & set(test.tolist()), f"{type(model).__name__} was fitted on test rows"
            assert sorted(seen) == sorted(train.tolist())
            self.fits[type(model).__name__] += 1
            return fit(model, X, *args, **kwargs)

        return watched

    def follow(self, transform):
        @wraps(transform)
        def followed(model, X, *args, **kwargs):
            result = transform(model, X, *args, **kwargs)
            self.meet(result, self.recognise(X))
            return result

        return followed

    def during(self, function, rows_of):
        """Say to the fits of a call which rows train and which test."""

        @wraps(function)
        def called(*args, **kwargs):
            self.splits.append(rows_of(*args))
            try:
                return function(*args, **kwargs)
            finally:
                self.splits.pop()

        return called


def make_data(simulate):
    """Four sites, gaps, matrices to embed beside a table, confounds to regress out and a covariate to keep."""
    sections = {
        "nuisance": {"columns": ["age"], "regress": ["age", "sex"], "harmonize": "combat", "preserve": ["age"]},
        "cv": {"outer": {"kind": "stratified", "folds": 4}, "inner": {"folds": 3}},
    }
    data = simulate(n=60, p=4, n_sites=4, missing=0.05, effect=0.5, **sections)
    rng = np.random.default_rng(5)
    roots = rng.standard_normal((60, 3, 12))
    upper = np.triu_indices(3)
    matrices = (roots @ roots.transpose(0, 2, 1))[:, upper[0], upper[1]]
    blocks = (
        FeatureBlock("m", "connectome", "tangent", "covariance", 0, 6),
        FeatureBlock("t", "table", "", "vector", 6, 10),
    )
    names = tuple(f"f{number}" for number in range(10))
    values = np.hstack([matrices, data.features.values])
    values[np.isnan(values[:, 6:]).all(axis=1), 6] = 0.0
    nuisance = data.cohort.nuisance + [1e-3, 0] * rng.random((60, 1))
    features = FeatureSet(data.features.participant_id, names, values, blocks)
    return replace(data, features=features, cohort=replace(data.cohort, nuisance=nuisance))


def set_spy(monkeypatch, data):
    values = data.features.values
    spy = Spy(monkeypatch, values[:, :6], values[:, 6:], data.cohort.nuisance)
    prepare, fit_point = fitting.prepare_views, fitting.fit_point

    def prepared(given, train, test, **kwargs):
        spy.meet(given.values, range(len(given.values)))
        views = prepare(given, train, test, **kwargs)
        for split in views:
            spy.meet(np.vstack([split.train, split.test]), [*train, *test])
        return views

    monkeypatch.setattr(fitting, "prepare_views", spy.during(prepared, lambda given, train, test: (train, test)))
    rows = spy.during(fit_point, lambda split, target, point: (split.train_rows, split.test_rows))
    monkeypatch.setattr(fitting, "fit_point", rows)
    return spy


@pytest.mark.parametrize("kind", TUNED)
@pytest.mark.parametrize("model", ["biomarker", "nuisance+biomarker"])
def test_cross_validation(simulate, monkeypatch, kind, model):
    data = make_data(simulate)
    folds = plan_folds(data.cohort, data.spec, seed=3)
    spy = set_spy(monkeypatch, data)
    for design in ("stratified", "leave-site-out"):
        mine = [fold for fold in folds if fold.design == design]
        cross_validate(data.features, data.cohort, mine, spec=data.spec, estimator=TUNED[kind], model=model, seed=3)
    # Two designs of four folds; each fold is prepared once, and once for each of its three inner folds.
    n_preparations = 2 * 4 * (1 + 3)
    for transformer in (ColumnTransformer, TangentSpace, ComBat, NuisanceRegression):
        assert spy.fits[transformer.__name__] == n_preparations
    # Two grid points in three inner folds, then the one that was chosen.
    (estimator,) = {kind.__name__ for kind in ESTIMATORS} & set(spy.fits)
    assert spy.fits[estimator] == 2 * 4 * (2 * 3 + 1)


def test_permutation_one_by_one(simulate, monkeypatch):
    data = make_data(simulate)
    inference = data.spec.inference.model_copy(update={"engine": "general"})
    data = replace(data, spec=data.spec.model_copy(update={"inference": inference}))
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=3) if fold.design == "stratified"]
    spy = set_spy(monkeypatch, data)
    permute(
        data.features,
        data.cohort,
        folds,
        spec=data.spec,
        estimator=TUNED["logistic"],
        first_draw=0,
        n_draws=2,
        seed=3,
    )
    assert spy.fits["LogisticRegression"] == 3 * 4 * (2 * 3 + 1)


@pytest.mark.parametrize("leaky", ["preparation", "estimator"])
def test_the_spy_catches_a_leak(simulate, monkeypatch, leaky):
    data = make_data(simulate)
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=3) if fold.design == "stratified"]
    if leaky == "preparation":
        clean = ComBat.transform
        # As if test rows took part in their own harmonisation.
        monkeypatch.setattr(ComBat, "transform", lambda model, X: clean(model.fit(X), X))
    else:
        clean = fitting.fit_point

        def tested(split, target, point, *, recipe):
            return clean(replace(split, train=split.test, train_rows=split.test_rows), target, point, recipe=recipe)

        monkeypatch.setattr(fitting, "fit_point", tested)
    set_spy(monkeypatch, data)
    with pytest.raises(AssertionError, match="was fitted on test rows"):
        cross_validate(
            data.features,
            data.cohort,
            folds,
            spec=data.spec,
            estimator=TUNED["logistic"],
            model="biomarker",
            seed=3,
        )
