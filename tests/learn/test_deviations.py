from dataclasses import replace

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.crossval import cross_validate, model_input, recipe_of
from bidsml.learn.deviations import follows_labels, normative_design, reference_flags
from bidsml.learn.exchange import plan_exchange
from bidsml.learn.final_fold import fold_of_everyone
from bidsml.learn.fitting import fit_fold, prepare_fold
from bidsml.learn.frozen import apply, freeze, score_newcomers
from bidsml.learn.newcomers import lay_out
from bidsml.learn.permutation import labellings, permute
from bidsml.learn.preparation import fit_preparation
from bidsml.learn.splits import plan_folds
from bidsml.learn.zscores import score_deviations
from bidsml.records import FrozenModel
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (1.0, 100.0)})
FIXED = EstimatorSpec(kind="ridge", grid={})
CV = {"outer": {"kind": "stratified", "folds": 4}, "inner": {"folds": 3}}
CONTROLS = {"columns": ["age", "sex"], "reference": "dx == 'class-0'"}


def data_of(simulate, normative=CONTROLS, **more):
    given = {"n": 80, "p": 6, "n_sites": 2, "normative": normative, "cv": CV, "missing": 0.03, **more}
    return simulate(**{"estimators": [{"kind": "ridge", "grid": {"alpha": [1.0]}}], **given})


def test_reference_people_follow_the_labels(simulate):
    data = data_of(simulate)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    assert follows_labels(data.spec)
    assert given.follows_labels
    assert given.n_features == 6
    swapped = given.for_labels(1 - data.cohort.target)
    np.testing.assert_array_equal(given.values[:, 7], data.cohort.target == 0)
    np.testing.assert_array_equal(swapped.values[:, 7], data.cohort.target == 1)
    np.testing.assert_array_equal(np.delete(swapped.values, 7, axis=1), np.delete(given.values, 7, axis=1))


@pytest.mark.parametrize("reference", [None, "age > 30"])
def test_other_references_do_not(simulate, reference):
    data = data_of(simulate, {"columns": ["age"], **({"reference": reference} if reference else {})})
    design = normative_design(data.cohort, data.spec)
    expected = np.ones(80) if reference is None else data.cohort.table["age"] > 30
    np.testing.assert_array_equal(design.columns[:, 1], expected)
    assert design.reference is None
    assert permute_one(data).engine == "fast"


def test_a_condition_may_name_more_than_the_target(simulate):
    data = data_of(simulate, {"reference": "dx == 'class-0' and age < 40"})
    expected = (data.cohort.target == 0) & (data.cohort.table["age"] < 40)
    np.testing.assert_array_equal(reference_flags(data.cohort, data.spec), expected)


def test_classes_that_are_numbers_are_told_too(simulate):
    data = data_of(simulate, {"reference": "dx == 1"})
    table = data.cohort.table.assign(dx=data.cohort.target + 1)
    cohort = replace(data.cohort, table=table, classes=("1", "2"))
    np.testing.assert_array_equal(reference_flags(cohort, data.spec), data.cohort.target == 0)


def test_a_reference_that_is_the_target_in_disguise_is_refused(simulate):
    data = data_of(simulate, {"reference": "sex == 'M'"})
    table = data.cohort.table.assign(sex=np.where(data.cohort.target == 1, "F", "M"))
    with pytest.raises(AnalysisFileError, match="does not name the target"):
        reference_flags(replace(data.cohort, table=table), data.spec)


def test_nobody_to_refer_to(simulate):
    with pytest.raises(AnalysisFileError, match="nobody of the 80 people"):
        data = data_of(simulate, {"reference": "age > 400"})
        normative_design(data.cohort, data.spec)


@pytest.mark.parametrize("wrong", ["age", "age >", "dx == 1"])
def test_a_condition_that_cannot_be_read_names_its_key(simulate, wrong):
    with pytest.raises(AnalysisFileError, match=r"normative\.reference"):
        data = data_of(simulate, {"reference": wrong})
        normative_design(data.cohort, data.spec)


def permute_one(data, n_draws=1, estimator=FIXED, folds=None):
    folds = folds or [fold for fold in plan_folds(data.cohort, data.spec, seed=0) if fold.design == "stratified"]
    return permute(
        data.features, data.cohort, folds, spec=data.spec, estimator=estimator, first_draw=0, n_draws=n_draws, seed=4
    )


def test_a_draw_is_what_its_labels_would_have_given(simulate):
    """What exactness rests on: the norm is refitted on the people whom the shuffled labels make its reference."""
    data = data_of(simulate, effect=0.5, missing=0.0)
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=0) if fold.design == "stratified"]
    null = permute_one(data, n_draws=2, estimator=RIDGE)
    assert null.engine == "general"
    exchange = plan_exchange(data.cohort, folds, data.spec)
    drawn = labellings(exchange, data.cohort.target, 0, 2, spec=data.spec, seed=4)[0]
    for statistic, labels in zip(null.null, drawn, strict=True):
        assert (labels != data.cohort.target).any()
        other = replace(data, cohort=replace(data.cohort, target=labels))
        assert statistic == pytest.approx(
            permute_one(other, n_draws=0, estimator=RIDGE, folds=folds).observed, abs=1e-12
        )


def test_the_fast_engine_is_refused_where_the_norm_follows_the_labels(simulate):
    with pytest.raises(AnalysisFileError, match="prepared anew for every draw"):
        permute_one(data_of(simulate, inference={"engine": "fast"}))


def test_draws_that_are_prepared_anew_are_what_scikit_learn_makes_of_them(simulate):
    auto, general = (
        permute_one(
            data_of(simulate, effect=0.3, missing=0.0, inference={"engine": engine}), n_draws=1, estimator=RIDGE
        )
        for engine in ("auto", "general")
    )
    np.testing.assert_allclose(auto.null, general.null, atol=1e-6)
    assert auto.observed == pytest.approx(general.observed, abs=1e-6)


def test_fast_and_general_agree_where_it_does_not(simulate):
    norm = {"columns": ["age"]}
    fast, general = (
        permute_one(data_of(simulate, norm, inference={"engine": engine}), n_draws=5) for engine in ("fast", "general")
    )
    np.testing.assert_allclose(fast.null, general.null, atol=1e-6)


def test_test_rows_change_nothing(simulate):
    """Whatever test people measure, and whatever they are labelled, the prepared training rows stay as they are."""
    data = data_of(simulate, missing=0.0)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    rng = np.random.default_rng(0)
    test, train = np.arange(20), np.arange(20, 80)
    other = given.values.copy()
    other[test, :6] = rng.standard_normal((20, 6)) * 50
    other[test, 7] = 1 - other[test, 7]
    one, two = (fit_preparation(replace(given, values=v), train).transform(given.values) for v in (given.values, other))
    np.testing.assert_array_equal(one, two)


def test_age_is_gone_from_what_models_learn(simulate):
    data = data_of(simulate, {"columns": ["age"]}, missing=0.0, n=200)
    age = data.cohort.table["age"].to_numpy()
    data.features.values[:] += (age[:, None] - 40) * np.linspace(-1, 1, 6)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    prepared = fit_preparation(given, np.arange(150)).transform(given.values[150:])
    correlation = np.corrcoef(np.column_stack([age[150:], prepared]).T)[0, 1:]
    # Of fifty people, by chance: standard deviation 0.14.
    assert np.abs(correlation).max() < 0.5


def test_cross_validation_runs_with_every_model(simulate):
    data = data_of(simulate, effect=2.0, nuisance={"columns": ["age"]})
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=0) if fold.design == "stratified"]
    for model in ("biomarker", "nuisance", "nuisance+biomarker", "majority"):
        result = cross_validate(data.features, data.cohort, folds, spec=data.spec, estimator=FIXED, model=model, seed=0)
        assert np.isfinite(result.predictions).all()
        if model == "biomarker":
            assert np.mean(result.fold_metrics["roc_auc"]) > 0.75


# ------------------------------------------------------------------ out of fold


def test_everyone_is_scored_by_a_norm_without_them(simulate):
    data = data_of(simulate)
    folds = plan_folds(data.cohort, data.spec, seed=0)
    found = score_deviations(data.features, data.cohort, folds, spec=data.spec)
    assert found.z.shape == (80, 6)
    np.testing.assert_array_equal(np.isnan(found.z), np.isnan(data.features.values))
    np.testing.assert_array_equal(found.reference, data.cohort.target == 0)
    moved = replace(data.features, values=data.features.values.copy())
    moved.values[3] += 100
    again = score_deviations(moved, data.cohort, folds, spec=data.spec)
    mine = next(fold for fold in folds if fold.design == found.design and 3 in fold.test)
    others = np.setdiff1d(mine.test, [3])
    np.testing.assert_array_equal(again.z[others], found.z[others])
    assert (again.z[3][~np.isnan(found.z[3])] > 20).all()


def test_someone_of_unknown_age_has_no_score(simulate):
    data = data_of(simulate, {"columns": ["age"]}, missing=0.0)
    table = data.cohort.table.assign(age=np.where(np.arange(80) == 5, np.nan, data.cohort.table["age"]))
    data = replace(data, cohort=replace(data.cohort, table=table))
    folds = plan_folds(data.cohort, data.spec, seed=0)
    found = score_deviations(data.features, data.cohort, folds, spec=data.spec)
    assert np.isnan(found.z).all(axis=1).nonzero()[0].tolist() == [5]


def test_no_norm_no_scores(simulate):
    data = simulate(n=40)
    assert (
        score_deviations(data.features, data.cohort, plan_folds(data.cohort, data.spec, seed=0), spec=data.spec) is None
    )


# ------------------------------------------------------------------ frozen


def frozen_of(data):
    folds = plan_folds(data.cohort, data.spec, seed=0)
    model = freeze(data.features, data.cohort, folds, spec=data.spec, seed=0, dataset="here")
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=0)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    prepared = prepare_fold(given, fold_of_everyone(folds, data.cohort), recipe=recipe)
    return model, given, fit_fold(prepared, data.cohort.target, recipe=recipe)


@pytest.mark.parametrize("p", [6, 70])
def test_the_frozen_model_is_the_pipeline(simulate, p):
    data = data_of(simulate, effect=1.0, p=p, n_sites=3)
    model, given, fit = frozen_of(data)
    assert model.card.normative.sites == ("site-0", "site-1", "site-2")
    assert [column.name for column in model.card.normative.columns] == ["age", "sex[M]"]
    beside = np.delete(given.values[:, p:], 1, axis=1)
    assert beside.shape[1] == model.card.n_beside
    said = apply(model, given.values[:, :p], beside)
    np.testing.assert_allclose(said.scores, fit.scores, rtol=0, atol=1e-9)
    one = apply(model, given.values[4:5, :p], beside[4:5])
    np.testing.assert_allclose(one.scores, said.scores[4:5], atol=1e-12)
    stranger = beside.copy()
    stranger[:, 0] = -1
    assert np.isfinite(apply(model, given.values[:, :p], stranger).scores).all()


def test_people_of_another_dataset_are_laid_out_for_the_norm(simulate):
    data = data_of(simulate, effect=1.0, missing=0.0, n_sites=3)
    model, given, fit = frozen_of(data)
    rows = data.cohort.table.copy()
    rows["age"] = [f"{age:g}" for age in rows["age"]]
    people = lay_out(rows.astype(object), data.features, model.card, data.spec, left=())
    said = apply(model, people.values, people.beside)
    np.testing.assert_allclose(said.scores, fit.scores, rtol=0, atol=1e-9)
    # The scores themselves are those of the norm that the pipeline holds; who lacks a covariate has none.
    z = score_newcomers(model, people.values, people.beside)
    preparation = fit_preparation(given, np.arange(len(given.values)))
    expected = preparation["normative"].transform(np.asarray(preparation["columns"].transform(given.values)))
    np.testing.assert_allclose(z, expected, rtol=0, atol=1e-9)
    gaps = people.beside.copy()
    gaps[3, 1] = np.nan
    assert np.isnan(score_newcomers(model, people.values, gaps)).all(axis=1).nonzero()[0].tolist() == [3]
    assert not any("sites" in note for note in people.notes)
    rows["site"] = ["elsewhere"] * 40 + rows["site"].tolist()[40:]
    moved = lay_out(rows.astype(object), data.features, model.card, data.spec, left=())
    assert any("40 people come from sites that training did not know" in note for note in moved.notes)
    assert (moved.beside[:40, 0] == -1).all()
    assert np.isfinite(apply(model, moved.values, moved.beside).scores).all()


def test_strangers_are_refused_where_the_analysis_says_so(simulate):
    data = data_of(simulate, {**CONTROLS, "unseen_site": "error"}, missing=0.0)
    model, given, _ = frozen_of(data)
    beside = np.delete(given.values[:, 6:], 1, axis=1)
    beside[0, 0] = -1
    with pytest.raises(DataError, match="1 of 80 rows"):
        apply(model, given.values[:, :6], beside)


@pytest.mark.parametrize(
    "broken",
    [
        {"normative_sites": np.array([0.0, 7.0])},
        {"normative_group0_slopes": np.zeros((1, 1))},
        {"normative_group0_variance": np.full(6, -1.0)},
        {"normative_covariate_knots": np.array([[3.0, 2.0, 1.0, 0.0]] * 2)},
        {"normative_group0_freedom": np.array(0)},
        {"normative_group0_columns": np.array([0, 1, 2, 3, 4, 99])},
        {"normative_group0_counts": np.zeros(2)},
        {"normative_n_features": np.array(5)},
        {"normative_covariate_median": None},
        {"normative_group0_own": None},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_arrays_that_do_not_fit_are_refused(simulate, broken):
    data = data_of(simulate, missing=0.0)
    model, given, _ = frozen_of(data)
    arrays = {name: array for name, array in {**model.arrays, **broken}.items() if array is not None}
    beside = np.delete(given.values[:, 6:], 1, axis=1)
    with pytest.raises(DataError, match="disagree"):
        apply(FrozenModel(model.card, arrays), given.values[:, :6], beside)
