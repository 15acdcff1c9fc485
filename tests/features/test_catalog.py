"""The contract that every listed kind keeps, and what a block is checked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import bidsml.features
from bidsml.app.provenance import effective_toml
from bidsml.contract.features import check_description, check_extraction, list_cases
from bidsml.errors import AnalysisFileError
from bidsml.features import CATALOG, check_feature
from bidsml.spec import FeatureSpec, list_ready_made, load_analysis

TABLE = {"age": 30.0, "score": float("nan")}


def test_every_file_of_the_folder_is_listed() -> None:
    folder = Path(bidsml.features.__file__).parent
    assert {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")} == set(CATALOG.own)


@pytest.mark.parametrize(
    ("kind", "measure", "need"),
    [(name, measure, need) for name, kind in CATALOG.own.items() for measure, need in list_cases(kind)],
)
def test_contract(kind: str, measure: str, need: str) -> None:
    """From any one part it needs, a kind keeps the contract that other packages' kinds are held to."""
    failed = [check for check in check_extraction(CATALOG[kind], measure=measure, need=need) if not check.passed]
    assert not failed


@pytest.mark.parametrize("kind", CATALOG.own)
def test_every_kind_describes_itself(kind: str) -> None:
    assert not [check for check in check_description(CATALOG[kind]) if not check.passed]


@pytest.mark.parametrize(
    ("spec", "words", "hint"),
    [
        ({"kind": "conectome"}, "no feature kind 'conectome'", "'connectome'"),
        ({"kind": "connectome", "measure": "tangnt"}, "no measure 'tangnt'", "'tangent'"),
        ({"kind": "connectome", "file": "a.tsv"}, "does not take 'file'", "atlas, measure"),
        ({"kind": "table", "file": "a.tsv", "atlas": "x"}, "does not take 'atlas'", "columns"),
        ({"kind": "table"}, "needs file", ""),
        ({"kind": "gray_matter", "contrasts": ("a",)}, "does not take 'contrasts'", "atlas, measure"),
        ({"kind": "morphometry", "measure": "volumes"}, "no measure 'volumes'", "'volume'"),
        ({"kind": "phenotype", "file": "other/a.csv"}, "use kind = 'table'", ""),
        ({"kind": "phenotype", "key": "id"}, "does not take 'key'", ""),
    ],
)
def test_wrong_blocks_are_refused(spec: dict, words: str, hint: str) -> None:
    with pytest.raises(AnalysisFileError, match=words) as caught:
        check_feature(FeatureSpec(**spec), 2)
    assert "features[2]" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "connectome", "atlas": "power2011", "measure": "tangent", "name": "c"},
        {"kind": "amplitude"},
        {"kind": "gray_matter", "atlas": "power2011"},
        {"kind": "morphometry", "atlas": "power2011", "measure": "volume_of_brain"},
        {"kind": "task_contrast", "atlas": "power2011", "measure": "z", "contrasts": ("face-house",)},
        {"kind": "table", "file": "{fs}/aparc.tsv", "key": "subject", "columns": ("lh_*",)},
        {"kind": "phenotype"},
        {"kind": "phenotype", "file": "participants.tsv", "columns": ("age",)},
        {"kind": "phenotype", "file": "phenotype/asrs.tsv", "exclude": ("total",)},
        {"kind": "phenotype", "file": "{cnp}/phenotype/asrs.tsv"},
    ],
)
def test_right_blocks_pass(spec: dict) -> None:
    check_feature(FeatureSpec(**spec), 0)


def test_the_catalog_imports_nothing_heavy() -> None:
    code = "import sys, bidsml.features; print(sorted({'numpy', 'nilearn', 'sklearn', 'pydantic'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"


@pytest.mark.parametrize("name", list_ready_made())
def test_an_effective_analysis_passes_the_check_it_has_passed(name, tmp_path):
    path = tmp_path / "analysis.toml"
    path.write_text(effective_toml(load_analysis(name)))
    for index, feature in enumerate(load_analysis(str(path)).features):
        check_feature(feature, index)
