"""A frozen biomarker on newcomers: laid out in its own terms, judged without fitting it again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score

from bidsml.errors import DataError
from bidsml.learn.external import judge_newcomers
from bidsml.learn.frozen import apply, freeze
from bidsml.learn.newcomers import check_names, choose_newcomers, lay_out
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureSet, Provenance

PROVENANCE = Provenance("1", {}, 0, "general", (), "")
CV = {"outer": {"kind": "stratified", "folds": 4}, "inner": {"folds": 2}}
RIDGE = [{"kind": "ridge", "grid": {"alpha": [10.0]}}]


@pytest.fixture
def trained(simulate):
    def make(**more):
        sections = {"estimators": RIDGE, "cv": CV, "n": 60, "p": 6, "effect": 1.5, **more}
        data = simulate(**sections)
        folds = plan_folds(data.cohort, data.spec, seed=0)
        return data, freeze(data.features, data.cohort, folds, spec=data.spec, seed=0, dataset="here")

    return make


def others(simulate, **more):
    sections = {"estimators": RIDGE, "cv": CV, "n": 40, "p": 6, "effect": 1.5, "seed": 1, **more}
    return simulate(**sections)


def text_table(data):
    """The participants table as it was read: text cells."""
    table = data.cohort.table.copy()
    return pd.DataFrame({name: [str(cell) for cell in table[name]] for name in table}, dtype=object)


def brought(data, card, table=None, spec=None):
    spec = spec or data.spec
    table = text_table(data) if table is None else table
    rows, left = choose_newcomers(table, spec, available=data.cohort.participant_id, failed={})
    return lay_out(rows, data.features, card, spec, left=left)


def judged(model, people):
    return judge_newcomers(model, people, analysis="x", digest="d", provenance=PROVENANCE, seed=0)


def row(result, metric, model="frozen", design="external"):
    return next(r for r in result.performance if (r.metric, r.model, r.design) == (metric, model, design))


def test_figures_are_those_of_scikit_learn(trained, simulate):
    _, model = trained()
    data = others(simulate)
    result = judged(model, brought(data, model.card))
    scores = apply(model, data.features.values, np.empty((40, 0))).scores[:, 0]
    np.testing.assert_array_equal(result.scores[:, 0], scores)
    auc = row(result, "roc_auc")
    assert auc.estimate == pytest.approx(roc_auc_score(data.cohort.target, scores))
    assert auc.low < auc.estimate < auc.high
    assert auc.interval == "unit bootstrap"
    assert auc.n == 40


def test_recalibration_is_logistic_regression_beside_the_frozen_model(trained, simulate):
    _, model = trained()
    data = others(simulate, effect=0.7)
    result = judged(model, brought(data, model.card))
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(result.scores, data.cohort.target)
    expected = reference.predict_proba(result.scores)[:, 1]
    # Both are converged optimisers of one convex function.
    np.testing.assert_allclose(result.recalibrated, expected, atol=1e-4)
    assert result.recalibrated.mean() == pytest.approx(data.cohort.target.mean(), abs=1e-4)
    said = row(result, "brier", model="frozen, recalibrated on this data")
    assert said.estimate == pytest.approx(np.mean((expected - data.cohort.target) ** 2), abs=1e-4)
    assert "never instead" in said.note


def test_labels_that_scores_separate_are_not_recalibrated(trained, simulate):
    data, model = trained()
    people = brought(data, model.card)
    scores = apply(model, people.values, people.beside).scores[:, 0]
    result = judged(model, replace(people, target=(scores > np.median(scores)).astype(float)))
    assert result.recalibrated is None
    assert row(result, "roc_auc").estimate == 1


def test_a_regression_is_judged_against_the_training_mean(trained, simulate):
    _, model = trained(classes=0)
    data = others(simulate, classes=0)
    result = judged(model, brought(data, model.card))
    mean = float(model.arrays["target_mean"])
    errors = ((data.cohort.target - result.predictions) ** 2).sum()
    assert row(result, "r2").estimate == pytest.approx(1 - errors / ((data.cohort.target - mean) ** 2).sum())
    slope, intercept = np.polyfit(result.predictions, data.cohort.target, 1)
    assert row(result, "calibration_slope").estimate == pytest.approx(slope)
    np.testing.assert_allclose(result.recalibrated, intercept + slope * result.predictions)
    recalibrated = row(result, "r2", model="frozen, recalibrated on this data").estimate
    assert recalibrated >= row(result, "r2").estimate
    assert r2_score(data.cohort.target, result.recalibrated) > 0


def test_sites_have_their_own_figures_where_they_are_large_enough(trained, simulate):
    _, model = trained()
    data = others(simulate, n=60, n_sites=2)
    table = text_table(data)
    table.loc[table.index[:3], "site"] = "tiny"
    result = judged(model, brought(data, model.card, table=table))
    by_site = {r.design: r for r in result.performance if "site" in r.design}
    assert set(by_site) == {"external, site site-0", "external, site site-1", "external, site tiny"}
    members = (table["site"] == "site-0").to_numpy()
    expected = roc_auc_score(data.cohort.target[members], result.scores[members, 0])
    assert by_site["external, site site-0"].estimate == pytest.approx(expected)
    assert np.isnan(by_site["external, site tiny"].estimate)
    assert by_site["external, site tiny"].n == 0


def test_a_site_of_each_class_is_told(trained, simulate):
    """All patients from one scanner: an AUC of 1 may be the scanner's, and none of it can be told within sites."""
    _, model = trained()
    data = others(simulate, effect=40.0, cohort={"site": "site"}, n_sites=2)
    apart = [f"site-{code:.0f}" for code in data.cohort.target]
    said = judged(model, brought(data, model.card, table=text_table(data).assign(site=apart)))
    told = [line for line in said.warnings if "Site and label go together here" in line]
    assert len(told) == 1 and "Cramér's V 1.00" in told[0]
    mixed = judged(model, brought(data, model.card))
    assert not any("Site and label" in line for line in mixed.warnings)


def test_a_figure_that_no_sample_changes_has_no_interval(trained, simulate):
    """A perfect AUC is 1 in every sample: an interval of 1 to 1 would say that nobody else can be told wrong."""
    _, model = trained()
    found = row(judged(model, brought(others(simulate, effect=40.0), model.card)), "roc_auc")
    assert found.estimate == 1
    assert np.isnan(found.low) and np.isnan(found.high) and not found.interval
    assert "same in every sample" in found.note


def test_relatives_are_drawn_together(trained, simulate):
    _, model = trained()
    data = others(simulate, rows_per_unit=4, n=48)
    together = row(judged(model, brought(data, model.card)), "roc_auc")
    alone = data.spec.model_copy(update={"cohort": data.spec.cohort.model_copy(update={"group": "participant_id"})})
    apart = row(judged(model, brought(data, model.card, spec=alone)), "roc_auc")
    assert together.estimate == apart.estimate
    assert together.high - together.low > apart.high - apart.low


@pytest.mark.parametrize("how", ["no column", "no values"])
def test_without_labels_there_are_predictions_and_no_figures(trained, simulate, how):
    _, model = trained()
    data = others(simulate)
    table = text_table(data).drop(columns="dx") if how == "no column" else text_table(data).assign(dx="n/a")
    result = judged(model, brought(data, model.card, table=table))
    assert np.isfinite(result.predictions).all()
    assert result.performance == ()
    assert "predictions only" in " ".join(result.warnings)


def test_someone_without_a_label_is_predicted_and_not_judged(trained, simulate):
    _, model = trained()
    data = others(simulate)
    table = text_table(data)
    table.loc[[0, 1], "dx"] = "n/a"
    table.loc[2, "dx"] = "something else"
    result = judged(model, brought(data, model.card, table=table))
    assert row(result, "roc_auc").n == 37
    assert result.predictions.size == 40
    assert "1 people are of no class of the model (something else)" in " ".join(result.warnings)


def test_classes_by_other_names_are_mapped_by_their_role(trained, simulate):
    _, model = trained()
    data = others(simulate)
    table = text_table(data).replace({"dx": {"class-0": "HC", "class-1": "CASE"}})
    with pytest.raises(DataError, match="holds CASE, HC; the model tells class-0 from class-1"):
        brought(data, model.card, table=table)
    target = data.spec.target.model_copy(update={"classes": ("CASE", "HC"), "positive": "CASE"})
    mapped = brought(data, model.card, table=table, spec=data.spec.model_copy(update={"target": target}))
    np.testing.assert_array_equal(mapped.target, data.cohort.target)


def test_features_of_other_names_are_refused_with_the_differences():
    with pytest.raises(DataError, match=r"1 lack \(b\); 1 are new \(x\)"):
        check_names(("a", "x"), ("a", "b"))
    with pytest.raises(DataError, match="order differs from number 2 on \\('c' in place of 'b'\\)"):
        check_names(("a", "c", "b"), ("a", "b", "c"))
    check_names(("a", "b"), ("a", "b"))


def test_other_levels_of_a_text_column_are_explained():
    """Of women alone, the table has no indicator of men; which level is not shown cannot be told."""
    with pytest.raises(DataError, match=r"1 lack \(sex\[M\]\); 1 are new \(sex\[F\]\)") as caught:
        check_names(("age", "sex[F]"), ("age", "sex[M]"))
    assert "code them as numbers (0, 1) in both tables" in caught.value.hint


NUISANCE = {"nuisance": {"regress": ["age", "sex"]}}


def test_nuisance_columns_are_coded_as_in_training(trained, simulate):
    data, model = trained(**NUISANCE)
    people = brought(data, model.card)
    np.testing.assert_array_equal(people.beside, data.cohort.nuisance)
    # Here everybody is a woman: the levels are training's, not this table's.
    table = text_table(data).assign(sex="F")
    assert (brought(data, model.card, table=table).beside[:, 1] == 0).all()


def test_a_level_that_training_did_not_know_is_missing(trained, simulate):
    data, model = trained(**NUISANCE)
    table = text_table(data)
    table.loc[0, "sex"] = "X"
    people = brought(data, model.card, table=table)
    assert np.isnan(people.beside[0, 1])
    assert "1 people have a sex that training did not know (X)" in " ".join(people.notes)
    assert np.isfinite(judged(model, people).scores).all()


def test_text_in_a_column_of_numbers_is_refused(trained):
    data, model = trained(**NUISANCE)
    table = text_table(data)
    table.loc[2, "age"] = "old"
    with pytest.raises(DataError, match=r"column 'age' must be a number.*p002 has 'old'"):
        brought(data, model.card, table=table)


def test_sites_are_numbered_as_in_training(trained, simulate):
    data, model = trained(n_sites=3, nuisance={"harmonize": "combat", "preserve": ["sex"]})
    table = text_table(data)
    people = brought(data, model.card, table=table)
    assert [f"site-{number:.0f}" for number in people.beside[:, 0]] == table["site"].tolist()
    table["site"] = table["site"].replace({"site-2": "new"})
    people = brought(data, model.card, table=table)
    assert (people.beside[:, 0] == -1).sum() == (table["site"] == "new").sum() > 0
    assert "sites that training did not know" in people.notes[0]
    assert "check that they are the same scanners" in people.notes[1]


def test_gates_are_counted_and_include_is_kept(trained, simulate):
    data, _ = trained(nuisance={"columns": ["age"]})
    cohort = data.spec.cohort.model_copy(update={"include": "age >= 40"})
    spec = data.spec.model_copy(update={"cohort": cohort})
    table = text_table(data)
    rows, left = choose_newcomers(
        table, spec, available=data.cohort.participant_id[5:], failed={"p000": "failed: disk full"}
    )
    assert set(rows["participant_id"]) == set(
        table[5:].query("age.astype('float') >= 40", engine="python")["participant_id"]
    )
    assert left[0] == "1 left: failed: disk full"
    assert left[1] == "4 left: no features were made"
    assert left[2].endswith("left: not (age >= 40)")
    with pytest.raises(DataError, match="nobody is left to predict"):
        choose_newcomers(table, spec, available=(), failed={})


def test_the_row_order_of_the_table_does_not_matter(trained, simulate):
    _, model = trained()
    data = others(simulate)
    shuffled = text_table(data).sample(frac=1, random_state=0)
    assert brought(data, model.card, table=shuffled).target.tolist() == data.cohort.target.tolist()
    assert isinstance(data.features, FeatureSet)
