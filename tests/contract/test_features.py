"""The contract of a feature kind: an honest one passes, and each way to break it fails the check that names it."""

import pickle
import re
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from pydantic import BaseModel, Field

from bidsml.contract.features import check_description, check_extraction, check_feature_kind, list_cases
from bidsml.features import FeatureKind
from bidsml.records import FeatureVector


def extract_spread(data, *, block, options):
    """Measure the standard deviation of each region's signal."""
    return FeatureVector(
        block=block,
        kind="spread",
        measure=options.measure or "sd",
        names=data.regions,
        values=data.signals.std(axis=0),
        missing=dict(data.missing),
        atlas=data.atlas,
    )


HONEST = FeatureKind(
    name="spread",
    needs=frozenset({"signals"}),
    measures=("sd",),
    keys=frozenset({"atlas"}),
    summary="spread of each region's signal",
    units=("1",),
    function=extract_spread,
)


def test_an_honest_kind_passes_every_check():
    checks = check_feature_kind(HONEST)
    assert [check for check in checks if not check.passed] == []
    assert len(checks) == 6 + 9
    assert all(check.found for check in checks)


def broken(change):
    """The honest kind, with what it gives changed by a function of its vector and its input."""

    def extract(data, *, block, options):
        """Measure it wrongly."""
        return change(extract_spread(data, block=block, options=options), data)

    return replace(HONEST, function=extract)


def _remember_others(vector, data, seen=[]):  # noqa: B006 - what the check must catch
    seen.append(vector.values)
    return replace(vector, values=vector.values - np.mean(seen[:-1] or [np.zeros(4)], axis=0))


def _change_input(vector, data):
    data.signals[:] = 0
    return vector


def _read_file(vector, data):
    with tempfile.NamedTemporaryFile(prefix="another_person") as file:
        file.read()
    return vector


def _infinite(vector, data):
    return replace(vector, values=np.where(np.isnan(vector.values), np.inf, vector.values))


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        (lambda vector, data: vector.values, "gives a feature vector", "found ndarray"),
        (lambda vector, data: replace(vector, kind="other"), "gives a feature vector", "must be"),
        (lambda vector, data: replace(vector, values=vector.values[:2]), "gives a feature vector", r"are \(2,\)"),
        (lambda vector, data: replace(vector, names=("a",) * 4), "gives a feature vector", "one name"),
        (lambda vector, data: replace(vector, missing={}), "NaN exactly", "doesn't say so"),
        (lambda vector, data: replace(vector, values=np.nan_to_num(vector.values)), "NaN exactly", "don't agree"),
        (_infinite, "NaN exactly", "infinite"),
        (
            lambda vector, data: replace(vector, names=tuple(f"{len(data.signals)}{name}" for name in vector.names)),
            "same names",
            "other names",
        ),
        (
            lambda vector, data: replace(vector, values=vector.values + np.random.default_rng().normal()),
            "deterministic",
            "other values",
        ),
        (_remember_others, "no look at other people", "another person was measured"),
        (
            lambda vector, data: replace(vector, values=np.where(np.isnan(vector.values), np.nan, 1.0)),
            "another person, other values",
            "same values",
        ),
        (_change_input, "leaves its input", "signals was changed"),
        (_read_file, "touches nothing else", "another_person"),
        (
            lambda vector, data: [pickle.loads(pickle.dumps(vector)), vector][1],  # noqa: S301 - what the check catches
            "touches nothing else",
            "pickle",
        ),
        (lambda vector, data: 1 / 0, "deterministic", "ZeroDivisionError"),
        (lambda vector, data: replace(vector, missing={"r1": object()}), "without pickle", ""),
    ],
)
def test_each_breach_fails_the_check_that_names_it(change, check, words):
    checks = check_extraction(broken(change), measure="sd", need="signals")
    (failed,) = [one for one in checks if check in one.name]
    assert not failed.passed
    assert re.search(words, failed.found)


class Settings(BaseModel, extra="forbid"):
    lag: int = Field(1, ge=1, description="Lag in volumes.")


class Loose(BaseModel):
    lag: int = Field(1, description="Lag in volumes.")


class Silent(BaseModel, extra="forbid"):
    lag: int = 1


class Demanding(BaseModel, extra="forbid"):
    lag: int = Field(description="Lag in volumes.")


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        ({"summary": ""}, "summary", "one line"),
        ({"units": ()}, "units", "one unit per measure"),
        ({"needs": frozenset({"dreams"})}, "needs", "found ['dreams']"),
        ({"needs": frozenset()}, "needs", "must name parts"),
        ({"keys": frozenset({"lag"})}, "keys", "lag"),
        ({"function": lambda data, *, block, options: None}, "docstring", "no docstring"),
        ({"settings": Loose}, "options", "forbid"),
        ({"settings": Silent}, "options", "without a description"),
        ({"settings": Demanding}, "options", "Field required"),
    ],
)
def test_what_a_kind_says_of_itself_is_checked(change, check, words):
    (failed,) = [one for one in check_description(replace(HONEST, **change)) if not one.passed]
    assert failed.name == check
    assert words in failed.found


def test_options_that_fit_a_model_pass():
    assert all(one.passed for one in check_description(replace(HONEST, settings=Settings)))


def test_every_measure_is_tried_from_every_part_but_a_ready_matrix_from_the_first_only():
    kind = replace(HONEST, measures=("a", "b"), needs=frozenset({"signals", "matrix"}))
    assert list_cases(kind) == [("a", "matrix"), ("a", "signals"), ("b", "signals")]


def test_a_part_that_nobody_simulates_is_said():
    kind = replace(HONEST, needs=frozenset({"dreams"}))
    assert not any(check.passed for check in check_extraction(kind, measure="sd", need="dreams"))
