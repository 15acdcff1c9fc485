"""People a model was trained on are found by name and by features; others are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.errors import DataError
from bidsml.learn.overlap import describe_people, find_overlap, refuse_overlap, round_digits


@pytest.fixture
def trained(simulate):
    data = simulate(n=20, p=12)
    return data, describe_people(data.cohort, data.features.values, salt="s", dataset="here")


def test_the_same_people_are_found_in_any_order(trained):
    data, people = trained
    labels = data.cohort.participant_id[::-1][:5]
    found = find_overlap(people, labels, np.random.default_rng(5).standard_normal((5, 12)), dataset="here")
    assert set(found.same_person) == set(labels)
    with pytest.raises(DataError, match="trained on 5 of these participants: sub-p015"):
        refuse_overlap(found)


def test_a_renamed_person_is_found_by_the_features(trained):
    data, people = trained
    # The last bits differ from machine to machine.
    values = data.features.values[3:5] * (1 + 1e-13)
    found = find_overlap(people, ("new1", "new2"), values, dataset="elsewhere")
    assert found.same_features == ("new1", "new2")
    assert not found.same_person
    with pytest.raises(DataError, match="sub-new1, sub-new2 by their features, under another name"):
        refuse_overlap(found)


def test_a_label_alone_is_another_person_in_another_dataset(trained):
    data, people = trained
    labels = data.cohort.participant_id[:3]
    found = find_overlap(people, labels, np.random.default_rng(5).standard_normal((3, 12)), dataset="elsewhere")
    assert found.same_label == labels
    refuse_overlap(found)


def test_strangers_are_strangers(trained):
    _, people = trained
    found = find_overlap(people, ("x", "y"), np.random.default_rng(5).standard_normal((2, 12)), dataset="here")
    assert found.same_person == found.same_features == found.same_label == ()


def test_few_or_whole_numbers_are_no_evidence(simulate):
    data = simulate(n=20, p=3)
    people = describe_people(data.cohort, data.features.values, salt="s", dataset="here")
    assert people.vectors == ()
    whole = np.random.default_rng(0).integers(0, 100, (20, 40)).astype(float)
    assert describe_people(data.cohort, whole, salt="s", dataset="here").vectors == ()
    found = find_overlap(people, ("a",), data.features.values[:1], dataset="elsewhere")
    assert found.same_features == ()


def test_missing_values_are_part_of_a_vector(trained):
    data, people = trained
    values = data.features.values[:1].copy()
    values[0, 0] = np.nan
    assert find_overlap(people, ("new",), values, dataset="x").same_features == ()
    gone = describe_people(data.cohort, np.repeat(values, 20, axis=0), salt="s", dataset="here")
    assert find_overlap(gone, ("new",), values, dataset="x").same_features == ("new",)


NUMBERS = st.floats(min_value=1e-20, max_value=1e20) | st.floats(min_value=-1e20, max_value=-1e-20)


@given(NUMBERS)
def test_digits_are_those_of_scientific_notation(value):
    mantissa, exponent = round_digits(np.array([value]))[:, 0]
    text = f"{value:.3e}"
    # A tie may go either way: 12.345 is none in binary.
    assert abs(int(mantissa) * 10.0 ** (int(exponent) - 3) - float(text)) <= 1.001 * 10.0 ** (int(exponent) - 3)
    assert 1000 <= abs(mantissa) <= 9999


def test_zero_missing_and_infinite_differ_from_each_other():
    zero, missing, one = round_digits(np.array([0.0, np.nan, 1.0])).T
    assert len({tuple(zero), tuple(missing), tuple(one)}) == 3
