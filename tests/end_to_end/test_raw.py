"""Raw images in, features out: against the truth of a simulation, and as any dataset without derivatives."""

import shutil
from pathlib import Path

import ants
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds_strategy

from bidsml.simulate.motion import framewise_displacement
from bidsml.simulate.raw import RawDesign, simulate_participant, write_raw_dataset

DESIGN = RawDesign(n_volumes=60)
SEED = 5


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """One simulated person's raw T1w and BOLD."""
    return write_raw_dataset(tmp_path_factory.mktemp("raw") / "dataset", n_participants=1, seed=SEED, design=DESIGN)


@pytest.fixture(scope="module")
def words(raw, tmp_path_factory):
    """A command line of the participant level on the raw dataset."""
    place = tmp_path_factory.mktemp("run")
    return [
        str(raw), str(place / "out"), "participant", "-w", str(place / "work"), "--nprocs", "1",
        "--analysis", "demo-raw", "-d", f"atlas={raw / 'derivatives' / 'atlas'}", "--set", "denoise.min_minutes=1",
    ]  # fmt: skip


def test_a_dry_run_names_the_preprocessing_and_where_it_goes(words, bidsml):
    ran = bidsml(*words, "--dry-run", "-v")
    assert ran.code == 0, ran.text
    assert "raw BOLD: 1 of 1 participants (task rest)" in ran.text
    assert "raw images go to MNI152NLin2009aSym" in ran.text
    for step in ("conform_t1w", "extract_brain", "register_to_template", "estimate_motion"):
        assert step in ran.text


def test_without_word_on_it_raw_images_are_for_want_of_derivatives(words, bidsml):
    """With derivatives given and no match, the way to raw is named, not taken."""
    ran = bidsml(*words, "--dry-run", "--set", "input.kind=auto")
    assert ran.code == 18
    assert 'input.kind = "raw"' in ran.text


def test_a_space_that_is_not_at_hand_is_said_before_anything_runs(words, bidsml):
    ran = bidsml(*words, "--dry-run", "--set", "preprocess.space=MNI152NLin6Asym")
    assert ran.code == 66
    assert "template MNI152NLin6Asym" in ran.text


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.slow
def test_the_truth_comes_back(words, bidsml, raw):
    ran = bidsml(*words)
    assert ran.code == 0, ran.text
    out = Path(words[1])
    head, bold = simulate_participant(DESIGN, seed=1000 * SEED + 1, patient=False)
    anat, func = out / "sub-01" / "anat", out / "sub-01" / "func"
    mask = nib.load(anat / "sub-01_desc-brain_mask.nii.gz")
    truth = nib.load(raw / "sub-01" / "anat" / "sub-01_T1w.nii.gz")
    np.testing.assert_array_equal(np.asarray(truth.dataobj), np.asarray(head.t1w.dataobj))
    brain = nib.as_closest_canonical(head.brain)
    np.testing.assert_allclose(mask.affine, brain.affine, atol=1e-3)
    inside = np.asarray(brain.dataobj) > 0
    assert dice(np.asarray(mask.dataobj) > 0, inside) >= 0.95
    gray = np.asarray(nib.as_closest_canonical(head.grey).dataobj) > 0.5
    found = np.asarray(nib.load(anat / "sub-01_label-GM_probseg.nii.gz").dataobj) > 0.5
    assert dice(found, gray) >= 0.80
    check_registration(anat, head, inside, brain.affine)
    check_motion(func, bold)
    confounds, _ = load_confounds_strategy(
        str(next(func.glob("*desc-preproc_bold.nii.gz"))), denoise_strategy="simple", motion="full"
    )
    assert len(confounds) == DESIGN.n_volumes and confounds.shape[1] > 24
    assert (out / "sub-01.html").read_text(encoding="utf-8").count("<section") >= 8


def check_registration(anat, head, inside, affine):
    """Mean distance of where brain points go to, and where they should: at most 2 mm."""
    voxels = np.argwhere(inside)[:: max(1, inside.sum() // 3000)]
    points = nib.affines.apply_affine(affine, voxels)
    lps = pd.DataFrame(points * [-1, -1, 1], columns=list("xyz"))
    # ANTs moves points against the way that it moves images.
    inverse = next(anat.glob("*_to-T1w_mode-image_xfm.h5"))
    moved = ants.apply_transforms_to_points(3, lps, [str(inverse)])[["x", "y", "z"]].to_numpy() * [-1, -1, 1]
    error = np.linalg.norm(moved - head.to_template(points), axis=1)
    assert error.mean() <= 2.0, error.mean()


def check_motion(func, bold):
    table = pd.read_csv(next(func.glob("*desc-confounds_timeseries.tsv")), sep="\t", na_values=["n/a"])
    found = table[["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]].to_numpy()
    steady = slice(3, None)
    difference = (found - bold.motion)[steady]
    difference = difference - difference.mean(axis=0)
    rmse = np.sqrt((difference**2).mean(axis=0))
    assert rmse[:3].max() <= 0.1 and np.degrees(rmse[3:]).max() <= 0.1
    fd, truth = table["framewise_displacement"][steady], framewise_displacement(bold.motion)[steady]
    assert np.abs(fd - truth).mean() <= 0.05
    assert np.corrcoef(fd, truth)[0, 1] >= 0.95


@pytest.mark.slow
def test_a_truncated_image_fails_its_participant_with_its_name(raw, words, bidsml, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(raw, copy)
    image = copy / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    image.write_bytes(image.read_bytes()[:-1000])
    changed = [str(copy), str(tmp_path / "out"), *words[2:]]
    changed[changed.index("-w") + 1] = str(tmp_path / "work")
    ran = bidsml(*changed)
    assert ran.code == 1
    assert "sub-01_T1w.nii.gz" in ran.text and "Traceback" not in ran.text
