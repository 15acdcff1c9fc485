"""What is wrong with the input, the words or the output is said in the exit code and in words, and changes nothing."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bidsml.bids.store import sha256_file


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def edit(path: Path, change) -> None:
    table = read(path)
    change(table)
    table.to_csv(path, sep="\t", index=False)


def digests(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def says(ran, code, *words):
    assert ran.code == code, ran.text
    missing = [word for word in words if word not in ran.text]
    assert not missing, ran.text
    assert "Traceback" not in ran.text


TABLE_ONLY = ("--set", 'features=[{kind = "phenotype", file = "phenotype/tests.tsv"}]', "--set", "input={}")


def add_table(place, **columns) -> None:
    participants = read(place.dataset / "participants.tsv")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"participant_id": participants["participant_id"], "score": rng.normal(size=12).round(3)})
    for name, make in columns.items():
        table[name] = make(participants)
    (place.dataset / "phenotype").mkdir(exist_ok=True)
    table.to_csv(place.dataset / "phenotype" / "tests.tsv", sep="\t", index=False)


# ------------------------------------------------------------------ one participant is damaged


@pytest.fixture
def truncated(place):
    """Three people, one of them with a BOLD file cut in half; participants finished, the damaged one failed."""
    keep = ("sub-01", "sub-02", "sub-03")
    participants = read(place.dataset / "participants.tsv")
    participants[participants["participant_id"].isin(keep)].to_csv(
        place.dataset / "participants.tsv", sep="\t", index=False
    )
    bold = next(path for path in place.scan_files("02") if path.name.endswith("bold.nii.gz"))
    content = bold.read_bytes()
    bold.write_bytes(content[: len(content) // 2])
    return place, bold


def test_truncated_scan(truncated, bidsml):
    place, bold = truncated
    before = digests(place.dataset)
    ran = place.run("participant", "--participant-label", "01", "02", "03")
    says(ran, 1, "sub-02", bold.name, "2 finished, 1 failed")
    assert {p.name for p in place.output.glob("sub-*.html")} == {"sub-01.html", "sub-03.html"}
    assert not list(place.output.glob("sub-02/**/*.*")), "nothing of the damaged one is published"
    assert digests(place.dataset) == before
    status = bidsml("status", str(place.output), "--json")
    states = {one["participant_id"]: one for one in json.loads(status.text)["participants"]}
    assert status.code == 1
    assert {label: one["state"] for label, one in states.items()} == {"01": "done", "02": "failed", "03": "done"}
    assert bold.name in states["02"]["reason"]

    says(place.run("group", "--set", "cv.outer.folds=2"), 1, "sub-02", bold.name, "--allow-partial")
    assert not (place.output / "group").exists()


def test_allow_partial_goes_on_and_the_cohort_says_why(published):
    shutil.rmtree(published.output / "sub-02")
    says(published.run("group"), 1, "sub-02 (not processed)")
    status = published.output / "logs" / "participants" / "sub-02_analysis-demo_status.json"
    content = json.loads(status.read_text()) | {"state": "failed", "reason": "the scan is truncated"}
    status.write_text(json.dumps(content))
    says(published.run("group"), 1, "sub-02 (failed: the scan is truncated)")
    ran = published.run("group", "--allow-partial")
    says(ran, 0, "going on without 1 participants", "cohort: 11 of 12")
    row = read(published.group / "cohort.tsv").set_index("participant_id").loc["sub-02"]
    assert (row["included"], row["gate"]) == ("no", "failed")
    assert "truncated" in row["reason"]
    assert "sub-02" not in set(read(published.group / "predictions.tsv")["participant_id"])


# ------------------------------------------------------------------ features that are not those of this analysis


def test_features_of_another_analysis(published):
    says(published.run("group", "--set", "denoise.strategy=24p"), 65, "12 participants", "01", "participant level")


def test_altered_published_file(published):
    matrix = next(published.output.glob("sub-05/func/*_relmat.dense.tsv"))
    matrix.write_text(matrix.read_text().replace("0.", "1.", 1))
    says(published.run("group"), 65, "sub-05", matrix.name, "not as it was written")


def test_group_before_participant(place):
    says(place.run("group"), 66, "participant level first")
    assert not place.output.exists()


# ------------------------------------------------------------------ a target that cannot be learned


def test_single_class(published):
    edit(published.dataset / "participants.tsv", lambda t: t.__setitem__("diagnosis", "patient"))
    says(published.run("group"), 65, "only one class", "patient")


def test_class_smaller_than_the_folds(published):
    says(published.run("group", "--set", "cv.outer.folds=7"), 65, "6 units, fewer than 7 folds")


def test_missing_target_is_counted(published):
    edit(published.dataset / "participants.tsv", lambda t: t.loc.__setitem__((t.index[:2], "diagnosis"), "n/a"))
    says(published.run("group"), 0, "cohort: 10 of 12", "left at gate 'target': 2")
    left = read(published.group / "cohort.tsv").query("included == 'no'")
    assert left["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert set(left["gate"]) == {"target"}
    assert "2" in (published.output / "group-demo.html").read_text()


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(lambda p: (p["diagnosis"] == "patient").astype(int), id="copy"),
        pytest.param(lambda p: 7 - 3 * (p["diagnosis"] == "patient").astype(int), id="reversed"),
        pytest.param(lambda p: p["diagnosis"], id="text"),
    ],
)
def test_copy_of_the_target_among_the_features(place, copy):
    add_table(place, disguised=copy)
    says(place.run("participant", *TABLE_ONLY), 0)
    says(place.run("group", *TABLE_ONLY), 65, "disguised")
    assert not place.group.exists()


def test_the_target_column_itself_is_left_out_of_a_table(place):
    participants = read(place.dataset / "participants.tsv")
    participants.to_csv(place.dataset / "everything.tsv", sep="\t", index=False)
    words = ("--set", 'features=[{kind = "table", file = "everything.tsv"}]', "--set", "input={}")
    says(place.run("participant", *words), 0)
    features = read(next(place.output.glob("sub-01/*_features.tsv")))
    assert "age" in set(features["name"])
    assert not [name for name in features["name"] if name.startswith("diagnosis")]


def test_one_image_under_two_ids(place):
    ten, eleven = place.scan_files("10"), place.scan_files("11")
    for source, target in zip(ten, eleven, strict=True):
        assert source.name.replace("sub-10", "sub-11") == target.name
        shutil.copyfile(source, target)
    says(place.run("participant"), 0)
    says(place.run("group"), 65, "participants 10 and 11", "same features")


# ------------------------------------------------------------------ folders


def refused(place, code, *words, more=(), output=None, work=None):
    """A run that must be refused before it starts: nothing is written, nothing is changed."""
    before = digests(place.dataset)
    words_of = place.words("participant", *more)
    words_of[1] = str(output or place.output)
    words_of[words_of.index("--work-dir") + 1] = str(work or place.work)
    says(place.run_words(*words_of), code, *words)
    assert digests(place.dataset) == before
    assert not place.output.exists()
    assert not place.work.exists()


def test_output_is_input(place):
    refused(place, 64, "output folder is the input", output=place.dataset)
    refused(place, 64, "output folder is the input", output=place.dataset / "sub-01" / "..")


def test_output_is_a_derivative_of_another_tool(place):
    refused(place, 73, "another dataset", output=place.dataset / "derivatives" / "fmriprep")


def test_work_inside_input(place):
    refused(place, 64, "work folder", work=place.dataset / "work")
    refused(place, 64, "work folder", work=place.dataset)


def test_output_below_a_file(place, tmp_path):
    (tmp_path / "taken").write_text("a file")
    refused(place, 73, "taken", output=tmp_path / "taken" / "out")
    refused(place, 73, "taken", work=tmp_path / "taken" / "work")


def test_unwritable_output(place, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    refused(place, 73, "locked", output=tmp_path / "locked" / "out")


# ------------------------------------------------------------------ words


def test_nothing_selected(place):
    refused(place, 18, "--task-id nback", "rest", more=("--task-id", "nback"))
    refused(place, 18, "--session-label pre", more=("--session-label", "pre"))
    path = place.dataset.parent / "filter.json"
    path.write_text('{"bold": {"space": "T1w"}}')
    refused(place, 18, "space", "MNI152NLin2009aSym", more=("--bids-filter-file", str(path)))


def test_a_job_of_one_participant_without_input_is_recorded_as_such(place):
    """As in an array over participants.tsv: the group level must not wait for them."""
    shutil.rmtree(place.dataset / "derivatives" / "fmriprep" / "sub-02")
    says(place.run("participant", "--participant-label", "02"), 18, "fmriprep")
    status = json.loads((place.output / "logs/participants/sub-02_analysis-demo_status.json").read_text())
    assert (status["state"], status["reason"]) == ("no-input", "no matching input")
    says(place.run("participant", "--participant-label", "99"), 18, "'99'")
    assert not (place.output / "logs/participants/sub-99_analysis-demo_status.json").exists()


@pytest.mark.parametrize("level", ["participant", "group"])
def test_unknown_participant(published, level):
    says(published.run(level, "--participant-label", "sub-13"), 18, "'13'", "01, 02")


@pytest.mark.parametrize(
    ("content", "code", "word"),
    [
        (None, 16, "no dataset_description.json"),
        ("{}", 16, "Name"),
        ('{"Name": "x",\n!', 65, "dataset_description.json:2"),
    ],
)
def test_dataset_description(place, content, code, word):
    path = place.dataset / "dataset_description.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    refused(place, code, word)
    says(place.run("participant", "--skip-bids-validation", "--dry-run"), 0)


def test_duplicate_participant_rows(place):
    path = place.dataset / "participants.tsv"
    path.write_text(path.read_text() + path.read_text().splitlines()[3] + "\n")
    refused(place, 65, "sub-03".removeprefix("sub-"), "more than one row")


def test_names_in_the_analysis(place):
    refused(place, 78, "did you mean 'ridge'", more=("--set", "estimators.0.kind=rigde"))
    refused(place, 78, "did you mean '36p'", more=("--set", "denoise.strategy=36q"))
    refused(place, 78, "did you mean 'age'", more=("--set", 'nuisance.columns=["agee"]'))
    refused(place, 78, "did you mean 'connectome'", more=("--set", "features.0.kind=conectome"))
    refused(place, 78, "did you mean 'permutations'", more=("--set", "inference.permutation=3"))
