"""Features from other modalities, run as a user would: participant and group on a small made-up dataset."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from place import Ran, run_bidsml
from recordings import simulate_eeg, write_eeg

from bidsml.bids.recon import SUBCORTICAL

LABELS = tuple(f"{number:02d}" for number in range(1, 13))
ANALYSIS = """
name = "small"
[target]
column = "group"
positive = "patient"
{blocks}
[cv]
outer = {{kind = "stratified", folds = 3, repeats = 1}}
inner = {{folds = 2}}
[[estimators]]
kind = "ridge"
grid = {{alpha = [1.0, 100.0]}}
[inference]
permutations = 9
"""


class Study:
    """Twelve people, every other one a patient, and the folders that other tools made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dataset = folder / "bids"
        self.derivatives: dict[str, Path] = {}
        self.dataset.mkdir()
        (self.dataset / "dataset_description.json").write_text('{"Name": "made up", "BIDSVersion": "1.11.1"}')
        people = {"participant_id": [f"sub-{label}" for label in LABELS], "group": ["patient", "control"] * 6}
        pd.DataFrame(people).to_csv(self.dataset / "participants.tsv", sep="\t", index=False)
        for label in LABELS:
            (self.dataset / f"sub-{label}").mkdir()

    def run(self, level: str, blocks: str, *more: str) -> Ran:
        analysis = self.folder / "analysis.toml"
        analysis.write_text(ANALYSIS.format(blocks=blocks))
        words = [str(self.dataset), str(self.folder / "out"), level, "--work-dir", str(self.folder / "work")]
        words += ["--analysis", str(analysis), "--nprocs", "1"]
        for name, path in self.derivatives.items():
            words += ["-d", f"{name}={path}"]
        return run_bidsml(*words, *more)

    def run_both(self, blocks: str) -> Path:
        """Run both levels, and give the output folder."""
        for level in ("participant", "group"):
            ran = self.run(level, blocks)
            assert ran.code == 0, ran.text
        out = self.folder / "out"
        assert (out / "group-small.html").is_file()
        return out

    def manifest(self, label: str) -> dict:
        return json.loads((self.folder / "out" / f"sub-{label}" / f"sub-{label}_bidsml.json").read_text())


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def write_freesurfer(study: Study) -> Path:
    """Patients have a thinner insula."""
    rng = np.random.default_rng(0)
    root = study.derivatives["freesurfer"] = study.folder / "fs"
    for index, label in enumerate(LABELS):
        stats = root / f"sub-{label}" / "stats"
        stats.mkdir(parents=True)
        for side in ("lh", "rh"):
            lines = [
                "# Measure Cortex, NumVert, Number of Vertices, 200, unitless",
                "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg",
            ]
            for region in ("insula", "cuneus"):
                thick = 2.5 + 0.1 * rng.standard_normal() - (0.8 if region == "insula" and index % 2 == 0 else 0)
                lines.append(f"{region} 100 {rng.integers(400, 600)} {rng.integers(900, 1100)} {thick:.3f}")
            (stats / f"{side}.aparc.stats").write_text("\n".join(lines) + "\n")
        lines = ["# Measure EstimatedTotalIntraCranialVol, eTIV, Volume, 1400000, mm^3"]
        lines += ["# ColHeaders Index SegId NVoxels Volume_mm3 StructName"]
        lines += [f"{i} {i} 1 {rng.integers(3000, 4000)} {name}" for i, name in enumerate(SUBCORTICAL)]
        (stats / "aseg.stats").write_text("\n".join(lines) + "\n")
    return root


FREESURFER = '[[features]]\nkind = "freesurfer"\n[[features]]\nkind = "freesurfer"\nmeasure = "subcortical_of_etiv"\n'


@pytest.mark.slow
def test_freesurfer(study):
    root = write_freesurfer(study)
    planned = study.run("participant", FREESURFER, "--dry-run", "-v")
    assert planned.code == 0, planned.text
    assert "aseg.stats" in planned.text
    out = study.run_both(FREESURFER)
    found = sorted(path.relative_to(out).as_posix() for path in out.glob("sub-01/anat/*features.tsv"))
    assert found == [
        "sub-01/anat/sub-01_atlas-DesikanKilliany_desc-freesurfer_features.tsv",
        "sub-01/anat/sub-01_atlas-aseg_desc-freesurfer2_features.tsv",
    ]
    table = pd.read_csv(out / found[0], sep="\t").set_index("name")["value"]
    regions = ("insula", "cuneus")
    assert list(table.index) == [f"{side}_{region}_thickness" for side in ("lh", "rh") for region in regions]
    inputs = study.manifest("01")["analyses"]["small"]["provenance"]["inputs"]
    assert {f"bids:freesurfer:sub-01/stats/{name}" for name in ("lh.aparc.stats", "aseg.stats")} <= set(inputs)
    text = (out / "sub-01.html").read_text()
    assert "Cortical thickness (Fischl &amp; Dale, 2000) in the regions of the Desikan-Killiany atlas" in text
    assert "doi.org/10.1073/pnas.200033797" in text
    # Another content of the file makes the features again.
    before = study.manifest("01")["analyses"]["small"]["files"][found[0]]
    changed = root / "sub-01" / "stats" / "lh.aparc.stats"
    changed.write_text(changed.read_text().replace("2.", "3."))
    assert study.run("participant", FREESURFER).code == 0
    assert study.manifest("01")["analyses"]["small"]["files"][found[0]] != before


def test_freesurfer_of_some_people(study):
    """Who lacks a hemisphere has no input; whose table is cut off fails; the others are finished."""
    root = write_freesurfer(study)
    (root / "sub-03" / "stats" / "rh.aparc.stats").unlink()
    damaged = root / "sub-04" / "stats" / "lh.aparc.stats"
    damaged.write_text(damaged.read_text().rpartition("cuneus")[0])
    ran = study.run("participant", FREESURFER)
    assert ran.code == 1, ran.text
    assert "sub-04" in ran.text
    assert "is cut off" in ran.text
    states = {
        one["participant_id"]: one
        for one in json.loads(run_bidsml("status", str(study.folder / "out"), "--json").text)["participants"]
    }
    assert states["03"]["state"] == "no-input"


def test_content_that_was_not_fetched(study):
    """Who is asked for needs the content; others do not."""
    root = write_freesurfer(study)
    table = root / "sub-05" / "stats" / "rh.aparc.stats"
    table.unlink()
    table.symlink_to("../../.git/annex/objects/aa/bb/MD5E-s9/MD5E-s9")
    ran = study.run("participant", FREESURFER, "--participant-label", "05")
    assert ran.code == 66
    assert f"datalad get {table}" in ran.text
    ran = study.run("participant", FREESURFER, "--participant-label", "06", "--dry-run")
    assert ran.code == 0, ran.text


def test_a_folder_without_anybody(study):
    study.derivatives["freesurfer"] = study.folder / "elsewhere"
    (study.folder / "elsewhere").mkdir()
    ran = study.run("participant", FREESURFER)
    assert ran.code == 66
    assert str(study.folder / "elsewhere" / "sub-01") in ran.text


@pytest.mark.slow
def test_image_quality(study):
    """Patients move more; the mean of two runs is taken; group tables and own files serve alike."""
    rng = np.random.default_rng(1)
    root = study.derivatives["mriqc"] = study.folder / "mriqc"
    root.mkdir()
    rows = []
    for index, label in enumerate(LABELS):
        folder = root / f"sub-{label}" / "func"
        folder.mkdir(parents=True)
        for run in ("1", "2"):
            motion = 0.2 + 0.02 * rng.random() + (0.3 if index % 2 == 0 else 0.0)
            metrics = {"fd_mean": motion, "tsnr": float(50 + rng.random()), "size_x": 64}
            (folder / f"sub-{label}_task-rest_run-{run}_bold.json").write_text(json.dumps(metrics))
        rows.append({"bids_name": f"sub-{label}_T1w", "cjv": rng.random(), "efc": rng.random()})
    pd.DataFrame(rows).to_csv(root / "group_T1w.tsv", sep="\t", index=False)
    out = study.run_both(
        '[[features]]\nkind = "image_quality"\nname = "bold"\nsuffix = "bold"\n[[features]]\nkind = "image_quality"\n'
    )
    table = pd.read_csv(out / "sub-01" / "sub-01_desc-bold_features.tsv", sep="\t").set_index("name")["value"]
    runs = [json.loads(path.read_text()) for path in sorted(root.glob("sub-01/func/*.json"))]
    assert list(table.index) == ["fd_mean", "tsnr"]
    assert table["fd_mean"] == pytest.approx(np.mean([run["fd_mean"] for run in runs]))
    assert "bids:mriqc:group_T1w.tsv" in study.manifest("01")["analyses"]["small"]["provenance"]["inputs"]
    assert "taken from MRIQC (Esteban et al., 2017)" in (out / "group-small.html").read_text()


@pytest.mark.slow
def test_diffusion(study):
    """Patients have less anisotropy in one region; one of them has a hole in it."""
    rng = np.random.default_rng(2)
    affine, space = np.diag([4.0, 4.0, 4.0, 1.0]), "MNI152NLin2009cAsym"
    labels = np.zeros((8, 8, 8), dtype=np.int16)
    labels[:4], labels[4:] = 1, 2
    atlas = study.derivatives["atlas"] = study.folder / "atlas"
    atlas.mkdir()
    stem = f"atlas-two_space-{space}_dseg"
    nib.Nifti1Image(labels, affine).to_filename(atlas / f"{stem}.nii.gz")
    pd.DataFrame({"index": [1, 2], "name": ["CST", "UF"]}).to_csv(atlas / f"{stem}.tsv", sep="\t", index=False)
    root = study.derivatives["qsirecon"] = study.folder / "qsirecon"
    for index, label in enumerate(LABELS):
        folder = root / "derivatives" / "qsirecon-DIPYDKI" / f"sub-{label}" / "dwi"
        folder.mkdir(parents=True)
        values = rng.normal(0.5, 0.05, labels.shape)
        values[labels == 2] -= 0.2 * (index % 2 == 0)
        if label == "03":
            values[labels == 2] = 0
        name = f"sub-{label}_space-{space}_model-tensor_param-fa_dwimap.nii.gz"
        nib.Nifti1Image(values.astype(np.float32), affine).to_filename(folder / name)
    out = study.run_both(f'[[features]]\nkind = "diffusion"\natlas = "{{atlas}}/{stem}.nii.gz"\n')
    (path,) = (out / "sub-03" / "dwi").glob("*_atlas-two_*desc-diffusion_features.tsv")
    table = pd.read_csv(path, sep="\t")
    assert table["value"].isna().tolist() == [False, True]
    assert table["missing"][1] == "the map has no value there"
    assert "Fractional anisotropy (Basser &amp; Pierpaoli, 1996) was averaged in the regions of the two atlas" in (
        (out / "sub-01.html").read_text()
    )


EEG = """
[[features]]
kind = "eeg_power"
bands = {alpha = [8.0, 13.0], beta = [13.0, 30.0]}
[[features]]
kind = "eeg_covariance"
recording = {high_pass_hz = 8.0, low_pass_hz = 30.0}
"""


@pytest.mark.slow
def test_eeg(study):
    """Patients have less alpha over the occipital electrodes; one lacks an electrode, one has two runs."""
    pytest.importorskip("mne_bids")
    rng = np.random.default_rng(3)
    channels = ["Fz", "Cz", "Pz", "O1", "O2"]
    for index, label in enumerate(LABELS):
        alpha = np.array([1.0, 1.0, 2.0, 4.0, 4.0]) * (1.0 if index % 2 == 0 else 3.0)
        for run in ("1", "2") if label == "02" else ("1",):
            kept = [number for number, name in enumerate(channels) if (name, label, run) not in GONE]
            signals = simulate_eeg(rng, len(kept), alpha_uv=alpha[kept], seconds=50)
            names = [channels[number] for number in kept]
            stem = f"sub-{label}_task-rest_run-{run}_eeg"
            write_eeg(study.dataset, stem, signals, names, bad=["Fz"] if label == "04" else [])
    out = study.run_both(EEG)
    power = pd.read_csv(out / "sub-01" / "eeg" / "sub-01_task-rest_desc-eegpower_features.tsv", sep="\t")
    assert list(power["name"][:2]) == ["Cz_alpha", "Cz_beta"]
    assert power["value"].notna().all()
    bad = pd.read_csv(out / "sub-04" / "eeg" / "sub-04_task-rest_desc-eegpower_features.tsv", sep="\t")
    assert bad.set_index("name")["missing"]["Fz_alpha"] == "marked bad in channels.tsv"
    assert (out / "sub-01" / "eeg" / "sub-01_task-rest_meas-covariance_relmat.dense.tsv").is_file()
    inputs = study.manifest("02")["analyses"]["small"]["provenance"]["inputs"]
    stem = "bids:raw:sub-02/eeg/sub-02_task-rest_run-2"
    assert {f"{stem}_eeg.vhdr", f"{stem}_eeg.eeg", f"{stem}_eeg.json", f"{stem}_channels.tsv"} <= set(inputs)
    text = (out / "group-small.html").read_text()
    assert "Appelhoff et al., 2019" in text
    assert "Sabbagh et al., 2020" in text


GONE = {("Pz", "03", "1"), ("O2", "02", "2")}


def test_no_eeg_and_no_mne(study, monkeypatch):
    blocks = '[[features]]\nkind = "eeg_power"\n'
    ran = study.run("participant", blocks)
    assert ran.code == 66
    assert "sub-01_*_eeg" in ran.text
    monkeypatch.setattr("bidsml.bids.recordings.find_spec", lambda name: None)
    ran = study.run("participant", blocks)
    assert ran.code == 66
    assert "pip install 'bidsml[eeg]'" in ran.text
