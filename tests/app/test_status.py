"""Where everyone stands: the manifest and the log together, and one record for code, last line and status."""

import pytest

from bidsml.app.status import ParticipantStatus, RunStatus, of_analysis, read_statuses, status_path, write_status
from bidsml.bids.manifest import Entry, write_manifest
from bidsml.bids.store import sha256_file, write_text
from bidsml.errors import DataError


@pytest.fixture
def finish(tmp_path):
    """Publish one small file for a participant, with its manifest."""

    def run(label: str, analysis: str = "a"):
        path = write_text(tmp_path / f"sub-{label}" / f"{analysis}.tsv", "x\n")
        name = path.relative_to(tmp_path).as_posix()
        entry = Entry(features_digest="d", files={name: sha256_file(path)}, features={"block": name})
        write_manifest(tmp_path, participant_id=label, analysis=analysis, entry=entry)
        return path

    return run


def states(out, **options):
    return {(one.analysis, one.participant_id): one.state for one in read_statuses(out, **options)}


def test_a_status_comes_back_as_it_was_written(tmp_path):
    one = ParticipantStatus("01", "a", "failed", "the file\nis 'bad' \u00e9", "mend it", 65)
    write_status(tmp_path, one)
    assert read_statuses(tmp_path) == (one,)


def test_analyses_stand_side_by_side(tmp_path, finish):
    finish("01", "a")
    finish("01", "b")
    write_status(tmp_path, ParticipantStatus("02", "b", "selected"))
    assert states(tmp_path) == {("a", "01"): "done", ("b", "01"): "done", ("b", "02"): "selected"}
    assert set(of_analysis(read_statuses(tmp_path), "b")) == {"01", "02"}


def test_a_manifest_is_stronger_than_a_run_that_was_cut_short(tmp_path, finish):
    write_status(tmp_path, ParticipantStatus("01", "a", "selected"))
    finish("01")
    assert states(tmp_path) == {("a", "01"): "done"}


def test_a_failed_rerun_is_not_hidden_by_an_older_manifest(tmp_path, finish):
    finish("01")
    write_status(tmp_path, ParticipantStatus("01", "a", "failed", "truncated"))
    assert states(tmp_path) == {("a", "01"): "failed"}


def test_verify_looks_at_the_files(tmp_path, finish):
    path = finish("01")
    path.write_text("y\n")
    assert states(tmp_path) == {("a", "01"): "done"}
    (one,) = read_statuses(tmp_path, verify=True)
    assert one.state == "failed"
    assert path.name in one.reason


def test_a_broken_status_file_is_named(tmp_path):
    path = status_path(tmp_path, "01", "a")
    write_text(path, "{")
    with pytest.raises(DataError, match="sub-01_analysis-a_status"):
        read_statuses(tmp_path)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RunStatus("participant", "a", 0, done=("1", "2")), ["2 finished", "exit code 0"]),
        (RunStatus("participant", "a", 1, done=("1",), failed={"2": "x"}), ["1 finished", "1 failed", "exit code 1"]),
        (RunStatus("participant", "a", 0, without={"2": "x"}), ["1 without matching input"]),
        (RunStatus("group", "a", 0, report="group-a.html"), ["finished", "group-a.html"]),
        (RunStatus("group", "a", 65), ["failed", "65"]),
    ],
)
def test_the_last_line_says_what_the_exit_code_says(status, words):
    assert all(word in status.last_line for word in words)
