"""Tables of the group level, made of records."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from bidsml.records import Attrition, Cohort, Fold, LeakageCheck, PermutationNull
from bidsml.steps.publication import _write_permutations, cohort_table, folds_table, leakage_table


def cohort(classes=("control", "patient")) -> Cohort:
    table = pd.DataFrame({"participant_id": ["01", "03", "04"]})
    return Cohort(
        table=table,
        target=np.array([0.0, 1.0, 0.0]) if classes else np.array([1.5, 2.5, 3.5]),
        classes=classes,
        positive="patient" if classes else "",
        unit=("01", "03", "04"),
        site=(),
        nuisance=np.empty((3, 0)),
        nuisance_names=(),
        nuisance_source=(),
        attrition=(Attrition("02", "failed", "truncated", "patient"), Attrition("00", "target", "is missing")),
        considered=5,
    )


def test_the_cohort_table_has_everyone_once_in_order():
    found = cohort_table(cohort())
    assert found["participant_id"].tolist() == ["sub-00", "sub-01", "sub-02", "sub-03", "sub-04"]
    assert found["included"].tolist() == ["no", "yes", "no", "yes", "yes"]
    assert found["label"].tolist() == ["n/a", "control", "patient", "patient", "control"]


def test_a_regression_shows_the_outcome_itself():
    inside = cohort_table(cohort(classes=())).query("included == 'yes'")
    assert inside["label"].tolist() == [1.5, 2.5, 3.5]


def test_folds_give_each_row_its_part():
    fold = Fold("stratified", 1, 2, "fold-3", np.array([0, 2]), np.array([1]), np.array([1, 0]))
    found = folds_table([fold], cohort()).set_index("participant_id")
    assert found.loc["sub-03", "role"] == "test"
    assert found.loc[["sub-01", "sub-04"], "inner_fold"].tolist() == [1, 0]
    assert pd.isna(found.loc["sub-03", "inner_fold"])
    assert set(found[["repeat", "fold"]].itertuples(index=False, name=None)) == {(1, 2)}


def test_the_leakage_table_lists_what_passed_too_in_the_order_of_the_audit():
    checks = (
        LeakageCheck("split-units", "passed", "None of 3 units."),
        LeakageCheck("label-site", "warned", "Cramér's V 0.6.", "leave sites out", "alarm"),
    )
    found = leakage_table(SimpleNamespace(leakage=checks))
    assert found.columns.tolist() == ["check", "status", "evidence", "advice", "severity"]
    assert found["check"].tolist() == ["split-units", "label-site"]
    assert found["severity"].tolist() == ["none", "alarm"]
    assert found["advice"].tolist() == [None, "leave sites out"]
    assert leakage_table(SimpleNamespace(leakage=())).columns.tolist() == found.columns.tolist()


def test_permutations_of_unequal_length_keep_their_draws_and_fields(tmp_path):
    full = PermutationNull(
        "ridge", "stratified", "r2", "pooled", 0.5, np.arange(5.0), "free", 0, engine="fast", p_tail=1e-6
    )
    short = PermutationNull("svr", "stratified", "r2", "pooled", 0.1, np.arange(3.0), "free", 0, stopped=True)
    archive = np.load(_write_permutations(tmp_path / "p.npz", (full, short)), allow_pickle=False)
    assert archive["n_draws"].tolist() == [5, 3] and archive["stopped"].tolist() == [False, True]
    np.testing.assert_array_equal(archive["null"], [[0, 1, 2, 3, 4], [0, 1, 2, np.nan, np.nan]])
    assert archive["engine"].tolist() == ["fast", "general"] and archive["p_tail"][0] == 1e-6
    assert np.isnan(archive["n_distinct"]).all() and not archive["exhaustive"].any()
