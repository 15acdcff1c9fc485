import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bidsml.bids.derivative import validate_input, write_dataset_files
from bidsml.bids.manifest import Entry, write_manifest
from bidsml.bids.store import write_json, write_text
from bidsml.errors import DataError, MissingInputError, OutputError, ValidationError

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))


def write(dataset, out):
    return write_dataset_files(out, bids_dir=dataset.root, derivatives={"fmriprep": dataset.root / "derivatives/f"})


def test_links_are_relative_and_nothing_depends_on_the_place(dataset, tmp_path):
    write(dataset, tmp_path / "out")
    text = (tmp_path / "out" / "dataset_description.json").read_text()
    description = json.loads(text)
    assert description["DatasetLinks"] == {"raw": "../bids", "fmriprep": "../bids/derivatives/f"}
    assert description["DatasetType"] == "derivative"
    assert str(tmp_path) not in text


def test_writing_again_leaves_the_files_alone(dataset, tmp_path):
    before = [path.stat().st_mtime_ns for path in write(dataset, tmp_path / "out")]
    assert [path.stat().st_mtime_ns for path in write(dataset, tmp_path / "out")] == before


def test_many_at_once_do_no_harm(dataset, tmp_path):
    with ThreadPoolExecutor(16) as pool:
        written = list(pool.map(lambda _: write(dataset, tmp_path / "out"), range(32)))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in written[0])


def test_another_tools_dataset_is_not_overwritten(dataset, tmp_path):
    path = write_json(
        tmp_path / "out" / "dataset_description.json", {"Name": "x", "GeneratedBy": [{"Name": "fMRIPrep"}]}
    )
    before = path.read_bytes()
    with pytest.raises(OutputError, match="holds another dataset \\(fMRIPrep\\)"):
        write(dataset, tmp_path / "out")
    assert path.read_bytes() == before


def test_the_container_is_named_where_the_image_says_so(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("BIDSML_CONTAINER_TYPE", "docker")
    monkeypatch.setenv("BIDSML_CONTAINER_TAG", "bidsml:1")
    write(dataset, tmp_path / "out")
    description = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert description["GeneratedBy"][0]["Container"] == {"Type": "docker", "Tag": "bidsml:1"}


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_validator_finds_no_error_in_an_output_tree(dataset, tmp_path):
    out = tmp_path / "out"
    write(dataset, out)
    stem = "sub-01/func/sub-01_task-rest_space-MNI152NLin6Asym_atlas-X"
    for name in (
        f"{stem}_timeseries.tsv",
        f"{stem}_timeseries.json",
        f"{stem}_meas-pearsoncorrelation_relmat.dense.tsv",
        f"{stem}_meas-pearsoncorrelation_relmat.json",
        f"{stem}_nodeindices.tsv",
        "sub-01/sub-01_desc-connectome_features.npz",
        "sub-01/figures/sub-01_motion.svg",
        "sub-01/ses-1/figures/sub-01_motion.svg",
        "sub-01.html",
        "group-test.html",
        "group/test/performance.tsv",
        "logs/status.json",
    ):
        write_text(out / name, "{}" if name.endswith("json") else "a\tb\n1\t2\n")
    write_manifest(out, participant_id="01", analysis="a", entry=Entry("d", {}, {}))
    run = subprocess.run([str(VALIDATOR), str(out), "--json"], capture_output=True, text=True, check=False)
    issues = json.loads(run.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue.get("severity") == "error"] == []
    assert run.returncode == 0
    write_text(out / "sub-01/func/sub-01_wrong-1_desc-preproc_bold.json", "{}")
    run = subprocess.run([str(VALIDATOR), str(out)], capture_output=True, check=False)
    assert run.returncode == 16, "the ignore file must not hide what BIDS has a name for"


def test_input_that_is_no_dataset(tmp_path):
    with pytest.raises(MissingInputError):
        validate_input(tmp_path / "absent")
    with pytest.raises(ValidationError, match=r"has no dataset_description\.json"):
        validate_input(tmp_path)
    path = tmp_path / "dataset_description.json"
    path.write_text('{"Name": "x"}')
    with pytest.raises(ValidationError, match="lacks BIDSVersion"):
        validate_input(tmp_path)
    path.write_text('{"Name": "x",\n}')
    with pytest.raises(DataError, match=r"dataset_description\.json:2"):
        validate_input(tmp_path)
    path.write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    validate_input(tmp_path)
