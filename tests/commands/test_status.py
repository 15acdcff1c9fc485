"""``bidsml status``: printed and as JSON, with an exit code for scripts."""

import json

import pytest

from bidsml.app.status import ParticipantStatus, write_status
from bidsml.bids.derivative import write_dataset_files
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
