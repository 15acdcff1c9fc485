"""Kinds that are means of maps: regional homogeneity, seeds."""

import numpy as np
import pytest

from bidsml.app.provenance import effective_toml
from bidsml.errors import AnalysisFileError, DataError
from bidsml.features import CATALOG, check_feature
from bidsml.spec import FeatureSpec, SeedSpec, load_analysis
from tests.features.conftest import make_data

VALUES = np.array([0.1, 0.2, np.nan, 0.4])
PCC = SeedSpec(name="PCC", mm=(0.0, -53.0, 26.0))
V1 = SeedSpec(name="V1", region="r1")


def extract(kind: str, *, maps: dict, missing: dict, **keys: object):
    data = make_data(None, maps=maps, missing=missing)
    return CATALOG[kind].extract(data, block="m", options=FeatureSpec(kind=kind, **keys))


def test_reho_takes_the_map_of_its_measure():
    maps = {"kendall_w": VALUES, "kendall_w_of_brain": 2 * VALUES}
    plain = extract("reho", maps=maps, missing={"r2": "dark"}, neighbours=7)
    shared = extract("reho", maps=maps, missing={"r2": "dark"}, measure="kendall_w_of_brain")
    np.testing.assert_array_equal(plain.values, VALUES)
    np.testing.assert_array_equal(shared.values, 2 * VALUES)
    assert plain.names == ("r0", "r1", "r2", "r3") and plain.settings == {"neighbours": 7}


def test_seeds_lead_the_names_and_a_lost_seed_says_why():
    missing = {"r2": "dark", "seed V1": "outside"}
    vector = extract("seed_map", maps={"PCC": VALUES}, missing=missing, seeds=(PCC, V1))
    assert vector.names[:2] == ("PCC--r0", "PCC--r1") and vector.names[4] == "V1--r0"
    np.testing.assert_array_equal(vector.values, [*VALUES, *[np.nan] * 4])
    assert vector.missing == {"PCC--r2": "dark", **{f"V1--r{n}": "outside" for n in range(4)}}


@pytest.mark.parametrize("kind", ["reho", "seed_map"])
def test_series_made_elsewhere_have_no_voxels(kind):
    with pytest.raises(DataError, match="the input has no voxels"):
        extract(kind, maps={}, missing={})


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ((), "needs seeds"),
        ((PCC, PCC), "two seeds have one name"),
        ((SeedSpec(name="x"),), "needs either mm or region"),
        ((SeedSpec(name="x", mm=(0.0, 0.0, 0.0), region="r1"),), "needs either mm or region"),
    ],
)
def test_wrong_seeds_are_refused(seeds, words):
    with pytest.raises(AnalysisFileError, match=words):
        check_feature(FeatureSpec(kind="seed_map", seeds=seeds), 0)


def test_seeds_of_an_analysis_are_read_and_written_again(tmp_path):
    path = tmp_path / "analysis.toml"
    path.write_text(
        'name = "seeds"\n[target]\ncolumn = "x"\npositive = "y"\n[[features]]\nkind = "seed_map"\natlas = "power2011"\n'
        'seeds = [{name = "PCC", mm = [0, -53, 26.5]}, {name = "V", region = "Power-001"}]\n'
    )
    spec = load_analysis(str(path))
    assert spec.features[0].seeds[0].mm == (0.0, -53.0, 26.5) and spec.features[0].seeds[1].region == "Power-001"
    path.write_text(effective_toml(spec))
    again = load_analysis(str(path))
    assert again.features == spec.features
    check_feature(again.features[0], 0)
