from dataclasses import replace

import numpy as np

from bidsml.learn.crossval import cross_validate
from bidsml.learn.splits import plan_folds
from bidsml.learn.weights import summarise_weights
from bidsml.spec import EstimatorSpec


def summarise(data, kind="ridge", features=None):
    folds = plan_folds(data.cohort, data.spec, seed=1)
    result = cross_validate(
        features or data.features,
        data.cohort,
        folds,
        spec=data.spec,
        estimator=EstimatorSpec(kind=kind, grid={}),
        model="biomarker",
        seed=1,
    )
    return summarise_weights(result, features or data.features, data.cohort), result


FIVE = {"outer": {"kind": "stratified", "folds": 5}}


def test_the_planted_feature_leads_and_is_stable(simulate):
    weights, result = summarise(simulate(n=80, p=30, effect=2, cv=FIVE))
    assert np.abs(weights.pattern[:, 0]).argmax() == 0 and weights.stability[0, 0] == 1
    np.testing.assert_allclose(weights.weight, result.weights.mean(axis=0))
    assert weights.stability.min() >= 0.4 and weights.outputs == ("class-1",)


def test_features_never_used_are_nan_and_others_average_over_their_folds(simulate):
    data = simulate(n=60, p=4, effect=1, cv=FIVE)
    values = data.features.values.copy()
    values[:, 3] = 0
    weights, result = summarise(data, features=replace(data.features, values=values))
    assert np.isnan(weights.weight[3]).all() and np.isnan(weights.stability[3]).all()
    partial = result.weights.copy()
    partial[0, 1] = np.nan
    again = summarise_weights(replace(result, weights=partial), data.features, data.cohort)
    np.testing.assert_allclose(again.weight[1], result.weights[1:, 1].mean(axis=0))


def test_one_output_per_class_or_outcome(simulate):
    assert summarise(simulate(classes=3, cv=FIVE))[0].outputs == ("class-0", "class-1", "class-2")
    assert summarise(simulate(classes=0, cv=FIVE))[0].outputs == ("outcome",)


def test_a_forest_has_no_weights(simulate):
    assert summarise(simulate(n=30, p=3, cv={"outer": {"kind": "stratified", "folds": 2}}), "boosting")[0] is None
