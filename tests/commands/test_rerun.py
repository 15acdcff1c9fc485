"""``bidsml rerun``: from the output alone to the same bytes; and whatever is not as it was is said first."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from place import Place, run_bidsml

from bidsml.simulate import CohortDesign, simulate_cohort

# As small as it can be and still be learned from: what is tested is that two runs agree.
TINY = (
    "cv.outer.folds=2",
    "cv.outer.repeats=1",
    "cv.inner.folds=2",
    "inference.permutations=5",
    'estimators=[{kind = "ridge", grid = {alpha = [10.0, 1000.0]}}]',
    "denoise.strategy=6p",
    "denoise.low_pass_hz=0.24",
    "denoise.min_minutes=0",
)


def simulate(folder: Path, seed: int = 0) -> Path:
    return simulate_cohort(folder, CohortDesign(n_participants=10, n_volumes=40, resolution_mm=20, seed=seed))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Place:
    """Both levels on ten people. Never changed by a test."""
    folder = tmp_path_factory.mktemp("made")
    place = Place(simulate(folder / "dataset"), folder / "out", folder / "work", TINY)
    for level in ("participant", "group"):
        ran = place.run(level, "--random-seed", "3")
        assert ran.code == 0, ran.text
    return place


@pytest.fixture
def own(made, tmp_path) -> Place:
    """Own copy of dataset and output, at the same places relative to each other."""
    shutil.copytree(made.dataset, tmp_path / "dataset")
    shutil.copytree(made.output, tmp_path / "out")
    return replace(made, dataset=tmp_path / "dataset", output=tmp_path / "out", work=tmp_path / "work")


def rerun(place: Place, *more: str, code: int = 0):
    ran = run_bidsml("rerun", str(place.output), str(place.output.with_name("again")), "--nprocs", "1", *more)
    assert ran.code == code, ran.text
    assert "Traceback" not in ran.text
    return ran.text


def test_the_same_again(made):
    text = rerun(made)
    assert "inputs and versions are those that are recorded" in text
    assert "10 participants, analysis demo" in text
    assert "nothing differs" in text
    again = made.output.with_name("again")
    # What lies where is the only thing that may be told otherwise.
    assert (again / "group-demo.html").read_bytes() == (made.output / "group-demo.html").read_bytes()
    record = json.loads((again / "group" / "demo" / "run.json").read_text())
    assert (record["RandomSeed"], record["Command"][1]) == (3, "rerun")
    assert not again.with_name("again-work").exists()


def test_an_output_that_was_handed_on(made, tmp_path):
    """Neither the links nor the places of run.json lead anywhere here: only what the user says."""
    out = shutil.copytree(made.output, tmp_path / "deep" / "out")
    record = json.loads((out / "group" / "demo" / "run.json").read_text())
    record |= {"BidsDir": "/nowhere", "Derivatives": dict.fromkeys(record["Derivatives"], "/nowhere")}
    (out / "group" / "demo" / "run.json").write_text(json.dumps(record))
    handed = replace(made, output=out)
    assert "--bids-dir DIR" in rerun(handed, code=66)
    dataset = shutil.copytree(made.dataset, tmp_path / "other" / "name")
    assert "inputs and versions are those" in rerun(handed, "--dry-run", "--bids-dir", str(dataset))
    shutil.move(dataset / "derivatives" / "fmriprep", tmp_path / "fmriprep")
    assert "-d fmriprep=DIR" in rerun(handed, "--dry-run", "--bids-dir", str(dataset), code=66)
    found = ["--bids-dir", str(dataset), "-d", f"fmriprep={tmp_path / 'fmriprep'}"]
    assert "inputs and versions are those" in rerun(handed, "--dry-run", *found)
    assert not out.with_name("again").exists()


def test_some_participants_and_no_group(own):
    shutil.rmtree(own.output)
    labels = ("--participant-label", "01", "02")
    assert own.run("participant", *labels, "--task-id", "rest", "--set", "denoise.strategy=24p").code == 0
    text = rerun(own)
    assert "inputs new: 8" in text, "eight people of the dataset are not in the output"
    assert "participant 03" in text
    assert "nothing differs" in text
    assert {path.name for path in own.output.with_name("again").glob("sub-*.html")} == {"sub-01.html", "sub-02.html"}


def test_what_changed_is_said_before_anything_runs(own):
    (own.dataset / "participants.tsv").write_text(
        (own.dataset / "participants.tsv").read_text().replace("\t", " \t", 1)
    )
    bold = next(path for path in own.scan_files("02") if path.name.endswith("bold.nii.gz"))
    confounds = next(path for path in own.scan_files("03") if path.name.endswith("timeseries.tsv"))
    lines = confounds.read_text().splitlines()
    confounds.write_text("\n".join([*lines[:-1], lines[-2]]) + "\n")
    bold.unlink()
    run_json = own.group / "run.json"
    record = json.loads(run_json.read_text())
    run_json.write_text(json.dumps(record | {"Packages": record["Packages"] | {"numpy": "0.1"}}))
    text = rerun(own, "--dry-run", code=1)
    assert "inputs changed: 2" in text
    assert "bids:raw:participants.tsv" in text
    assert f"bids:fmriprep:sub-03/func/{confounds.name}" in text
    assert "inputs missing: 1" in text
    assert f"bids:fmriprep:sub-02/func/{bold.name}" in text
    assert "numpy 0.1 → " in text
    assert not own.output.with_name("again").exists()


def test_other_inputs_make_another_output(own):
    donor = next(path for path in own.scan_files("04") if path.name.endswith("bold.nii.gz"))
    shutil.copyfile(donor, str(donor).replace("sub-04", "sub-02"))
    text = rerun(own, "--json", code=1)
    assert "inputs changed: 1" in text
    content = json.loads(text[text.index("{\n") :])
    assert content["changes"]["changed"] == [f"bids:fmriprep:sub-02/func/{donor.name.replace('sub-04', 'sub-02')}"]
    verdicts = {one["path"]: one["verdict"] for one in content["files"]}
    assert verdicts["sub-02.html"] == "different"
    assert verdicts["sub-03.html"] == "identical"


def test_who_failed_then_fails_again(own):
    """One whose scan is cut short and one without a scan, one of each class: both stand in the new cohort.tsv too."""
    shutil.rmtree(own.output)
    people = [line.split("\t") for line in (own.dataset / "participants.tsv").read_text().splitlines()]
    column = people[0].index("diagnosis")
    cut, gone = (next(row[0] for row in people if row[column] == name) for name in ("patient", "control"))
    bold = next(path for path in own.scan_files(cut.removeprefix("sub-")) if path.name.endswith("bold.nii.gz"))
    bold.write_bytes(bold.read_bytes()[:-1000])
    shutil.rmtree(own.dataset / "derivatives" / "fmriprep" / gone)
    assert own.run("participant").code == 1
    ran = own.run("group", "--allow-partial")
    assert ran.code == 0, ran.text
    # Pages of those who failed tell the command that was typed, and that was another one.
    text = rerun(own, code=1)
    unlike = [line.split()[1] for line in text.splitlines() if line.startswith(("different", "only in"))]
    assert [name for name in unlike if name.endswith(".tsv") or "model" in name] == []


def test_two_analyses_in_one_output(own):
    other = (
        "--set",
        "name=another",
        "--set",
        "features=[{kind = 'connectome', atlas = '{atlas}', measure = 'partial'}]",
    )
    assert own.run("participant", *other).code == 0
    ran = own.run("group", *other)
    assert ran.code == 0, ran.text
    assert "nothing differs" in rerun(own)


def test_an_applied_model(made, tmp_path):
    place = Place(simulate(tmp_path / "dataset", seed=1), tmp_path / "out", tmp_path / "work", TINY)
    assert place.run("participant").code == 0
    model = shutil.copytree(made.group / "model", tmp_path / "model")
    ran = place.run("group", "--apply", str(model))
    assert ran.code == 0, ran.text
    shutil.move(model, tmp_path / "moved")
    assert "there is no model folder" in rerun(place, "--dry-run", code=66)
    text = rerun(place, "--apply", str(tmp_path / "moved"))
    assert "a frozen model applied" in text
    assert "nothing differs" in text


# ------------------------------------------------------------------ refusals


def change_manifest(place: Place, change) -> None:
    path = place.output / "sub-01" / "sub-01_bidsml.json"
    content = json.loads(path.read_text())
    change(content["analyses"]["demo"])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda e: e["provenance"]["inputs"].update({"bids:raw:../../secret": "0"}), "is not the name of an input"),
        (lambda e: e["provenance"]["inputs"].update({"bids:raw:/etc/passwd": "0"}), "is not the name of an input"),
        (lambda e: e["provenance"]["choice"].update(sessions=["../x"]), "a label in the record"),
        (lambda e: e["provenance"]["choice"].update(derivatives=["../x"]), "a derivative's name"),
        (lambda e: e["provenance"]["analysis"].update(name="../../x"), "holds no analysis"),
        (lambda e: e["provenance"]["analysis"].update(extra=1), "holds no analysis"),
        (lambda e: e["provenance"].pop("analysis"), "does not say how"),
        (lambda e: e.pop("provenance"), "does not say how"),
        (lambda e: e["provenance"].update(seed="x"), "not a bidsml manifest"),
    ],
)
def test_a_record_that_was_tampered_with(own, change, says):
    change_manifest(own, change)
    assert says in rerun(own, code=65)
    assert not own.output.with_name("again").exists()


def test_folders(own, tmp_path):
    out, again = str(own.output), str(tmp_path / "again")
    for words, code in (
        ([str(tmp_path / "nowhere"), again], 66),
        ([out, out], 64),
        ([out, f"{out}/inside"], 64),
        ([out, str(own.dataset)], 73),
        ([str(own.dataset / "derivatives" / "fmriprep"), again], 66),
    ):
        ran = run_bidsml("rerun", *words)
        assert ran.code == code, ran.text
        assert "hint:" in ran.text
    assert not (tmp_path / "again").exists()
