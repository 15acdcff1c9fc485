"""EEG and MEG recordings of a dataset: which are found, and which files belong to one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recordings import write_eeg

from bidsml.bids.modalities import find_modality
from bidsml.bids.search import Search
from bidsml.errors import MissingInputError
from bidsml.spec import FeatureSpec

pytest.importorskip("mne_bids")
SILENCE = np.zeros((2, 400))


def find(dataset: Path, *, sessions=(), tasks=(), **keys: object):
    feature = FeatureSpec(kind="eeg_power", **keys)
    return find_modality("recording", feature, "1", Search(dataset, {}, sessions, tasks))


def test_a_recording_comes_with_all_files_that_decide_what_is_read(tmp_path):
    path = write_eeg(tmp_path, "sub-1_ses-a_task-rest_eeg", SILENCE, ("Fz", "Cz"))
    (tmp_path / "task-rest_eeg.json").write_text('{"PowerLineFrequency": 60}')
    write_eeg(tmp_path, "sub-1_ses-a_task-nback_eeg", SILENCE, ("Fz", "Cz"))
    (scan,) = find(tmp_path, tasks=("rest",))
    assert (scan.kind, scan.path, dict(scan.entities)) == ("eeg", path, {"ses": "a", "task": "rest"})
    names = {file.name.removeprefix("sub-1_ses-a_task-rest_") for file in scan.files}
    assert names == {"eeg.vhdr", "eeg.eeg", "eeg.vmrk", "eeg.json", "task-rest_eeg.json", "channels.tsv"}


def test_runs_are_found_in_order_and_filtered(tmp_path):
    for name in ("ses-b_task-rest_run-1", "ses-a_task-rest_run-10", "ses-a_task-rest_run-2"):
        write_eeg(tmp_path, f"sub-1_{name}_eeg", SILENCE, ("Fz", "Cz"))
    found = [scan.path.stem.removeprefix("sub-1_") for scan in find(tmp_path)]
    assert found == ["ses-a_task-rest_run-2_eeg", "ses-a_task-rest_run-10_eeg", "ses-b_task-rest_run-1_eeg"]
    assert len(find(tmp_path, sessions=("b",))) == 1


def test_of_a_split_recording_the_first_part_stands_for_all(tmp_path):
    folder = tmp_path / "sub-1" / "meg"
    folder.mkdir(parents=True)
    for part in ("01", "02"):
        (folder / f"sub-1_task-rest_split-{part}_meg.fif").write_bytes(b"x" * 2000)
    (scan,) = find(tmp_path, recording={"sensors": "mag"})
    assert scan.kind == "meg"
    assert [file.name for file in scan.files] == [f"sub-1_task-rest_split-{part}_meg.fif" for part in ("01", "02")]


def test_what_is_not_there_is_told_with_its_place(tmp_path):
    write_eeg(tmp_path, "sub-1_task-rest_eeg", SILENCE, ("Fz", "Cz"))
    with pytest.raises(MissingInputError, match="no MEG recording") as caught:
        find(tmp_path, recording={"sensors": "grad"})
    assert str(tmp_path / "sub-1" / "[ses-*]" / "meg") in caught.value.hint
    with pytest.raises(MissingInputError, match="no EEG recording"):
        find(tmp_path, tasks=("nback",))


def test_without_mne_the_extra_is_named(tmp_path, monkeypatch):
    write_eeg(tmp_path, "sub-1_task-rest_eeg", SILENCE, ("Fz", "Cz"))
    monkeypatch.setattr("bidsml.bids.recordings.find_spec", lambda name: None)
    with pytest.raises(MissingInputError, match="not installed") as caught:
        find(tmp_path)
    assert "bidsml[eeg]" in caught.value.hint


def test_mne_is_imported_only_where_a_recording_is_read():
    rooms = "bidsml.steps.modality, bidsml.bids.modalities"
    code = f"import sys, {rooms}; print(sorted({{'mne', 'mne_bids'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "[]"
