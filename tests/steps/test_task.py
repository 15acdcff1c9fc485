"""The task step: records in, maps, betas and a record out."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import compute_regressor

from bidsml.bids.store import read_record, write_record
from bidsml.errors import AnalysisFileError, MissingInputError
from bidsml.records import Scan, ScanData
from bidsml.spec import DenoiseSpec, TaskSpec
from bidsml.steps.task import fit_task

SHAPE, N_VOLUMES, TR_S = (8, 8, 6), 80, 2.0
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
SPEC = TaskSpec(contrasts={"a-b": "a - b"}, smoothing_fwhm_mm=0.0, single_trial="lss")


@pytest.fixture
def atlas(tmp_path) -> Path:
    """Three boxes: answers to ``a`` by 3 %, to ``b`` by 2 %, and one outside the mask."""
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[:3], labels[3:6], labels[6:] = 1, 2, 3
    folder = tmp_path / "atlas"
    folder.mkdir()
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / "atlas-boxes_dseg.nii.gz")
    (folder / "atlas-boxes_dseg.tsv").write_text("index\tname\n1\tleft\n2\tright\n3\toutside\n")
    return folder / "atlas-boxes_dseg.nii.gz"


def make_scan(folder: Path, run: int, *, events: bool = True, start_s: float = 0.0) -> Path:
    rng = np.random.default_rng(run)
    onsets = np.arange(6.0, 140.0, 11.0)
    table = pd.DataFrame({"onset": onsets, "duration": 1.0, "trial_type": np.resize(["a", "b"], len(onsets))})
    data = 1000 + 3 * rng.standard_normal((*SHAPE, N_VOLUMES))
    for box, (kind, percent) in zip((slice(0, 3), slice(3, 6)), (("a", 3.0), ("b", 2.0)), strict=True):
        rows = table[table["trial_type"] == kind]
        condition = np.array([rows["onset"], rows["duration"], np.ones(len(rows))])
        data[box] += (
            10 * percent * compute_regressor(condition, "glover", np.arange(N_VOLUMES) * TR_S + start_s)[0][:, 0]
        )
    mask = np.ones(SHAPE, dtype=np.uint8)
    mask[6:] = 0
    stem = folder / f"sub-01_task-x_run-{run}"
    bold = nib.Nifti1Image(data.astype(np.float32), AFFINE)
    bold.header.set_xyzt_units("mm", "sec")
    bold.header.set_zooms((4.0, 4.0, 4.0, TR_S))
    nib.save(bold, f"{stem}_bold.nii.gz")
    nib.save(nib.Nifti1Image(mask, AFFINE), f"{stem}_mask.nii.gz")
    table.to_csv(f"{stem}_events.tsv", sep="\t", index=False)
    sidecar = Path(f"{stem}_bold.json")
    sidecar.write_text(json.dumps({"StartTime": start_s}))
    scan = Scan(
        participant_id="01",
        kind="bold",
        path=Path(f"{stem}_bold.nii.gz"),
        entities={"task": "x", "run": str(run), "space": "MNI152NLin2009cAsym"},
        mask=Path(f"{stem}_mask.nii.gz"),
        events=Path(f"{stem}_events.tsv") if events else None,
        tr_s=TR_S,
        sidecars=(sidecar,),
    )
    return write_record(folder / f"scan-{run}.npz", scan)


def fit(tmp_path: Path, scans: list[Path], atlas: Path, spec: TaskSpec = SPEC) -> ScanData:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    denoise = DenoiseSpec(strategy="none").model_dump_json()
    return read_record(ScanData, fit_task(scans, spec.model_dump_json(), denoise, str(atlas), out_dir=out))


def test_regions_maps_and_trials(tmp_path, atlas):
    data = fit(tmp_path, [make_scan(tmp_path, 1), make_scan(tmp_path, 2)], atlas)
    assert data.regions == ("left", "right", "outside")
    assert data.contrasts["a-b"][:2] == pytest.approx([3.0, -2.0], rel=0.05)
    assert np.isnan(data.contrasts["a-b"][2])
    assert set(data.missing) == {"outside"}
    assert data.contrasts_z["a-b"][0] > 5 > -5 > data.contrasts_z["a-b"][1]
    effect = nib.load(tmp_path / "out" / "contrast-a-b_stat-effect_statmap.nii.gz").get_fdata()
    assert effect[:3].mean() == pytest.approx(data.contrasts["a-b"][0])
    betas = pd.read_csv(tmp_path / "out" / "betas.tsv", sep="\t")
    assert betas["run"].tolist() == [1] * 13 + [2] * 13
    assert betas.groupby("trial_type")["left"].mean().to_dict() == pytest.approx({"a": 3.0, "b": 0.0}, abs=0.2)
    assert betas["outside"].isna().all()


def test_the_start_time_of_slice_timing_counts(tmp_path, atlas):
    """Data taken 1 s into each volume fit a model of that time better than one of the volumes' starts."""
    scan = make_scan(tmp_path, 1, start_s=1.0)
    right = fit(tmp_path, [scan], atlas).contrasts_z["a-b"][0]
    (tmp_path / "sub-01_task-x_run-1_bold.json").write_text("{}")
    assert fit(tmp_path, [scan], atlas).contrasts_z["a-b"][0] < right


def test_what_is_not_there_is_said(tmp_path, atlas):
    with pytest.raises(MissingInputError, match=r"task-x run-1.*no events\.tsv"):
        fit(tmp_path, [make_scan(tmp_path, 1, events=False)], atlas)
    with pytest.raises(AnalysisFileError, match="names no contrast"):
        fit(tmp_path, [make_scan(tmp_path, 1)], atlas, TaskSpec())
