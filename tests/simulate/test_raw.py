"""The raw dataset is valid BIDS, repeatable, and has the planted effects."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bidsml.simulate.raw import RawDesign, simulate_participant, slice_times_s, write_raw_dataset

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
SMALL = {"n_volumes": 20, "t1w_mm": 6.0, "bold_mm": 8.0}


@pytest.fixture(scope="module", params=["rest", "faces"])
def dataset(request, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("raw") / request.param
    return write_raw_dataset(out, n_participants=2, seed=1, design=RawDesign(task=request.param, **SMALL))


def test_images_and_sidecars_agree(dataset):
    task = dataset.name
    sidecar = json.loads((dataset / f"task-{task}_bold.json").read_text())
    for label in ("sub-01", "sub-02"):
        bold = nib.load(dataset / label / "func" / f"{label}_task-{task}_bold.nii.gz")
        assert bold.shape[3] == 20
        assert bold.header.get_zooms()[3] == sidecar["RepetitionTime"] == 2.0
        assert len(sidecar["SliceTiming"]) == bold.shape[2]
        assert max(sidecar["SliceTiming"]) < 2.0
        assert (dataset / label / "anat" / f"{label}_T1w.nii.gz").is_file()
    participants = pd.read_csv(dataset / "participants.tsv", sep="\t")
    assert participants["diagnosis"].tolist() == ["control", "patient"]


def test_events_go_with_a_task_only(dataset):
    found = sorted(dataset.rglob("*events.tsv"))
    assert len(found) == (2 if dataset.name == "faces" else 0)
    for path in found:
        events = pd.read_csv(path, sep="\t")
        assert set(events["trial_type"]) == {"face", "house"}
        assert events["onset"].between(0, 40 - 12).all()


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_dataset_is_valid(dataset):
    done = subprocess.run([VALIDATOR, str(dataset), "--ignoreWarnings"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    design = RawDesign(n_volumes=4, t1w_mm=8.0, bold_mm=12.0)
    first, second = (write_raw_dataset(tmp_path / name, n_participants=1, seed=4, design=design) for name in "ab")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) > 5
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_patients_differ_where_it_was_planted():
    design = RawDesign(n_volumes=200, t1w_mm=6.0, bold_mm=24.0)
    pairs = {patient: simulate_participant(design, seed=7, patient=patient) for patient in (False, True)}
    grey = {patient: head.grey.get_fdata().sum() for patient, (head, _) in pairs.items()}
    assert grey[True] < 0.99 * grey[False]
    frontal = [9, 10, 11, 21, 22, 23]
    pairs_of = np.triu_indices(6, k=1)
    coupling = {
        patient: np.corrcoef(bold.signals[:, frontal].T)[pairs_of].mean() for patient, (_, bold) in pairs.items()
    }
    assert coupling[True] > coupling[False] + 0.1


def test_even_slices_come_first():
    assert slice_times_s(5, 2.0) == (0.0, 1.2, 0.4, 1.6, 0.8)
