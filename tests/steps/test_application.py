"""What a frozen biomarker needs of another dataset's tables."""

from types import SimpleNamespace

import pandas as pd
import pytest

from bidsml.errors import AnalysisFileError
from bidsml.spec import AnalysisSpec, NormativeSpec, NuisanceSpec, TargetSpec
from bidsml.steps.application import read_external_columns

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
