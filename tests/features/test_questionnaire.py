"""Questionnaires: reversed items, prorated subscales, gaps."""

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.items import read_items
from bidsml.errors import AnalysisFileError, DataError
from bidsml.features import check_feature
from bidsml.features.questionnaire import extract_questionnaire
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data

NAN = float("nan")


def score(answers, *, ranges=None, **keys):
    options = FeatureSpec(kind="questionnaire", file="phenotype/q.tsv", **keys)
    check_feature(options, 0)
    data = make_data(table=answers, ranges=ranges or dict.fromkeys(answers, (1.0, 5.0)))
    return extract_questionnaire(data, block="q", options=options)


def test_items_are_features_where_there_are_no_subscales():
    vector = score({"a": 1.0, "b": NAN, "c": 4.0}, reverse=("c",))
    assert vector.names == ("a", "b", "c")
    np.testing.assert_array_equal(vector.values, [1, NAN, 2])
    assert vector.missing == {"b": "n/a in the table"}


def test_a_gap_counts_as_the_mean_of_the_others():
    answers = {"a1": 1.0, "a2": 2.0, "a3": 4.0, "a4": NAN, "b1": 5.0}
    vector = score(answers, subscales={"a": ("a*",), "b": ("b1",)}, reverse=("a3",), max_missing=0.25)
    # 1, 2 and 6 − 4 = 2; the gap is 5/3.
    np.testing.assert_allclose(vector.values, [20 / 3, 5])
    mean = score(answers, subscales={"a": ("a*",)}, reverse=("a3",), max_missing=0.25, measure="mean")
    np.testing.assert_allclose(mean.values, [5 / 3])


@pytest.mark.parametrize(("n_missing", "known"), [(0, True), (1, True), (2, True), (3, False), (5, False)])
def test_more_gaps_than_allowed_leave_the_subscale_missing(n_missing, known):
    answers = {f"a{number}": NAN if number < n_missing else 3.0 for number in range(5)}
    vector = score(answers, subscales={"a": ("a*",)}, max_missing=0.4, indicators=True)
    assert vector.names == ("a", "a[missing]")
    np.testing.assert_array_equal(vector.values, [15.0 if known else NAN, n_missing / 5])
    assert bool(vector.missing) != known


def test_what_cannot_be_reversed_is_said():
    with pytest.raises(DataError, match="is to be reversed, and nothing says"):
        score({"a": 1.0}, ranges={"b": (0.0, 1.0)}, reverse=("a",))


def test_a_subscale_that_lost_its_items_is_no_feature():
    with pytest.raises(DataError, match="no item of subscale 'b'"):
        score({"a": 1.0}, subscales={"a": ("a",), "b": ("b",)})


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"file": None}, "needs file"),
        ({"file": "sub-{participant}.tsv"}, "needs file"),
        ({"subscales": {"a": ()}}, "no items"),
        ({"subscales": {"a": ("x",)}, "columns": ("y",)}, "no meaning"),
        ({"atlas": "power2011"}, "does not take 'atlas'"),
    ],
)
def test_options_that_do_not_fit(keys, words):
    with pytest.raises(AnalysisFileError, match=words):
        check_feature(FeatureSpec(**{"kind": "questionnaire", "file": "phenotype/q.tsv", **keys}), 0)


def test_the_barratt_scale_comes_out_as_its_dataset_scored_it(shared_data):
    root = shared_data("cnp_ds000030") / "ds000030"
    table = pd.read_csv(root / "phenotype" / "barratt.tsv", sep="\t", na_values="n/a")
    # Items 14, 18 and 27 as they are, the others turned around: as the .json beside the table says.
    numbers = {"nonplanning": (1, 7, 8, 10, 12, 13, 14, 15, 18, 27, 29)}
    numbers["motor"] = (2, 3, 4, 16, 17, 19, 21, 22, 23, 25, 30)
    options = FeatureSpec(
        kind="questionnaire",
        file="phenotype/barratt.tsv",
        subscales={name: tuple(f"barratt{number}" for number in mine) for name, mine in numbers.items()},
        reverse=tuple(f"barratt{number}" for number in (1, 7, 8, 9, 10, 12, 13, 15, 20, 29, 30)),
    )
    for row in table.to_dict("records"):
        found = read_items(options, row["participant_id"].removeprefix("sub-"), bids_dir=root, derivatives={})
        data = make_data(table=found.values, ranges=found.ranges)
        scored = extract_questionnaire(data, block="bis", options=options)
        np.testing.assert_array_equal(scored.values, [row["bis_2npimp"], row["bis_2motimp"]])
