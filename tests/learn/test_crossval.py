from dataclasses import replace

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.crossval import cross_validate, headline_aggregate, pooled_value
from bidsml.learn.harmonise import ComBat
from bidsml.learn.metrics import METRICS
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, FeatureSet
from bidsml.spec import EstimatorSpec, FusionSpec

FIVE = {"outer": {"kind": "stratified", "folds": 5}}
FIXED_RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (10.0,)})


def run(data, *, estimator=FIXED_RIDGE, model="biomarker", design="stratified", features=None, spec=None):
    spec = spec or data.spec
    folds = [fold for fold in plan_folds(data.cohort, spec, seed=7) if fold.design == design]
    result = cross_validate(
        features or data.features, data.cohort, folds, spec=spec, estimator=estimator, model=model, seed=7
    )
    return result, folds


@pytest.mark.parametrize("p", [20, 200])
@pytest.mark.parametrize("classes", [2, 3])
def test_untuned_equals_a_hand_built_pipeline(simulate, p, classes):
    data = simulate(n=90, p=p, effect=0.7, classes=classes, cv=FIVE)
    result, folds = run(data)
    pipeline = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0))
    expected = cross_val_predict(
        pipeline,
        data.features.values,
        data.cohort.target,
        cv=[(fold.train, fold.test) for fold in folds],
        method="decision_function",
    )
    np.testing.assert_allclose(result.scores[0], expected.reshape(90, -1), atol=1e-8)
    if classes == 2:
        aucs = [roc_auc_score(data.cohort.target[f.test], expected[f.test]) for f in folds]
        np.testing.assert_allclose(result.fold_metrics["roc_auc"], aucs)


@pytest.mark.parametrize("p", [20, 200])
def test_tuned_equals_grid_search_on_the_inner_folds(simulate, p):
    data = simulate(n=90, p=p, effect=0.7, cv={**FIVE, "inner": {"folds": 4}})
    grid = {"alpha": (1000.0, 10.0, 0.1)}
    result, folds = run(data, estimator=EstimatorSpec(kind="ridge", grid=grid))
    for number, fold in enumerate(folds):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), RidgeClassifier()),
            {"ridgeclassifier__alpha": list(grid["alpha"])},
            scoring="roc_auc",
            cv=PredefinedSplit(fold.inner),
        ).fit(data.features.values[fold.train], data.cohort.target[fold.train])
        assert result.chosen[number]["alpha"] == search.best_params_["ridgeclassifier__alpha"]
        expected = search.decision_function(data.features.values[fold.test])
        np.testing.assert_allclose(result.scores[0, fold.test, 0], expected, atol=1e-8)


def test_regression_equals_a_hand_built_pipeline(simulate):
    data = simulate(n=90, p=200, classes=0, effect=0.7, cv=FIVE)
    result, folds = run(data)
    for fold in folds:
        model = make_pipeline(StandardScaler(), Ridge(alpha=10.0))
        model.fit(data.features.values[fold.train], data.cohort.target[fold.train])
        np.testing.assert_allclose(result.predictions[0, fold.test], model.predict(data.features.values[fold.test]))


def test_the_test_fold_chooses_nothing(simulate):
    """Other labels in a test fold change nothing of how that fold is predicted."""
    data = simulate(n=60, p=30, effect=0.5, cv=FIVE)
    tuned = EstimatorSpec(kind="ridge", grid={"alpha": (100.0, 1.0)})
    result, folds = run(data, estimator=tuned)
    fold = folds[2]
    target = data.cohort.target.copy()
    target[fold.test] = 1 - target[fold.test]
    changed = cross_validate(
        data.features,
        replace(data.cohort, target=target),
        folds,
        spec=data.spec,
        estimator=tuned,
        model="biomarker",
        seed=7,
    )
    np.testing.assert_array_equal(changed.scores[0, fold.test], result.scores[0, fold.test])
    assert changed.chosen[2] == result.chosen[2]


@pytest.mark.parametrize("p", [5, 150])
def test_weights_are_in_the_units_of_the_features(simulate, p):
    data = simulate(n=60, p=p, effect=1.0, cv=FIVE)
    result, folds = run(data)
    for number, fold in enumerate(folds):
        decisions = data.features.values @ result.weights[number, :, 0]
        difference = result.scores[0, fold.test, 0] - decisions[fold.test]
        np.testing.assert_allclose(difference, difference[0], atol=1e-9)  # the intercept
    metres = replace(data.features, values=data.features.values * 1000)
    other, _ = run(data, features=metres)
    np.testing.assert_allclose(other.weights * 1000, result.weights, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(other.patterns / 1000, result.patterns, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("p", [5, 150])
def test_patterns_are_covariances_with_the_decision(simulate, p):
    data = simulate(n=60, p=p, effect=1.0, cv=FIVE)
    result, folds = run(data)
    for number, fold in enumerate(folds):
        train = data.features.values[fold.train]
        decision = train @ result.weights[number, :, 0]
        expected = [np.cov(column, decision)[0, 1] / decision.var(ddof=1) for column in train.T]
        np.testing.assert_allclose(result.patterns[number, :, 0], expected, rtol=1e-7)


def test_a_suppressor_has_weight_but_no_pattern(simulate):
    """Haufe 2014, section 2.3: x0 = signal + noise, x1 = noise: needed for the decision, silent about the label."""
    data = simulate(n=400, p=2, cv=FIVE)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(400)
    values = np.column_stack([data.cohort.target + noise, noise + 0.1 * rng.standard_normal(400)])
    result, _ = run(data, features=replace(data.features, values=values))
    weight, pattern = result.weights.mean(axis=0)[:, 0], result.patterns.mean(axis=0)[:, 0]
    assert weight[1] < -0.5 * weight[0] < 0
    assert abs(pattern[1]) < 0.2 * pattern[0]


def test_nuisance_regression_happens_inside_the_fold(simulate):
    data = simulate(n=80, p=6, effect=1.0, cv=FIVE, nuisance={"regress": ["age", "sex"]})
    result, folds = run(data)
    for fold in folds:
        confounds = LinearRegression().fit(data.cohort.nuisance[fold.train], data.features.values[fold.train])
        residual = data.features.values - confounds.predict(data.cohort.nuisance)
        model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0))
        model.fit(residual[fold.train], data.cohort.target[fold.train])
        np.testing.assert_allclose(result.scores[0, fold.test, 0], model.decision_function(residual[fold.test]))


@pytest.mark.parametrize("design", ["stratified", "leave-site-out"])
def test_harmonising_and_then_regressing_happen_inside_the_fold(simulate, design):
    nuisance = {"harmonize": "combat", "preserve": ["age"], "regress": ["sex"]}
    data = simulate(n=80, p=6, n_sites=3, effect=1.0, missing=0.03, cv=FIVE, nuisance=nuisance)
    result, folds = run(data, design=design)
    site = np.unique(data.cohort.site, return_inverse=True)[1]
    age, sex = data.cohort.table["age"].to_numpy(), (data.cohort.table["sex"] == "M").to_numpy()
    for fold in folds:
        filled = SimpleImputer(strategy="median").fit(data.features.values[fold.train]).transform(data.features.values)
        given = np.column_stack([filled, site, age])
        harmonised = ComBat(2).fit(given[fold.train]).transform(given)
        confounds = LinearRegression().fit(sex[fold.train, None], harmonised[fold.train])
        residual = harmonised - confounds.predict(sex[:, None])
        model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0))
        model.fit(residual[fold.train], data.cohort.target[fold.train])
        np.testing.assert_allclose(result.scores[0, fold.test, 0], model.decision_function(residual[fold.test]))


def test_the_nuisance_model_is_not_harmonised(simulate):
    nuisance = {"columns": ["age", "sex"]}
    plain = simulate(n_sites=3, cv=FIVE, nuisance=nuisance)
    combat = simulate(n_sites=3, cv=FIVE, nuisance={**nuisance, "harmonize": "combat"})
    for model in ("nuisance", "majority"):
        np.testing.assert_array_equal(run(plain, model=model)[0].scores, run(combat, model=model)[0].scores)
    assert (run(plain)[0].scores != run(combat)[0].scores).any()


def test_the_nuisance_model_sees_the_nuisance_only(simulate):
    data = simulate(n=80, p=6, effect=5.0, cv=FIVE, nuisance={"columns": ["age", "sex"]})
    nuisance, _ = run(data, model="nuisance")
    assert nuisance.weights is None
    others = replace(data.features, values=np.random.default_rng(1).standard_normal(data.features.values.shape))
    np.testing.assert_array_equal(run(data, model="nuisance", features=others)[0].scores, nuisance.scores)
    assert nuisance.fold_metrics["roc_auc"].mean() < 0.75 < run(data)[0].fold_metrics["roc_auc"].mean()


def test_a_strong_confound_is_not_drowned_by_many_features(simulate):
    data = simulate(n=80, p=2000, cv=FIVE, nuisance={"columns": ["age"]})
    told = replace(
        data.cohort, nuisance=data.cohort.target[:, None] + 0.3 * np.random.default_rng(0).standard_normal((80, 1))
    )
    both, _ = run(
        replace(data, cohort=told), model="nuisance+biomarker", estimator=EstimatorSpec(kind="ridge", grid={})
    )
    assert both.fold_metrics["roc_auc"].mean() > 0.9


def test_majority_ranks_nobody(simulate):
    data = simulate(n=60, classes=3, cv=FIVE)
    result, folds = run(data, model="majority")
    np.testing.assert_array_equal(result.fold_metrics["roc_auc"], 0.5)
    assert pooled_value(result, folds, data.cohort, metric=METRICS["roc_auc"]) == 0.5
    outcome = simulate(n=60, classes=0, cv=FIVE)
    result, folds = run(outcome, model="majority")
    np.testing.assert_allclose(result.fold_metrics["r2"], 0, atol=1e-12)


def test_nuisance_models_without_nuisance_are_refused(simulate):
    with pytest.raises(AnalysisFileError, match="names none"):
        run(simulate(cv=FIVE), model="nuisance")


def test_features_must_cover_the_cohort_and_be_finite(simulate):
    data = simulate(cv=FIVE)
    short = replace(data.features, participant_id=data.features.participant_id[:-1], values=data.features.values[:-1])
    with pytest.raises(DataError, match="p059"):
        run(data, features=short)
    endless = replace(data.features, values=np.where(data.features.values > 2, np.inf, data.features.values))
    with pytest.raises(DataError, match="infinite"):
        run(data, features=endless)


def test_rows_are_matched_by_participant_not_by_place(simulate):
    data = simulate(effect=1, cv=FIVE)
    order = np.random.default_rng(0).permutation(60)
    shuffled = FeatureSet(
        tuple(data.features.participant_id[row] for row in order),
        data.features.names,
        data.features.values[order],
        data.features.blocks,
    )
    np.testing.assert_array_equal(run(data)[0].scores, run(data, features=shuffled)[0].scores)


def test_column_order_moves_weights_along_and_changes_no_score(simulate):
    data = simulate(p=100, effect=1, cv=FIVE)
    order = np.random.default_rng(0).permutation(100)
    mixed = replace(data.features, values=data.features.values[:, order])
    straight, other = run(data)[0], run(data, features=mixed)[0]
    np.testing.assert_allclose(other.scores, straight.scores, atol=1e-10)
    np.testing.assert_allclose(other.weights, straight.weights[:, order], atol=1e-10)


def test_swapping_the_positive_class_mirrors_the_scores(simulate):
    target = {"column": "dx", "positive": "class-0"}
    straight = simulate(effect=1, cv=FIVE)
    mirrored = simulate(effect=1, cv=FIVE, target=target)
    assert mirrored.cohort.classes == straight.cohort.classes[::-1]
    folds = plan_folds(straight.cohort, straight.spec, seed=7)
    results = [
        cross_validate(d.features, d.cohort, folds, spec=d.spec, estimator=FIXED_RIDGE, model="biomarker", seed=1)
        for d in (straight, mirrored)
    ]
    np.testing.assert_allclose(results[0].scores, -results[1].scores, atol=1e-12)
    np.testing.assert_allclose(results[0].fold_metrics["roc_auc"], results[1].fold_metrics["roc_auc"])


def test_a_dropped_feature_has_no_weight(simulate):
    data = simulate(p=4, effect=1, cv=FIVE)
    values = data.features.values.copy()
    values[:, 2] = 1.0
    values[::2, 3] = np.nan
    result, _ = run(data, features=replace(data.features, values=values))
    assert np.isnan(result.weights[:, 2:]).all() and np.isfinite(result.weights[:, :2]).all()


def test_small_or_few_folds_are_pooled(simulate):
    large, folds = run(simulate(n=60, cv=FIVE))
    data = simulate(n=60, cv=FIVE)
    assert headline_aggregate(large, folds, "roc_auc", cohort=data.cohort) == "fold mean"
    ten = {"outer": {"kind": "stratified", "folds": 20}}
    data = simulate(n=60, cv=ten)
    small, folds = run(data)
    assert headline_aggregate(small, folds, "roc_auc", cohort=data.cohort) == "pooled"
    data = simulate(n=60, cv={"outer": {"kind": "stratified", "folds": 4}})
    few, folds = run(data)
    assert np.isfinite(few.fold_metrics["roc_auc"]).all()
    assert headline_aggregate(few, folds, "roc_auc", cohort=data.cohort) == "pooled"
    data = simulate(n=20, cv={"outer": {"kind": "leave-one-out"}})
    alone, folds = run(data, design="leave-one-out")
    assert np.isnan(alone.fold_metrics["roc_auc"]).all()
    assert headline_aggregate(alone, folds, "roc_auc", cohort=data.cohort) == "pooled"
    expected = roc_auc_score(data.cohort.target, alone.scores[0, :, 0])
    assert pooled_value(alone, folds, data.cohort, metric=METRICS["roc_auc"]) == pytest.approx(expected)


def test_several_blocks_lie_side_by_side(simulate):
    data = simulate(p=10, effect=1, cv=FIVE)
    blocks = (FeatureBlock("a", "table", "", "vector", 0, 4), FeatureBlock("b", "table", "", "vector", 4, 10))
    unscaled = data.spec.model_copy(update={"fusion": FusionSpec(scale_blocks=False)})
    data = replace(data, spec=unscaled)
    np.testing.assert_allclose(run(data, features=replace(data.features, blocks=blocks))[0].scores, run(data)[0].scores)


@pytest.mark.parametrize("kind", ["logistic", "linear_svm", "lda", "rbf_svm", "boosting"])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_classifier_finds_a_plain_effect(simulate, kind, classes):
    data = simulate(n=90, p=6, effect=3.0, classes=classes, cv={"outer": {"kind": "stratified", "folds": 3}})
    result, _ = run(data, estimator=EstimatorSpec(kind=kind, grid={}))
    assert result.scores.shape == (1, 90, 1 if classes == 2 else 3)
    # Of three classes in a row, no line tells the middle one from the rest.
    assert result.fold_metrics["roc_auc"].mean() > (0.85 if classes == 2 else 0.7)
    if result.probabilities is not None:
        np.testing.assert_allclose(result.probabilities.sum(axis=2), 1)
