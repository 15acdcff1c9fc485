"""What the arrays of a frozen biomarker are checked for."""

import numpy as np
import pytest

from bidsml.learn.normative_layout import are_places


@pytest.mark.parametrize("kind", ["int64", "uint8", "uint64"])
def test_places_are_each_once_and_in_order(kind):
    assert are_places(np.array([0, 2, 5], kind), 6)
    assert are_places(np.array([], kind), 0)
    for wrong in ([2, 0], [1, 1], [0, 6]):
        assert not are_places(np.array(wrong, kind), 6)


@pytest.mark.parametrize("wrong", [np.array([-1, 0]), np.array([0.0, 1.0]), np.array([[0, 1]]), np.array(0)])
def test_what_is_no_list_of_places(wrong):
    assert not are_places(wrong, 6)
