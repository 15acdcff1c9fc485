"""Images, confounds tables and a BIDS derivative made of real pieces."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bidsml.records import Atlas, Scan

AFFINE = np.array([[3.0, 0, 0, -30], [0, 3.0, 0, -36], [0, 0, 4.0, -20], [0, 0, 0, 1]])
SHAPE = (20, 24, 12)
N_VOLUMES = 60


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as NIfTI."""

    def write(values: np.ndarray, name: str = "bold.nii.gz", *, affine: np.ndarray = AFFINE, tr_s: float = 2.0) -> Path:
        image = nib.Nifti1Image(values, affine)
        image.header.set_xyzt_units("mm", "sec")
        if values.ndim == 4:
            image.header.set_zooms((*image.header.get_zooms()[:3], tr_s))
        path = tmp_path / name
        nib.save(image, path)
        return path

    return write


def simulate_bold(dtype: str = "int16", seed: int = 0) -> np.ndarray:
    """Noise around 1000 in every voxel: ``(*SHAPE, N_VOLUMES)``."""
    rng = np.random.default_rng(seed)
    return (1000 + 50 * rng.standard_normal((*SHAPE, N_VOLUMES))).astype(dtype)


@pytest.fixture
def brain(save: Callable[..., Path]) -> Path:
    """Mask of the inner voxels."""
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[2:-2, 2:-2, 1:-1] = 1
    return save(mask, "mask.nii.gz")


@pytest.fixture
def labels(save: Callable[..., Path]) -> Atlas:
    """Three boxes inside the mask, in the grid of the image."""
    values = np.zeros(SHAPE, dtype=np.int16)
    values[3:7, 3:9, 2:6] = 4
    values[8:12, 3:9, 2:6] = 2
    values[8:15, 12:18, 5:9] = 9
    return make_label_atlas(save(values, "atlas.nii.gz"), (4, 2, 9))


def make_label_atlas(image: Path, numbers: tuple[int, ...]) -> Atlas:
    return Atlas(
        name="boxes",
        space="",
        names=tuple(f"box{n}" for n in numbers),
        coordinates_mm=np.zeros((len(numbers), 3)),
        labels=numbers,
        image=image,
    )


def make_spheres(centres_mm: list[tuple[float, float, float]], radius_mm: float = 5.0) -> Atlas:
    return Atlas(
        name="balls",
        space="",
        names=tuple(f"ball{n}" for n in range(len(centres_mm))),
        coordinates_mm=np.array(centres_mm, dtype=float),
        radius_mm=radius_mm,
    )


def synthesise_confounds(template: Path, n_volumes: int, seed: int = 0) -> pd.DataFrame:
    """A table with the columns of a real one: random walks, true derivatives and squares, two steady-state marks."""
    names = [
        c for c in pd.read_csv(template, sep="\t", nrows=1).columns if not c.startswith(("motion_outlier", "non_"))
    ]
    rng = np.random.default_rng(seed)
    scale = {"trans": 0.02, "rot": 0.0004}
    table = pd.DataFrame(
        {
            name: scale.get(name.split("_")[0], 1.0) * np.cumsum(rng.standard_normal(n_volumes))
            for name in names
            if "derivative1" not in name and "power2" not in name
        }
    )
    for base in [c for c in table.columns if f"{c}_derivative1" in names]:
        derivative = table[base].diff()
        table = table.assign(
            **{
                f"{base}_derivative1": derivative,
                f"{base}_power2": table[base] ** 2,
                f"{base}_derivative1_power2": derivative**2,
            }
        )
    steps = table[["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]].diff().abs().to_numpy()
    table["framewise_displacement"] = steps[:, :3].sum(axis=1) + 50 * steps[:, 3:].sum(axis=1)
    for volume in range(2):
        table[f"non_steady_state_outlier{volume:02d}"] = np.eye(n_volumes)[volume]
    return table


@pytest.fixture(scope="session")
def studyforrest(shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """The real subject arranged as an fMRIPrep derivative: image, mask, and a table in fMRIPrep's format."""
    from nilearn.masking import compute_epi_mask

    source = shared_data("studyforrest_small") / "sub-02" / "func" / "sub-02_task-oneback_run-1_bold.nii.gz"
    real = shared_data("fmriprep_confounds") / "nilearn"
    folder = tmp_path_factory.mktemp("fmriprep") / "sub-02" / "func"
    folder.mkdir(parents=True)
    stem = "sub-02_task-oneback_run-1"
    bold = folder / f"{stem}_space-MNI152NLin6Asym_desc-preproc_bold.nii.gz"
    bold.symlink_to(source)
    mask = folder / f"{stem}_space-MNI152NLin6Asym_desc-brain_mask.nii.gz"
    nib.save(compute_epi_mask(source), mask)
    confounds = folder / f"{stem}_desc-confounds_timeseries.tsv"
    table = synthesise_confounds(real / "test-v21_desc-confounds_timeseries.tsv", 156)
    table.to_csv(confounds, sep="\t", na_rep="n/a", index=False)
    shutil.copyfile(real / "test-v21_desc-confounds_timeseries.json", confounds.with_suffix(".json"))
    sidecar = bold.with_name(bold.name.replace(".nii.gz", ".json"))
    sidecar.write_text(json.dumps({"RepetitionTime": 2.0, "SkullStripped": False}))
    return Scan(
        participant_id="02",
        kind="bold",
        path=bold,
        derivative="fmriprep",
        entities={"task": "oneback", "run": "1", "space": "MNI152NLin6Asym"},
        mask=mask,
        confounds=confounds,
        tr_s=2.0,
        sidecars=(sidecar,),
    )


def regzip(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, mtime=0))
