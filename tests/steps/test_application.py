"""What a frozen biomarker needs of another dataset: its tables, and features made alike."""

from types import SimpleNamespace

import pandas as pd
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.spec import (
    FEATURE_SECTIONS,
    AnalysisSpec,
    NormativeSpec,
    NuisanceSpec,
    TargetSpec,
    features_digest,
)
from bidsml.steps.application import check_features, read_external_columns

PEOPLE = pd.DataFrame({"participant_id": ["1", "2"], "age": ["30", "40"]}, dtype=object)


def columns(*names):
    return tuple(SimpleNamespace(source=name) for name in names)


@pytest.mark.parametrize("where", ["normative", "nuisance"])
def test_columns_of_other_tables_are_joined_by_the_analysis(tmp_path, where):
    (tmp_path / "phenotype").mkdir()
    (tmp_path / "phenotype" / "clinic.tsv").write_text("participant_id\tvisit\nsub-2\t7\nsub-1\t5\n")
    named = ("age", "phenotype/clinic.tsv:visit")
    card = SimpleNamespace(nuisance=(), preserved=(), normative=None)
    if where == "normative":
        card.normative = SimpleNamespace(columns=columns("age", "visit"))
        more = {"normative": NormativeSpec(columns=named)}
    else:
        card.nuisance = columns("age", "visit")
        more = {"nuisance": NuisanceSpec(regress=named)}
    spec = AnalysisSpec(name="x", target=TargetSpec(column="group"), features=({"kind": "phenotype"},), **more)
    table, notes = read_external_columns(PEOPLE, card, spec, bids_dir=tmp_path, derivatives={})
    assert table["visit"].tolist() == ["5", "7"]
    assert len(notes) == 1 and "Gone on without 'group'" in notes[0]
    (tmp_path / "phenotype" / "clinic.tsv").write_text("participant_id\tother\nsub-2\t7\nsub-1\t5\n")
    with pytest.raises(AnalysisFileError, match="has no column 'visit'"):
        read_external_columns(PEOPLE, card, spec, bids_dir=tmp_path, derivatives={})


def card_made_with(spec, **features):
    """The card of a model of an analysis, whose features' blocks had other keys."""
    told = spec.model_dump(mode="json", include=set(FEATURE_SECTIONS))
    told["features"] = [
        {**{k: v for k, v in block.items() if k != "no_answer"}, **features} for block in told["features"]
    ]
    blocks = [SimpleNamespace(name=name) for name in spec.block_names]
    return SimpleNamespace(features=told, features_digest="of another bidsml", blocks=blocks)


def test_a_model_made_before_a_key_was_there_is_taken_for_its_default():
    keys = {"kind": "questionnaire", "file": "phenotype/q.tsv"}
    spec = AnalysisSpec(name="x", target=TargetSpec(column="group"), features=(keys,))
    check_features(card_made_with(spec), spec)
    other = AnalysisSpec(name="x", target=TargetSpec(column="group"), features=({**keys, "no_answer": (9,)},))
    with pytest.raises(DataError, match=r"features.0.no_answer"):
        check_features(card_made_with(spec), other)
    with pytest.raises(DataError, match=r"features.0.max_missing is 0.5 in the model, 0.2 here"):
        check_features(card_made_with(spec, max_missing=0.5), spec)
    with pytest.raises(DataError, match=r"features.0.gone is True in the model"):
        check_features(card_made_with(spec, gone=True), spec)
    with pytest.raises(DataError, match="the names of the feature blocks"):
        check_features(
            card_made_with(spec),
            spec.model_copy(update={"features": (spec.features[0].model_copy(update={"name": "b"}),)}),
        )


def test_a_model_that_does_not_tell_all_sections_needs_the_same_digest():
    spec = AnalysisSpec(name="x", target=TargetSpec(column="group"), features=({"kind": "phenotype"},))
    card = card_made_with(spec)
    del card.features["task"]
    with pytest.raises(DataError, match="preprocess, task, or a key"):
        check_features(card, spec)
    card.features_digest = features_digest(spec)
    check_features(card, spec)
