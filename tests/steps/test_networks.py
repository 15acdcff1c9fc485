"""Networks of ready-made regions."""

from bidsml.atlases import load_atlas, networks_in_names
from bidsml.steps.networks import find_networks


def test_an_atlas_at_hand_tells_and_one_that_is_not_is_passed_over():
    atlas = load_atlas("dosenbach2010")
    some = atlas.names[5:9]
    assert find_networks(some, atlases=("nobody-has-it", "dosenbach2010")) == atlas.networks[5:9]
    assert find_networks((*some, "elsewhere"), atlases=("dosenbach2010",)) == ()
    assert find_networks(some, atlases=("", "power2011")) == ()


def test_names_that_say_their_network():
    names = ("7Networks_LH_Vis_1", "7Networks_RH_Default_PFC_2")
    assert find_networks(names, atlases=("power2011",)) == ("Vis", "Default")
    assert networks_in_names([*names, "Thalamus"]) == ()
