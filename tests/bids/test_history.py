"""Texts of the input's own files, for the audit."""

import json
import logging
from pathlib import Path

import pytest

from bidsml.bids.history import read_history
from bidsml.spec import AnalysisSpec


def make_spec(**feature) -> AnalysisSpec:
    feature = {"kind": "connectome", "measure": "correlation", **feature}
    content = {"name": "test", "target": {"column": "dx"}, "features": [feature]}
    return AnalysisSpec.model_validate_json(json.dumps(content))


def write(path: Path, content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def derivative(tmp_path: Path) -> Path:
    root = tmp_path / "prep"
    write(
        root / "dataset_description.json",
        {
            "Name": "prepared",
            "GeneratedBy": [{"Name": "tool", "Description": "first  line\nof two"}, {"Name": "GIFT"}],
            "HowToAcknowledge": "cite group ICA",
            "Authors": ["ComBat, A."],
            "Harmonized": True,
            "BIDSVersion": "1.9.0",
        },
    )
    for label in ("01", "02", "03", "04"):
        scan = root / f"sub-{label}" / "func" / f"sub-{label}_task-rest_bold.nii.gz"
        write(scan, "")
        write(scan.with_name(f"sub-{label}_task-rest_bold.json"), {"Sources": [f"bids::group_mask-{label}.nii.gz"]})
    return root


def read(tmp_path: Path, spec=None, labels=("04", "02", "01", "03"), **folders) -> dict[str, str]:
    return read_history(spec or make_spec(), bids_dir=tmp_path, derivatives=folders, participants=labels)


def test_descriptions_sidecars_and_names_are_read_and_credits_are_not(tmp_path, derivative):
    texts = read(tmp_path, prep=derivative)
    description = texts["prep: dataset_description.json"].splitlines()
    assert "GeneratedBy.Description: first line of two" in description
    assert "GeneratedBy.Name: GIFT" in description and "Harmonized: true" in description
    assert not any("ICA" in line or "ComBat" in line for line in description)
    assert texts["prep: sub-01/func/sub-01_task-rest_bold.json"] == "Sources: bids::group_mask-01.nii.gz"
    assert "sub-02/func/sub-02_task-rest_bold.nii.gz" in texts["prep: names of files"].splitlines()


def test_a_few_participants_tell_for_all_whatever_their_order(tmp_path, derivative):
    texts = read(tmp_path, prep=derivative)
    assert {place.split("/")[0] for place in texts if "/func/" in place} == {f"prep: sub-0{n}" for n in (1, 2, 3)}
    assert texts == read(tmp_path, labels=("01", "03", "02", "04"), prep=derivative)
    assert "sub-04" in read(tmp_path, labels=("04", "99"), prep=derivative)["prep: names of files"]


def test_no_text_holds_where_the_folder_lies(tmp_path, derivative):
    texts = read(tmp_path, prep=derivative)
    assert str(tmp_path) not in json.dumps(texts)


def test_without_derivatives_the_dataset_is_the_input(tmp_path):
    write(tmp_path / "dataset_description.json", {"Name": "raw", "BIDSVersion": "1.9.0"})
    assert "Name: raw" in read(tmp_path)["dataset: dataset_description.json"]


def test_the_sidecar_of_a_table_is_read(tmp_path, derivative):
    write(tmp_path / "phenotype" / "thickness.tsv", "participant_id\tlh\n")
    write(tmp_path / "phenotype" / "thickness.json", {"lh": {"Description": "after ComBat"}})
    spec = make_spec(kind="table", measure=None, file="phenotype/thickness.tsv")
    texts = read(tmp_path, spec, prep=derivative)
    assert texts["phenotype/thickness.json"] == "lh.Description: after ComBat"
    assert texts["analysis: phenotype/thickness.tsv"] == "phenotype/thickness.tsv"
    each = make_spec(kind="table", measure=None, file="{prep}/sub-{participant}/stats/combat.stats")
    assert "analysis: {prep}/sub-{participant}/stats/combat.stats" in read(tmp_path, each, prep=derivative)


def test_a_folder_for_an_atlas_alone_tells_nothing_of_these_people(tmp_path, derivative):
    write(tmp_path / "maps" / "atlas-ica_description.json", {"Name": "maps of group ICA"})
    spec = make_spec(atlas="{maps}/atlas.nii.gz")
    assert not any(place.startswith("maps") for place in read(tmp_path, spec, prep=derivative, maps=tmp_path / "maps"))


def test_a_broken_sidecar_is_logged_and_left_out(tmp_path, derivative, caplog):
    write(derivative / "sub-01" / "func" / "sub-01_task-rest_bold.json", '{"Sources": [')
    write(derivative / "task-rest_bold.json", "{" + " " * 1_100_000 + "}")
    with caplog.at_level(logging.INFO):
        texts = read(tmp_path, prep=derivative)
    assert not any(place.endswith(("sub-01_task-rest_bold.json", "prep: task-rest_bold.json")) for place in texts)
    assert "sub-01_task-rest_bold.json" in caplog.text and "too large" in caplog.text
