"""Contrasts become one feature per contrast and region."""

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.features import CATALOG
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data

EFFECTS = {"face-house": np.array([1.0, np.nan]), "all": np.array([3.0, 4.0])}
Z_VALUES = {name: 10 * values for name, values in EFFECTS.items()}


def extract(measure: str | None = None, contrasts: tuple[str, ...] = (), **fields: object):
    given = {"regions": ("a", "b"), "contrasts": EFFECTS, "contrasts_z": Z_VALUES, "missing": {"b": "outside"}}
    options = FeatureSpec(kind="task_contrast", measure=measure, contrasts=contrasts)
    return CATALOG["task_contrast"].extract(make_data(**{**given, **fields}), block="x", options=options)


def test_names_say_contrast_and_region() -> None:
    vector = extract()
    assert vector.names == ("face-house--a", "face-house--b", "all--a", "all--b")
    np.testing.assert_array_equal(vector.values, [1.0, np.nan, 3.0, 4.0])
    assert vector.missing == {"face-house--b": "outside", "all--b": "outside"}


def test_contrasts_and_measure_are_chosen() -> None:
    vector = extract("z", ("all",))
    assert vector.names == ("all--a", "all--b")
    np.testing.assert_array_equal(vector.values, [30.0, 40.0])


def test_an_unknown_contrast_gets_near_names() -> None:
    with pytest.raises(AnalysisFileError, match="no contrast 'face-hose'") as caught:
        extract(contrasts=("face-hose",))
    assert "face-house" in caught.value.hint


def test_without_contrasts_there_is_nothing_to_measure() -> None:
    with pytest.raises(DataError, match="BOLD during a task"):
        extract(contrasts_z={}, measure="z")
