"""What is wrong with input or words is said in the exit code and in words. The fault table's rows: tests/faults."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from place import digests


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def says(ran, code, *words):
    assert ran.code == code, ran.text
    missing = [word for word in words if word not in ran.text]
    assert not missing, ran.text
    assert "Traceback" not in ran.text


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


@pytest.mark.fault(20, 37)
def test_truncated_scan(truncated, bidsml):
    place, bold = truncated
    before = digests(place.dataset)
    ran = place.run("participant", "--participant-label", "01", "02", "03")
    says(ran, 1, "sub-02", bold.name, "2 finished, 1 failed")
    assert bold.name in (place.output / "sub-02.html").read_text(), "the page of the damaged one says why"
    assert not list(place.output.glob("sub-02/**/*.*")), "nothing of the damaged one is published"
    assert digests(place.dataset) == before
    status = bidsml("status", str(place.output), "--json")
    states = {one["participant_id"]: one for one in json.loads(status.text)["participants"]}
    assert status.code == 1
    assert {label: one["state"] for label, one in states.items()} == {"01": "done", "02": "failed", "03": "done"}
    assert bold.name in states["02"]["reason"]

    says(place.run("group", "--set", "cv.outer.folds=2"), 1, "sub-02", bold.name, "--allow-partial")
    assert not (place.output / "group").exists()


# ------------------------------------------------------------------ features that are not those of this analysis


def test_altered_published_file(published):
    matrix = next(published.output.glob("sub-05/func/*_relmat.dense.tsv"))
    matrix.write_text(matrix.read_text().replace("0.", "1.", 1))
    says(published.run("group"), 65, "sub-05", matrix.name, "not as it was written")


def test_group_before_participant(place):
    says(place.run("group"), 66, "participant level first")
    assert not list(place.output.glob("[!l]*")), "nothing but logs and locks"


def test_the_target_column_itself_is_left_out_of_a_table(place):
    participants = read(place.dataset / "participants.tsv")
    participants.to_csv(place.dataset / "everything.tsv", sep="\t", index=False)
    words = ("--set", 'features=[{kind = "table", file = "everything.tsv"}]', "--set", "input={}")
    says(place.run("participant", *words), 0)
    features = read(next(place.output.glob("sub-01/*_features.tsv")))
    assert "age" in set(features["name"])
    assert not [name for name in features["name"] if name.startswith("diagnosis")]


# ------------------------------------------------------------------ words


def refused(place, code, *words, more=()):
    """A run that must be refused before it starts: nothing is written, nothing is changed."""
    before = digests(place.dataset)
    says(place.run("participant", *more), code, *words)
    assert digests(place.dataset) == before
    assert not place.output.exists()
    assert not place.work.exists()


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
