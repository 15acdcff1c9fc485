"""What the methods text says of features from BOLD beyond the connectome."""

import pytest

from bidsml.features import CATALOG
from bidsml.report.bold_text import BOLD_TEXT, say_options
from bidsml.report.methods_text import describe_cleaning, describe_features
from bidsml.spec import FeatureSpec, SeedSpec

KINDS = ("network_connectivity", "dynamic_connectivity", "graph_measures", "seed_map", "reho")
PCC = SeedSpec(name="PCC", mm=(0.0, -53.0, 26.0), radius_mm=8.0)


def test_every_measure_of_these_kinds_has_a_sentence_that_names_the_atlas_once():
    assert set(BOLD_TEXT) == {(kind, measure) for kind in KINDS for measure in CATALOG[kind].measures}
    for kind, measure in BOLD_TEXT:
        (sentence,) = describe_features([(kind, measure, "power2011")])
        assert sentence.text.count("power2011") == 1 and "{" not in sentence.text


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "dynamic_connectivity", "window_s": 44.0, "step_s": 2.0}, "were 44 s long and slid by 2 s."),
        ({"kind": "dynamic_connectivity", "taper_s": 6.0}, "softened by a Gaussian of 6 s"),
        ({"kind": "graph_measures", "density": 0.1}, "A share of 10 %"),
        ({"kind": "reho", "neighbours": 7}, "held 7 voxels"),
        ({"kind": "seed_map", "seeds": (PCC,)}, "was 1 seed: PCC (a sphere of 8 mm about 0, -53, 26 mm)."),
        ({"kind": "seed_map", "seeds": (PCC, SeedSpec(name="V", region="V1"))}, "were 2 seeds"),
        ({"kind": "connectome"}, ""),
    ],
)
def test_what_was_set_is_told(keys, words):
    said = say_options(FeatureSpec(**keys))
    assert words in said and bool(words) == bool(said)


def test_options_go_with_their_blocks():
    blocks = [("reho", "kendall_w", "a"), ("connectome", "correlation", "a"), ("graph_measures", "correlation", "a")]
    options = [FeatureSpec(kind=kind) for kind, _, _ in blocks]
    texts = [sentence.text for sentence in describe_features(blocks, options=options)]
    assert len(texts) == 5
    assert texts[1] == "Each neighbourhood held 27 voxels." and texts[4].startswith("A share of 15 %")
    assert len(describe_features(blocks)) == 3


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ((), "The mean signal of each region was extracted"),
        ({"connectome"}, "The mean signal of each region was extracted"),
        ({"reho", "phenotype"}, "The signal of each voxel was extracted"),
        (
            {"reho", "connectome"},
            "The mean signal of each region, and in the same way that of each voxel, was extracted",
        ),
    ],
)
def test_what_was_cleaned(kinds, words):
    assert describe_cleaning({"strategy": "none"}, kinds)[0].text.startswith(words)
