"""Participants' feature vectors become one matrix."""

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.records import Atlas, FeatureVector
from bidsml.spec import AnalysisSpec, FeatureSpec, TargetSpec
from bidsml.steps.assembly import name_networks, stack_features


def vector(block="a", **values):
    return FeatureVector(block, "table", "value", tuple(values), np.array(list(values.values()), dtype=float))


def spec(*files):
    features = tuple(FeatureSpec(kind="table", file=file, name=f"block{n}") for n, file in enumerate(files))
    return AnalysisSpec(name="test", target=TargetSpec(column="x"), features=features)


OWN = "sub-{participant}/q.json"


def test_own_files_give_the_union_of_names_with_gaps():
    vectors = [[vector(u=1, v=2)], [vector(v=3, w=4)], [vector(v=6, u=5)]]
    stacked = stack_features(vectors, ("1", "2", "3"), spec=spec(OWN))
    assert stacked.names == ("u", "v", "w")
    np.testing.assert_array_equal(stacked.values, [[1, 2, np.nan], [np.nan, 3, 4], [5, 6, np.nan]])


def test_a_shared_table_gives_everyone_the_same_names():
    vectors = [[vector(u=1, v=2)], [vector(v=3, u=4)]]
    with pytest.raises(DataError, match="sub-2 has 2 features that are not those of sub-1"):
        stack_features(vectors, ("1", "2"), spec=spec("t.tsv"))


def test_blocks_lie_side_by_side_under_their_names():
    vectors = [[vector("a", u=1), vector("b", u=2, v=3)], [vector("a", u=4), vector("b", v=5)]]
    stacked = stack_features(vectors, ("1", "2"), spec=spec("t.tsv", OWN))
    assert stacked.names == ("a:u", "b:u", "b:v")
    assert [(block.start, block.stop) for block in stacked.blocks] == [(0, 1), (1, 3)]
    np.testing.assert_array_equal(stacked.values, [[1, 2, 3], [4, np.nan, 5]])


def test_networks_are_named_where_the_atlas_knows_every_region():
    atlas = Atlas("at", "MNI", ("u", "v", "w"), np.zeros((3, 3)), networks=("x", "y", "x"))
    stacked = stack_features([[vector("a", v=1, u=2), vector("b", z=3)]], ("1",), spec=spec("t.tsv", "t.tsv"))
    analysis = spec("t.tsv", "t.tsv")
    features = tuple(feature.model_copy(update={"atlas": "at"}) for feature in analysis.features)
    analysis = analysis.model_copy(update={"features": features})
    first, second = name_networks(stacked, analysis, {"at": atlas}).blocks
    assert first.networks == ("y", "x")
    assert second.networks == (), "z is no region of the atlas"
    assert name_networks(stacked, analysis, {}).blocks == stacked.blocks
