import numpy as np
import pandas as pd
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.cohort import build_cohort, encode_columns

PEOPLE = [f"{number:02d}" for number in range(12)]


def table(**columns):
    base = {
        "participant_id": PEOPLE,
        "dx": ["b", "a"] * 6,
        "age": [str(20 + number) for number in range(12)],
        "sex": ["M", "F", "F"] * 4,
        "site": ["1", "2"] * 6,
    }
    return pd.DataFrame({**base, **columns}, dtype=object)


@pytest.fixture
def spec(make_spec):
    return make_spec(cv={"outer": {"kind": "stratified", "folds": 2}}, nuisance={"columns": ["age", "sex"]})


def test_rows_come_sorted_whatever_their_order(spec):
    shuffled = table().sample(frac=1, random_state=3)
    first, second = (build_cohort(rows, spec, available=PEOPLE) for rows in (table(), shuffled))
    assert first.participant_id == second.participant_id == tuple(PEOPLE)
    np.testing.assert_array_equal(first.target, second.target)
    np.testing.assert_array_equal(first.nuisance, second.nuisance)


def test_everyone_is_in_or_in_the_ledger_with_their_gate(make_spec):
    spec = make_spec(
        target={"column": "dx", "classes": ["a", "b"]},
        cohort={"include": "age >= 22", "site": "site"},
        cv={"outer": {"kind": "stratified", "folds": 2}},
    )
    dx = ["b", "a"] * 6
    dx[2], dx[3] = None, "c"
    age = [str(20 + number) for number in range(12)]
    age[4] = None
    site = ["1", "2"] * 6
    site[5] = ""
    cohort = build_cohort(
        table(dx=dx, age=age, site=site),
        spec,
        available=[*PEOPLE[:10], "99"],
        failed={"10": "quality control: 2 minutes kept", "11": "no BOLD"},
    )
    gates = {row.participant_id: row.gate for row in cohort.attrition}
    assert gates == {
        "99": "table",
        "10": "quality control",
        "11": "failed",
        "02": "target",
        "03": "classes",
        "00": "include",
        "01": "include",
        "04": "include",
        "05": "site",
    }
    assert cohort.considered == 13 == len(cohort.attrition) + len(cohort.participant_id)
    assert {row.participant_id: row.label for row in cohort.attrition}["10"] == "b"


def test_the_positive_class_has_code_one(make_spec):
    for positive in ("a", "b"):
        spec = make_spec(
            target={"column": "dx", "positive": positive}, cv={"outer": {"kind": "stratified", "folds": 2}}
        )
        cohort = build_cohort(table(), spec, available=PEOPLE)
        assert cohort.classes[1] == cohort.positive == positive
        assert [cohort.classes[int(code)] for code in cohort.target] == ["b", "a"] * 6


def test_a_nuisance_column_of_one_level_is_kept_and_constant(spec):
    cohort = build_cohort(table(sex=["M"] * 12), spec, available=PEOPLE)
    assert cohort.nuisance_names == ("age", "sex[M]")
    assert set(cohort.nuisance[:, 1]) == {1.0}


def test_a_site_spelt_as_a_number_is_a_category(make_spec):
    spec = make_spec(
        cohort={"site": "site"}, cv={"outer": {"kind": "stratified", "folds": 2}}, nuisance={"columns": ["site"]}
    )
    cohort = build_cohort(table(site=["1", "2", "3"] * 4), spec, available=PEOPLE)
    assert cohort.nuisance_names == ("site[2]", "site[3]")


@pytest.mark.parametrize("role", ["columns", "preserve"])
def test_a_category_spelt_as_a_number_is_a_category(make_spec, role):
    scanner = ["35343", "0100", None] * 4
    nuisance = {role: ["scanner"], "harmonize": "combat"}
    sections = {"cohort": {"site": "site", "include": "scanner != 7"}, "cv": {"outer": {"folds": 2}}}
    for categories in ([], ["scanner"]):
        spec = make_spec(nuisance={**nuisance, "categories": categories}, **sections)
        cohort = build_cohort(table(scanner=scanner), spec, available=PEOPLE)
        names = encode_columns(cohort.table, ["scanner"])[1]
        assert names == (("scanner[35343]",) if categories else ("scanner",))
        assert cohort.nuisance_names == (names if role == "columns" else ())
        # Conditions compare numbers all the same; a missing one is included by none.
        assert len(cohort.participant_id) == 8


def test_nuisance_is_encoded_and_its_gaps_exclude_nobody(spec):
    sex = ["M", "F", "F"] * 4
    sex[0] = "n/a"
    cohort = build_cohort(table(sex=sex), spec, available=PEOPLE)
    assert cohort.nuisance_names == ("age", "sex[M]")
    assert cohort.nuisance_source == ("age", "sex")
    assert len(cohort.participant_id) == 12
    assert np.isnan(cohort.nuisance[0, 1]) and np.isnan(cohort.nuisance).sum() == 1
    np.testing.assert_array_equal(cohort.nuisance[1:, 1], [float(s == "M") for s in sex[1:]])


def test_participant_labels_stay_text(spec):
    cohort = build_cohort(table(), spec, available=PEOPLE)
    assert cohort.participant_id[7] == "07"


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        ({"dx": ["a"] * 12}, DataError, "one class"),
        ({"dx": ["a"] * 11 + ["b"]}, DataError, "fewer than 2 folds"),
        ({"participant_id": ["00", *PEOPLE[:11]]}, DataError, "more than once"),
        ({"participant_id": [None, *PEOPLE[1:]]}, DataError, "no participant_id"),
        ({"dx": [None] * 12}, DataError, "nobody is left"),
        ({"age": ["inf"] * 12}, DataError, "infinite"),
    ],
)
def test_bad_tables_are_refused(spec, columns, error, words):
    with pytest.raises(error, match=words):
        build_cohort(table(**columns), spec, available=PEOPLE)


def test_unknown_columns_and_classes_get_near_names(make_spec):
    with pytest.raises(AnalysisFileError) as caught:
        build_cohort(table(), make_spec(nuisance={"columns": ["agee"]}), available=PEOPLE)
    assert "'age'" in caught.value.hint
    with pytest.raises(AnalysisFileError, match=r"target\.positive"):
        build_cohort(table(), make_spec(target={"column": "dx", "positive": "z"}), available=PEOPLE)


def test_a_regression_needs_numbers(make_spec):
    regression = make_spec(
        target={"column": "dx", "task": "regression"}, cv={"outer": {"kind": "stratified", "folds": 2}}
    )
    with pytest.raises(DataError, match="participant 00 has 'b'"):
        build_cohort(table(), regression, available=PEOPLE)
    with pytest.raises(DataError, match="same value"):
        build_cohort(table(dx=["3.5"] * 12), regression, available=PEOPLE)


def test_fewer_units_than_folds(make_spec):
    spec = make_spec(cohort={"group": "site"}, cv={"outer": {"kind": "stratified", "folds": 3}})
    with pytest.raises(DataError, match="2 units are fewer than 3 folds"):
        build_cohort(table(), spec, available=PEOPLE)


def test_a_binary_metric_with_three_classes_is_refused(make_spec):
    spec = make_spec(cv={"outer": {"kind": "stratified", "folds": 2}}, inference={"primary_metric": "sensitivity"})
    with pytest.raises(AnalysisFileError, match="two classes"):
        build_cohort(table(dx=["a", "b", "c"] * 4), spec, available=PEOPLE)
