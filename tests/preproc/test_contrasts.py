"""Contrasts are read as weighted sums of trial types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm.contrasts import expression_to_contrast_vector

from bidsml.errors import AnalysisFileError
from bidsml.preproc.contrasts import parse_contrast

KNOWN = ("face", "house", "face-left", "two words", "n2")


@pytest.mark.parametrize(
    ("expression", "weights"),
    [
        ("face", {"face": 1}),
        ("face - house", {"face": 1, "house": -1}),
        ("face-house", {"face": 1, "house": -1}),
        ("face-left - house", {"face-left": 1, "house": -1}),
        ("(face + n2) / 2 - house", {"face": 0.5, "n2": 0.5, "house": -1}),
        ("2 * face - house * 2", {"face": 2, "house": -2}),
        ("-(face - two words)", {"face": -1, "two words": 1}),
        ("face + house - face", {"house": 1}),
        ("face - house + 1 - 1", {"face": 1, "house": -1}),
    ],
)
def test_weights(expression, weights):
    assert parse_contrast(expression, KNOWN) == pytest.approx(weights)


@pytest.mark.parametrize(
    "expression",
    ["", "face -", "face * house", "1 / face", "face + 1", "face - face", "face()", "face.real", "face / 0", "'face'",
     "True * face", "face if 1 else house", "__import__('os')", "face ** 2", "[face]"],
)  # fmt: skip
def test_what_is_no_weighted_sum_is_refused(expression):
    with pytest.raises(AnalysisFileError, match="weighted sum") as caught:
        parse_contrast(expression, KNOWN)
    assert "face - house" in caught.value.hint


def test_an_unknown_trial_type_gets_near_names():
    with pytest.raises(AnalysisFileError, match="no trial type 'hause'") as caught:
        parse_contrast("face - hause", KNOWN)
    assert "'house'" in caught.value.hint


def test_a_trial_type_may_be_called_like_a_stand_in():
    assert parse_contrast("_1_ - _0_", ("_0_", "_1_")) == {"_1_": 1, "_0_": -1}


@given(st.lists(st.integers(-9, 9), min_size=3, max_size=3).filter(any))
def test_nilearn_reads_the_same(weights):
    names = ["a", "b", "c"]
    expression = " + ".join(f"({weight}) * {name}" for weight, name in zip(weights, names, strict=True))
    found = parse_contrast(expression, names)
    assert [found.get(name, 0) for name in names] == expression_to_contrast_vector(expression, names).tolist()
