from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.bids.names import (
    ENTITY_ORDER,
    LONG_NAMES,
    build_name,
    common_entities,
    order_entities,
    parse_entities,
    split_name,
)
from bidsml.errors import DataError
from bidsml.records import Scan

LABELS = st.text(alphabet="abcXYZ0189", min_size=1, max_size=6)
ENTITIES = st.dictionaries(st.sampled_from([key for key in ENTITY_ORDER if key != "sub"]), LABELS, max_size=8)


def test_order_and_long_names_are_those_of_the_schema():
    from bidsschematools.schema import load_schema

    schema = load_schema()
    order = [(schema.objects.entities[name].name, name) for name in schema.rules.entities]
    known = [key for key in ENTITY_ORDER if key in dict(order)]
    assert known == [key for key, _ in order]
    assert all(LONG_NAMES[long] == short for short, long in order)


@given(LABELS, ENTITIES)
def test_a_built_name_is_read_back(label, entities):
    path = build_name(label, entities, suffix="relmat", extension=".dense.tsv", datatype="func")
    assert split_name(path) == ({"sub": label, **order_entities(entities)}, "relmat", ".dense.tsv")
    assert path.parent == Path(f"sub-{label}", *([f"ses-{entities['ses']}"] if "ses" in entities else []), "func")


@given(ENTITIES)
def test_the_name_does_not_depend_on_the_order_given(entities):
    turned = dict(reversed(entities.items()))
    one, two = (build_name("01", e, suffix="bold", extension=".tsv", datatype=None) for e in (entities, turned))
    assert one == two


def test_names_as_the_outputs_page_spells_them():
    entities = {"meas": "pearsoncorrelation", "atlas": "A", "space": "S", "task": "T"}
    path = build_name("X", entities, suffix="relmat", extension=".dense.tsv", datatype="func")
    assert str(path) == "sub-X/func/sub-X_task-T_space-S_atlas-A_meas-pearsoncorrelation_relmat.dense.tsv"


def test_unknown_entities_are_kept_before_the_description():
    assert list(order_entities({"desc": "a", "zzz": "b", "space": "c"})) == ["space", "zzz", "desc"]


@pytest.mark.parametrize("bad", ["../x", "a/b", "", "a b", "a-b", "a_b", "a.b", "ä", "a\n"])
def test_labels_that_could_leave_the_folder_are_refused(bad):
    with pytest.raises(DataError):
        build_name(bad, {}, suffix="bold", extension=".tsv", datatype="func")
    with pytest.raises(DataError, match="task"):
        build_name("01", {"task": bad}, suffix="bold", extension=".tsv", datatype="func")


def test_parsing_takes_only_key_value_pairs():
    assert parse_entities("a/sub-01_task-rest_AROMAnoiseICs.csv") == {"sub": "01", "task": "rest"}
    assert split_name("README") == ({}, "README", "")


def test_common_entities_keep_what_all_share_and_drop_the_run():
    scans = [
        Scan("01", "bold", Path("a"), entities={"task": "rest", "ses": "1", "run": "1", "space": "S"}),
        Scan("01", "bold", Path("b"), entities={"task": "rest", "ses": "2", "run": "1", "space": "S"}),
    ]
    assert common_entities(scans) == {"task": "rest", "space": "S"}
    assert common_entities(scans[:1]) == {"ses": "1", "task": "rest", "run": "1", "space": "S"}
