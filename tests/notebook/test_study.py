import doctest
import importlib

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from bidsml import cross_validate, make_study, permutation_test
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, UsageError
from bidsml.learn.crossval import cross_validate as cross_validate_model
from bidsml.learn.permutation import permute
from bidsml.learn.splits import plan_folds
from bidsml.notebook import load_study

N = 60


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    y = np.repeat(["control", "patient"], N // 2)
    X = pd.DataFrame(rng.standard_normal((N, 6)), columns=[f"f{n}" for n in range(6)])
    X["f0"] += 1.5 * (y == "patient")
    return X, y


@pytest.fixture
def nuisance():
    rng = np.random.default_rng(1)
    return pd.DataFrame({"age": rng.uniform(20, 60, N), "sex": rng.choice(["F", "M"], N)})


@pytest.mark.parametrize("name", ["study", "validation", "testing"])
def test_the_examples_of_the_docstrings_run(name):
    done = doctest.testmod(importlib.import_module(f"bidsml.notebook.{name}"))
    assert done.attempted and not done.failed


def test_a_study_gives_back_what_it_was_made_of(cohort):
    X, y = cohort
    X.iloc[3, 2] = np.nan
    study = make_study(X, y)
    assert_array_equal(study.X.to_numpy(), X.to_numpy())
    assert list(study.X.columns) == list(X.columns)
    assert study.y.tolist() == y.tolist()
    assert len(set(study.groups)) == N


def test_rows_are_matched_by_label_however_they_are_ordered(cohort):
    X, y = cohort
    X.index = [f"p{n:02d}" for n in range(N)]
    order = np.random.default_rng(2).permutation(N)
    study, shuffled = make_study(X, y), make_study(X.iloc[order], y[order])
    pd.testing.assert_frame_equal(study.X, shuffled.X)
    assert study.y.tolist() == shuffled.y.tolist()
    assert_array_equal(cross_validate(study, folds=5).scores, cross_validate(shuffled, folds=5).scores)


def test_numbers_survive_the_way_through_text(cohort):
    X, _ = cohort
    outcome = np.random.default_rng(3).standard_normal(N) * 1e-7
    study = make_study(X, outcome)
    assert study.spec.target.task == "regression"
    assert_array_equal(study.y.to_numpy(), outcome)


@pytest.mark.parametrize(
    ("labels", "task"),
    [([0, 1], "classification"), (["a", "b"], "classification"), (np.arange(30.0), "regression")],
)
def test_the_task_is_found(cohort, labels, task):
    y = np.resize(labels, N)
    assert make_study(cohort[0], y).spec.target.task == task


def test_the_numbers_are_those_of_the_rooms_below(cohort):
    """The command's steps call the same functions: what they give for a seed, a notebook gives."""
    X, y = cohort
    site = np.tile(["north", "south"], N // 2)
    study = make_study(X, y, site=site)
    test = permutation_test(cross_validate(study, folds=5, inner_folds=2, random_state=7), n_permutations=19)
    spec = test.study.spec
    folds = [fold for fold in plan_folds(study.cohort, spec, seed=7) if fold.design == "stratified"]
    given = {"spec": spec, "estimator": spec.estimators[0], "seed": 7}
    direct = cross_validate_model(study.features, study.cohort, folds, model="biomarker", **given)
    assert_array_equal(test.scores, direct.fold_metrics["roc_auc"])
    null = permute(study.features, study.cohort, folds, first_draw=0, n_draws=19, **given)
    assert_array_equal(test.permutation_scores, null.null)
    assert test.pvalue == null.p
    assert "within" in test.scheme
    assert {"stratified", "leave-site-out"} == set(test.table["design"])


def test_nuisance_columns_are_a_baseline_and_may_be_regressed_out(cohort, nuisance):
    study = make_study(*cohort, nuisance=nuisance, regress=["age"])
    assert study.spec.nuisance.columns == ("sex",) and study.spec.nuisance.regress == ("age",)
    table = cross_validate(study, folds=2, inner_folds=2).table
    assert {"biomarker", "nuisance", "nuisance+biomarker", "majority"} <= set(table["model"])


def test_groups_are_never_split(cohort):
    X, y = cohort
    families = np.repeat(np.arange(N // 2), 2)
    result = cross_validate(make_study(X, y, groups=families), folds=5)
    family = pd.Series(families.astype(str), index=result.study.X.index)
    tested = result.folds.assign(family=family.loc[result.folds["participant_id"]].to_numpy())
    assert (tested.groupby("family")["fold"].nunique() == 1).all()


def test_frames_of_a_result_hold_everyone(cohort):
    X, y = cohort
    result = cross_validate(make_study(X, y), "logistic", folds=5, repeats=2)
    assert result.scores.shape == (10,)
    assert result.score == pytest.approx(result.scores.mean())
    assert result.interval[0] < result.score < result.interval[1] <= 1
    assert len(result.predictions) == 2 * N
    assert set(result.predictions["prediction"]) == {"control", "patient"}
    right = (result.predictions["truth"] == result.predictions["prediction"]).mean()
    accuracy = result.table.set_index(["model", "metric"]).loc[("biomarker", "accuracy"), "estimate"]
    assert right == pytest.approx(accuracy, abs=1e-9)
    assert result.weights.set_index("feature")["pattern"].abs().idxmax() == "f0"
    assert result.folds.groupby("repeat")["participant_id"].nunique().tolist() == [N, N]


def test_drawings_and_reports_are_those_of_the_pages(cohort, tmp_path):
    X, y = cohort
    test = permutation_test(cross_validate(make_study(X, y), folds=5), n_permutations=19)
    for drawing in (test.plot_roc(), test.plot_scores(), test.plot_weights(), test.plot_null()):
        assert drawing._repr_svg_().startswith("<svg") and drawing.alt
    assert "f0" in test.plot_weights().alt
    assert test.plot_null().save(tmp_path / "null.svg").read_text() == test.plot_null().svg
    page = test.save_report(tmp_path / "report.html").read_text()
    assert f"{test.score:.2f}" in page and "Chance" in page
    assert f"p = {test.pvalue}" in test._repr_html_()


def test_hostile_names_are_escaped(cohort):
    X, y = cohort
    X = X.rename(columns={"f0": "<script>alert(1)</script>"})
    study = make_study(X, np.where(y == "control", "<b>", "<i>"))
    result = cross_validate(study, folds=5)
    for shown in (study._repr_html_(), result._repr_html_()):
        assert "<script>" not in shown and "<i>" not in shown


def test_a_regression_has_no_roc(cohort):
    X, _ = cohort
    outcome = X["f0"].to_numpy() + np.random.default_rng(4).standard_normal(N)
    result = cross_validate(make_study(X, outcome), folds=5)
    assert result.metric == "r2" and result.score > 0.2
    assert result.predictions["prediction"].corr(result.predictions["truth"]) > 0.5
    with pytest.raises(DataError, match="nothing to draw as roc"):
        result.plot_roc()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"groups": ["a"]}, UsageError, "differ in their rows"),
        ({"participant_id": ["a"]}, UsageError, "1 participant_id for 60 rows"),
        ({"regress": ["age"]}, UsageError, "regress names"),
        ({"harmonize": True}, AnalysisFileError, "needs cohort.site"),
        ({"positive": "pateint"}, AnalysisFileError, "pateint"),
    ],
)
def test_what_does_not_fit_is_refused(cohort, change, error, words):
    with pytest.raises(error, match=words):
        make_study(*cohort, **change)


def test_leakage_is_refused_here_too(cohort):
    X, y = cohort
    X["label"] = (y == "patient").astype(float)
    with pytest.raises(DataError, match="label"):
        cross_validate(make_study(X, y), folds=5)


def test_unknown_names_are_said(cohort):
    with pytest.raises(AnalysisFileError, match="rigde"):
        cross_validate(make_study(*cohort), "rigde")
    with pytest.raises(AnalysisFileError, match="r2"):
        cross_validate(make_study(*cohort), metric="r2")


def test_a_folder_that_is_no_output_is_said(tmp_path):
    with pytest.raises(MissingInputError, match="holds no finished participant"):
        load_study(tmp_path)
