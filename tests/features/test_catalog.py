"""The contract that every listed kind keeps, and what a block is checked for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bidsml.features
from bidsml.app.provenance import effective_toml
from bidsml.errors import AnalysisFileError
from bidsml.features import CATALOG, check_feature
from bidsml.records import FeatureVector
from bidsml.spec import FeatureSpec, list_ready_made, load_analysis
from tests.features.conftest import make_data

TABLE = {"age": 30.0, "score": float("nan")}


def test_every_file_of_the_folder_is_listed() -> None:
    folder = Path(bidsml.features.__file__).parent
    assert {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")} == set(CATALOG)


@pytest.mark.parametrize(
    ("kind", "measure", "need"),
    [
        (name, measure, need)
        for name, kind in CATALOG.items()
        for measure in kind.measures
        for need in sorted(kind.needs)
        if not (need == "matrix" and measure != kind.measures[0])
    ],
)
def test_contract(kind: str, measure: str, need: str, correlated: np.ndarray) -> None:
    """From any one part it needs, a kind gives a named, finite vector, with NaN where a region is missing."""
    signals = correlated.copy()
    signals[:, 1] = np.nan
    matrix = np.corrcoef(correlated.T)
    matrix[1], matrix[:, 1] = np.nan, np.nan
    values = np.array([0.4, np.nan, 0.6, 0.5])
    parts = {
        "signals": {"signals": signals},
        "unfiltered": {"unfiltered": signals},
        "matrix": {"matrix": matrix},
        "table": {"table": TABLE},
        "density": {"density": values},
        "volumes": {"volumes_ml": {"r0": 4.0, "r2": 6.0, "r3": 5.0, "total_brain": 1200.0}},
        "contrasts": {"contrasts": {"a-b": values}, "contrasts_z": {"a-b": values}},
    }
    missing = {"score": "n/a in the table"} if need == "table" else {"r1": "outside"}
    empty = {"signals": None, "unfiltered": None, "regions": tuple(f"r{n}" for n in range(4)), "missing": missing}
    data = make_data(**{**empty, **parts[need]})
    options = FeatureSpec(kind=kind, measure=measure)
    vector = CATALOG[kind].extract(data, block="b", options=options)
    assert isinstance(vector, FeatureVector)
    assert (vector.block, vector.kind, vector.measure) == ("b", kind, measure)
    assert vector.values.dtype == np.float64
    assert vector.values.shape == (len(vector.names),)
    assert len(set(vector.names)) == len(vector.names)
    gone = [any(lost == name or lost in name.split("--") for lost in vector.missing) for name in vector.names]
    assert any(gone)
    np.testing.assert_array_equal(np.isnan(vector.values), gone)
    again = CATALOG[kind].extract(data, block="b", options=options)
    np.testing.assert_array_equal(vector.values, again.values)
    assert CATALOG[kind].summary


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
