"""Items of questionnaires and free text, read for one participant."""

import json

import numpy as np
import pytest

from bidsml.bids.items import read_items, read_texts
from bidsml.bids.tables import read_row, table_files
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.spec import FeatureSpec

DICTIONARY = {
    "q1": {"Levels": {"1": "never", "2": "sometimes", "4": "always"}},
    "q2": {"MinValue": "0", "MaxValue": "10"},
    "q3": {"Minimum": 0, "Maximum": 3},
    "total": {"Description": "the sum", "Derivative": True},
    "note": {"Description": "what they said"},
    "MeasurementToolMetadata": {"TermURL": "https://example.org"},
}
TABLE = (
    "participant_id\tq1\tq2\tq3\tq4\ttotal\tnote\n"
    "sub-01\t1\t7\tn/a\t5\t13\tslept badly\n"
    "sub-02\t4\t10\t0\t-2\t12\tn/a\n"
)


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "phenotype"
    folder.mkdir()
    (folder / "q.tsv").write_text(TABLE, encoding="utf-8")
    (folder / "q.json").write_text(json.dumps(DICTIONARY))
    return tmp_path


def questionnaire(**keys):
    return FeatureSpec(kind="questionnaire", file="phenotype/q.tsv", **keys)


def items(dataset, label="01", exclude=(), **keys):
    return read_items(questionnaire(**keys), label, bids_dir=dataset, derivatives={}, exclude=exclude)


def test_items_are_all_numbers_that_are_not_derived(dataset):
    found = items(dataset)
    np.testing.assert_equal(dict(found.values), {"q1": 1, "q2": 7, "q3": np.nan, "q4": 5})
    assert found.ranges == {"q1": (1, 4), "q2": (0, 10), "q3": (0, 3)}


def test_items_by_name_pattern_subscale_and_without_the_target(dataset):
    assert list(items(dataset, columns=("q[12]",)).values) == ["q1", "q2"]
    assert list(items(dataset, subscales={"a": ("q4", "q1")}).values) == ["q1", "q4"]
    assert list(items(dataset, exclude=("q2", "elsewhere")).values) == ["q1", "q3", "q4"]
    assert list(items(dataset, columns=("q*",), **{}).values) == ["q1", "q2", "q3", "q4"]


def test_without_a_dictionary_nothing_is_known_of_the_items(dataset):
    (dataset / "phenotype" / "q.json").unlink()
    found = items(dataset)
    assert set(found.values) == {"q1", "q2", "q3", "q4", "total"}
    assert not found.ranges


@pytest.fixture
def coded(dataset):
    """Answers 1 to 4, and codes for no answer among the levels, as of ds000030's acds_adult."""
    levels = dict.fromkeys(["8", "6", "3", "4", "2", "1", "9"], "")
    (dataset / "phenotype" / "q.json").write_text(json.dumps({name: {"Levels": levels} for name in ("q1", "q4")}))
    table = "participant_id\tq1\tq4\nsub-01\t1\t4\nsub-02\t9\t6\n"
    (dataset / "phenotype" / "q.tsv").write_text(table)
    return dataset


def test_codes_of_no_answer_are_missing_and_no_end_of_the_range(coded):
    found = items(coded, "02", no_answer=(6, 8, 9), reverse=("q4",))
    np.testing.assert_equal(dict(found.values), {"q1": np.nan, "q4": np.nan})
    assert found.ranges == {"q1": (1, 4), "q4": (1, 4)}
    np.testing.assert_equal(dict(items(coded, "02").values), {"q1": 9, "q4": 6})


def test_levels_that_cannot_be_turned_around_are_refused(coded):
    with pytest.raises(
        DataError, match="item 'q4' is to be reversed, and its levels are 1, 2, 3, 4, 6, 8, 9"
    ) as caught:
        items(coded, "01", reverse=("q4",))
    assert "no_answer = [...]" in caught.value.hint
    dictionary = {"q4": {"Levels": {"1": "", "4": "", "9": "none"}, "MinValue": 1, "MaxValue": 4}}
    (coded / "phenotype" / "q.json").write_text(json.dumps(dictionary))
    assert items(coded, "01", reverse=("q4",)).ranges == {"q4": (1, 4)}


def test_both_files_are_hashed(dataset):
    names = [path.name for path in table_files(questionnaire(), "01", bids_dir=dataset, derivatives={})]
    assert names == ["q.tsv", "q.json"]


@pytest.mark.parametrize(
    ("cell", "words"), [("9", "is 9; the dictionary beside it says 1 to 4"), ("often", "'often', which is no number")]
)
def test_an_answer_that_cannot_be_is_refused(dataset, cell, words):
    text = TABLE.replace("sub-01\t1", f"sub-01\t{cell}")
    (dataset / "phenotype" / "q.tsv").write_text(text)
    with pytest.raises(DataError, match=words):
        items(dataset, columns=("q1",))


def test_unknown_names_and_people(dataset):
    for keys in ({"columns": ("q9",)}, {"subscales": {"a": ("z*",)}}, {"reverse": ("q9",)}):
        with pytest.raises(AnalysisFileError, match="has no item"):
            items(dataset, **keys)
    with pytest.raises(AnalysisFileError, match="has no item"):
        read_items(questionnaire(exclude=("q9",)), "01", bids_dir=dataset, derivatives={})
    with pytest.raises(MissingInputError, match="participant 03 is not in"):
        items(dataset, "03")
    with pytest.raises(AnalysisFileError, match="no item"):
        items(dataset, columns=("q1",), exclude=("q1",))


def text(*columns, file="phenotype/q.tsv"):
    return FeatureSpec(kind="text", file=file, columns=columns)


def test_texts_and_gaps(dataset):
    assert read_texts(text("note"), "01", bids_dir=dataset, derivatives={}) == ("slept badly",)
    assert read_texts(text("note"), "02", bids_dir=dataset, derivatives={}) == (None,)


def test_a_row_of_text_holds_no_text(dataset):
    assert read_row(text("note"), "01", bids_dir=dataset, derivatives={}) == {}


def test_columns_that_are_no_text(dataset):
    with pytest.raises(AnalysisFileError, match="holds numbers, not text"):
        read_texts(text("q1"), "01", bids_dir=dataset, derivatives={})
    with pytest.raises(AnalysisFileError, match="has no column 'note2'"):
        read_texts(text("note2"), "01", bids_dir=dataset, derivatives={})
