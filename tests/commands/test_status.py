"""``bidsml status``: printed and as JSON, with an exit code for scripts."""

import json

import pytest

from bidsml.app.status import ParticipantStatus, RunStatus, write_run_status, write_status
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.manifest import Entry, write_manifest
from bidsml.bids.store import sha256_file, write_json
from bidsml.cli import main


@pytest.fixture
def out(tmp_path):
    write_dataset_files(tmp_path / "out", bids_dir=tmp_path, derivatives={})
    return tmp_path / "out"


def test_nothing_done_yet(out, capsys):
    assert main(["status", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"participants": [], "group": []}


def test_failures_are_printed_with_their_reason(out, capsys):
    write_status(out, ParticipantStatus("01", "a", "failed", "bold.nii.gz is [red]cut short", "fetch it", 65))
    write_status(out, ParticipantStatus("02", "a", "no-input", "no matching bold file"))
    write_status(out, ParticipantStatus("03", "b", "selected"))
    assert main(["status", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "sub-01 a: failed bold.nii.gz is [red]cut short" in printed
    assert "sub-02 a: without input no matching bold file" in printed
    assert "sub-03 b: missing" in printed


def test_without_input_is_no_failure(out):
    write_status(out, ParticipantStatus("02", "a", "no-input", "no matching bold file"))
    assert main(["status", str(out)]) == 0


def test_a_folder_that_is_no_output(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 66
    assert "OUTPUT_DIR" in capsys.readouterr().err


def told(out, capsys, *words):
    code = main(["status", str(out), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def done(out):
    """One participant and one group analysis, finished, with a file each."""
    for name in ("sub-01/x.tsv", "group/a/y.tsv"):
        (out / name).parent.mkdir(parents=True)
        (out / name).write_text("x")
    entry = Entry("d", {"sub-01/x.tsv": sha256_file(out / "sub-01/x.tsv")}, {})
    write_manifest(out, participant_id="01", analysis="a", entry=entry)
    write_json(out / "group/a/files.json", {"files": {"group/a/y.tsv": sha256_file(out / "group/a/y.tsv")}})
    return out


def test_done(done, capsys):
    code, content = told(done, capsys)
    assert code == 0
    assert [one["state"] for one in content["participants"]] == ["done"]
    assert content["group"] == [{"analysis": "a", "state": "done", "reason": "", "applied": False}]


@pytest.mark.parametrize("name", ["sub-01/x.tsv", "group/a/y.tsv"])
def test_verify_reads_the_files(done, capsys, name):
    (done / name).write_text("y")
    assert told(done, capsys)[0] == 0, "without it, only whether they are there is looked at"
    code, content = told(done, capsys, "--verify")
    assert code == 1
    (reason,) = [one["reason"] for one in (*content["participants"], *content["group"]) if one["state"] == "failed"]
    assert reason == f"{name} is not as it was written"
    (done / name).unlink()
    code, content = told(done, capsys)
    assert code == 1
    assert f"{name} is missing" in json.dumps(content)


def test_who_was_never_run_is_missing(done, capsys, tmp_path):
    (tmp_path / "participants.tsv").write_text("participant_id\nsub-01\nsub-02\n")
    code, content = told(done, capsys)
    assert code == 1
    assert {one["participant_id"]: one["state"] for one in content["participants"]} == {"01": "done", "02": "missing"}
    assert main(["status", str(done)]) == 1
    assert "sub-02 a: missing (never run)" in capsys.readouterr().out
    moved = done.rename(tmp_path / "elsewhere.out")
    (tmp_path / "participants.tsv").rename(tmp_path / "kept.tsv")
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "kept.tsv").rename(other / "participants.tsv")
    assert told(moved, capsys)[0] == 0
    assert told(moved, capsys, "--bids-dir", str(other))[0] == 1


def test_group_analyses_that_failed_or_never_ran(done, capsys):
    write_status(done, ParticipantStatus("01", "b", "done"))
    write_run_status(done, RunStatus("group", "c", 65, failed={"node": "only one class"}))
    write_run_status(done, RunStatus("group", "a", 70, applied=True))
    code, content = told(done, capsys)
    assert code == 1
    states = {(one["analysis"], one["applied"]): (one["state"], one["reason"]) for one in content["group"]}
    assert states == {
        ("a", False): ("done", ""),
        ("b", False): ("missing", ""),
        ("c", False): ("failed", "only one class"),
        ("a", True): ("failed", "exit code 70"),
    }
    assert main(["status", str(done)]) == 1
    assert "group analysis c: failed: only one class" in capsys.readouterr().out
