"""Free text becomes counts that nobody can read."""

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError
from bidsml.features import check_feature
from bidsml.features.text import N_BUCKETS, count_tokens, extract_text
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data


def counts(*texts, **keys):
    return np.array(list(count_tokens(texts, FeatureSpec(kind="text", columns=("note",), **keys)).values()))


def test_words_are_counted_over_all_columns():
    found = counts("Sleep, sleep; bad", "sleep")
    assert found.size == N_BUCKETS
    assert sorted(found[found > 0]) == [1, 3]
    np.testing.assert_array_equal(found, counts("bad sleep sleep SLEEP"))


@pytest.mark.parametrize("text", ["", "…!?", "   "])
def test_text_without_words_is_nothing_and_no_text_is_missing(text):
    assert (counts(text) == 0).all()
    assert np.isnan(counts(None)).all()
    np.testing.assert_array_equal(counts(None, "bad"), counts("bad"))


@pytest.mark.parametrize("text", ["schlaflos, müde – träumt", "眠れない 夜", "не спит", "👍 ok", "é" * 10_000])
def test_any_script_has_tokens(text):
    assert counts(text).sum() > 0
    assert counts(text, measure="characters").sum() > 0


def test_runs_of_words_and_of_characters():
    assert counts("not at all", ngram=3).sum() == 6
    assert counts("not at all", ngram=1).sum() == 3
    # A misspelling shares most of its runs of characters and no word.
    one, other = counts("schizophrenia", measure="characters"), counts("schizophrennia", measure="characters")
    assert np.minimum(one, other).sum() > 0.7 * one.sum()
    assert np.minimum(counts("schizophrenia"), counts("schizophrennia")).sum() == 0


def test_no_word_is_left_in_the_features():
    options = FeatureSpec(kind="text", columns=("note",))
    table = count_tokens(["grandmother Anna drank"], options)
    vector = extract_text(make_data(table=table), block="notes", options=options)
    assert not any(word in repr(vector).lower() for word in ("grandmother", "anna", "drank"))
    assert vector.values.sum() == 3


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "needs columns"),
        ({"columns": ("a", "a")}, "twice"),
        ({"columns": ("a",), "file": "{participant}.tsv"}, "a row per participant"),
        ({"columns": ("a",), "measure": "sentences"}, "no measure"),
    ],
)
def test_options_that_do_not_fit(keys, words):
    with pytest.raises(AnalysisFileError, match=words):
        check_feature(FeatureSpec(kind="text", **keys), 0)
