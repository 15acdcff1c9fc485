"""An output knows the image that made it, and how to be repeated in it."""

import shlex
from pathlib import Path

import pytest

from bidsml.app.same_image import call_in_image, is_same_image, other_image, recorded_container
from bidsml.bids.store import write_json

BUILT = {"Type": "docker", "Tag": "bidsml:0.1.0", "Build": "sha256:aa"}


@pytest.mark.parametrize(
    ("recorded", "here", "same"),
    [
        ({}, {}, True),
        (BUILT, BUILT, True),
        (BUILT, {**BUILT, "Type": "apptainer", "Digest": "sha256:other"}, True),
        ({**BUILT, "Digest": "sha256:1"}, {**BUILT, "Build": "sha256:bb", "Digest": "sha256:1"}, False),
        ({"Tag": "bidsml:0.1.0", "Digest": "sha256:1"}, {"Tag": "bidsml:0.1.0", "Digest": "sha256:2"}, False),
        (BUILT, {}, False),
        ({}, BUILT, False),
        ({"URI": "x"}, {"Tag": "x"}, False),
    ],
)
def test_one_build_is_one_image(recorded, here, same):
    assert is_same_image(recorded, here) is same


@pytest.fixture
def out(tmp_path) -> Path:
    write_json(tmp_path / "my out" / "dataset_description.json", {"GeneratedBy": [{"Container": BUILT}]})
    return tmp_path / "my out"


def test_outside_of_the_image_it_is_said(out, monkeypatch):
    for name in ("TYPE", "TAG", "URI", "DIGEST"):
        monkeypatch.delenv(f"BIDSML_CONTAINER_{name}", raising=False)
    assert recorded_container(out) == BUILT
    assert "bidsml:0.1.0" in other_image(out) and other_image(out).endswith("→ none")


@pytest.mark.parametrize(
    ("more", "image"),
    [
        ({}, "bidsml:0.1.0"),
        ({"URI": "example.org/bidsml", "Digest": "sha256:12"}, "example.org/bidsml@sha256:12"),
        ({"Type": "apptainer"}, "bidsml-0.1.0.sif"),
    ],
)
def test_the_call_mounts_what_it_reads_and_writes(out, tmp_path, more, image):
    write_json(out / "dataset_description.json", {"GeneratedBy": [{"Container": BUILT | more}]})
    new, raw, prep = (tmp_path / name for name in ("new", "raw", "prep"))
    words = shlex.split(call_in_image(out, new, {"raw": raw, "fmriprep": prep}))
    assert words[: words.index(image)][-1] == f"{prep}:{prep}:ro"
    assert f"{tmp_path}:{tmp_path}" in words and f"{out}:{out}:ro" in words and f"{raw}:{raw}:ro" in words
    assert words[words.index(image) + 1 :] == [
        "rerun", str(out), str(new), "--bids-dir", str(raw), "--derivatives", f"fmriprep={prep}",
    ]  # fmt: skip


def test_made_outside_of_a_container_there_is_no_call(out, tmp_path):
    write_json(out / "dataset_description.json", {"GeneratedBy": [{"Name": "bidsml"}]})
    assert call_in_image(out, tmp_path / "new", {"raw": tmp_path}) == ""
