"""Features of another dataset find their places under the model's names, or are refused."""

from types import SimpleNamespace

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.learn.matching import match_features
from bidsml.matrices import edge_names
from bidsml.records import FeatureBlock, FeatureSet


def made(*blocks, n=3):
    """Features 0, 1, 2 … of blocks ``(name, layout, names or nodes)``; row r adds 100 r."""
    names, told = [], []
    for name, layout, own in blocks:
        start = len(names)
        names += [f"{name}:{one}" for one in (own if layout == "vector" else edge_names(own, layout))]
        nodes = () if layout == "vector" else tuple(own)
        told.append(FeatureBlock(name, "kind", "value", layout, start, len(names), nodes))
    values = np.arange(len(names)) + 100.0 * np.arange(n)[:, None]
    return FeatureSet(tuple(map(str, range(n))), tuple(names), values, tuple(told))


def card_of(features):
    return SimpleNamespace(names=features.names, blocks=features.blocks)


def value(features, name):
    return features.values[:, features.names.index(name)]


def test_another_order_of_columns_is_put_right():
    here, card = (
        made(("a", "vector", "xyz"), ("b", "vector", "uv")),
        card_of(made(("a", "vector", "zxy"), ("b", "vector", "uv"))),
    )
    found, notes = match_features(here, card, own_names=[False, False])
    assert found.names == card.names and not notes
    for name in card.names:
        np.testing.assert_array_equal(value(found, name), value(here, name))


def test_what_lacks_is_missing_and_what_is_new_is_left_out():
    here = made(("a", "vector", ["f", *"bcdexy"]), ("q", "vector", "u"))
    card = card_of(made(("a", "vector", "abcdef"), ("q", "vector", "u")))
    found, notes = match_features(here, card, own_names=[True, False])
    assert found.names == card.names and found.blocks == card.blocks
    assert np.isnan(value(found, "a:a")).all()
    for name in ("a:b", "a:f", "q:u"):
        np.testing.assert_array_equal(value(found, name), value(here, name))
    assert notes == (
        "Block 'a': nobody here has a:a; imputed for everyone.",
        "Block 'a': the model does not know a:x, a:y; left out.",
    )


def test_channels_of_a_matrix_lack_as_a_whole():
    here = made(("eeg", "covariance", ["Cz", "Fz", "Oz", "Pz", "T7"]))
    card = card_of(made(("eeg", "covariance", ["C3", "Cz", "Fz", "Oz", "Pz"])))
    found, notes = match_features(here, card, own_names=[True])
    for one in ("Cz", "Fz", "Oz", "Pz"):
        for other in ("Cz", "Fz", "Oz", "Pz"):
            if one <= other:
                name = f"eeg:{one}--{other}"
                np.testing.assert_array_equal(value(found, name), value(here, name))
    assert np.isnan(value(found, "eeg:C3--C3")).all() and np.isnan(value(found, "eeg:C3--Pz")).all()
    assert "nobody here has C3" in notes[0] and "does not know T7" in notes[1]


def test_more_than_a_fifth_of_a_block_may_not_lack():
    here, card = made(("a", "vector", "abcd")), card_of(made(("a", "vector", "abcdef")))
    with pytest.raises(
        DataError, match="nobody here has 2 of the 6 that the model takes \\(a:e, a:f\\), more than 20%"
    ):
        match_features(here, card, own_names=[True])


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (("a", "vector", "ab"), ("a", "vector", "abc")),
        (("a", "edges", "abc"), ("a", "edges", "bac")),
        (("a", "vector", "ab"), ("b", "vector", "ab")),
    ],
)
def test_other_blocks_are_left_to_the_check(here, there):
    """Of an atlas or a shared table: not the model's features, which :func:`check_names` says."""
    given = made(here)
    found, notes = match_features(given, card_of(made(there)), own_names=[False])
    assert found is given and not notes
