"""A small simulated cohort with known truth: fMRIPrep-style derivatives, an atlas, and a planted effect.

The signals are correlated noise of regions, made slow by an autoregressive filter; patients have one group of
regions more tightly coupled. Scanner drift, head motion and voxel noise are added, and motion is no worse in
patients, so that the effect is the brain's alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from nilearn.datasets import load_mni152_brain_mask
from scipy.signal import lfilter

from bidsml.bids.store import write_json, write_table, write_text
from bidsml.records import FloatArray, IntArray
from bidsml.simulate.files import write_image
from bidsml.simulate.motion import framewise_displacement

SPACE = "MNI152NLin2009aSym"
ATLAS = "demo"
TR_S = 2.0


@dataclass(frozen=True)
class CohortDesign:
    """What is simulated.

    Attributes
    ----------
    coupling
        Correlation added among the planted regions in patients; 0 plants nothing.
    """

    n_participants: int = 40
    n_volumes: int = 150
    resolution_mm: int = 8
    coupling: float = 0.26
    seed: int = 0


def simulate_cohort(out: Path, design: CohortDesign) -> Path:
    """Write a BIDS dataset with ``derivatives/fmriprep`` and ``derivatives/atlas``.

    Returns
    -------
    Path
        The dataset's folder, ``out``.
    """
    rng = np.random.default_rng(design.seed)
    mask = load_mni152_brain_mask(resolution=design.resolution_mm, threshold=0.5)
    regions, names, networks = parcellate(mask)
    participants = _participants(design, rng)
    _write_dataset(out, participants, seed=design.seed)
    write_atlas(out / "derivatives" / "atlas", regions, mask, names, networks)
    base = _base_covariance(len(names), rng)
    planted = np.array([network == "Frontal" for network in networks])
    for row in participants.itertuples():
        stream = np.random.default_rng([design.seed, int(row.participant_id.removeprefix("sub-"))])
        covariance = base + design.coupling * np.outer(planted, planted) * (row.diagnosis == "patient")
        signals = _slow_noise(covariance, design.n_volumes, stream)
        motion = _motion(design.n_volumes, row.mean_fd, stream)
        _write_scan(out / "derivatives" / "fmriprep", row.participant_id, mask, regions, signals, motion, stream)
        _write_anatomy(out, row.participant_id, mask, regions)
    return out


def planted_regions(names: tuple[str, ...], networks: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the regions whose coupling differs in patients."""
    return tuple(name for name, network in zip(names, networks, strict=True) if network == "Frontal")


def parcellate(mask: nib.Nifti1Image) -> tuple[IntArray, tuple[str, ...], tuple[str, ...]]:
    """Divide a brain mask into 24 boxes: side × front-to-back quarter × height third.

    Returns
    -------
    regions
        ``(x, y, z)``, 0 outside the brain and 1 … 24 inside.
    names, networks
        One per region; the network is the front-to-back quarter.
    """
    inside = np.asarray(mask.dataobj) > 0
    voxels = np.argwhere(inside)
    mm = nib.affines.apply_affine(mask.affine, voxels)  # (n_voxels, 3)
    side = (mm[:, 0] > 0).astype(int)
    quarter = np.searchsorted(np.quantile(mm[:, 1], [0.25, 0.5, 0.75]), mm[:, 1])
    third = np.searchsorted(np.quantile(mm[:, 2], [1 / 3, 2 / 3]), mm[:, 2])
    regions = np.zeros(inside.shape, dtype=np.int64)
    regions[tuple(voxels.T)] = 1 + side * 12 + quarter * 3 + third
    quarters = ("Occipital", "Parietal", "Central", "Frontal")
    names = tuple(f"{s}{q}{h}" for s in ("Left", "Right") for q in quarters for h in ("Low", "Middle", "High"))
    networks = tuple(q for _ in range(2) for q in quarters for _ in range(3))
    return regions, names, networks


def _participants(design: CohortDesign, rng: np.random.Generator) -> pd.DataFrame:
    n = design.n_participants
    label = np.array(["control", "patient"])[np.arange(n) % 2]
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{number:02d}" for number in range(1, n + 1)],
            "diagnosis": label,
            "age": rng.integers(20, 60, n),
            "sex": rng.choice(["F", "M"], n),
            "site": np.array(["north", "south"])[(np.arange(n) // 2) % 2],
            "mean_fd": rng.uniform(0.08, 0.25, n).round(3),
        }
    )


def _base_covariance(n_regions: int, rng: np.random.Generator) -> FloatArray:
    loadings = rng.normal(size=(n_regions, 3)) * 0.5
    covariance: FloatArray = loadings @ loadings.T + np.eye(n_regions)
    return covariance


def _slow_noise(covariance: FloatArray, n_volumes: int, rng: np.random.Generator) -> FloatArray:
    """Correlated noise with the spectrum of an AR(1) process, ``(n_volumes, n_regions)``."""
    white = rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=n_volumes + 20, method="cholesky")
    slow: FloatArray = lfilter([1.0], [1.0, -0.6], white, axis=0)[20:]
    return slow


def _motion(n_volumes: int, mean_fd: float, rng: np.random.Generator) -> FloatArray:
    """Six motion parameters, ``(n_volumes, 6)`` in mm and radians, scaled to a mean framewise displacement."""
    steps = rng.normal(size=(n_volumes, 6)) * np.array([1, 1, 1, 0.02, 0.02, 0.02])
    path = lfilter([1.0], [1.0, -0.9], steps, axis=0)
    scaled: FloatArray = path * (mean_fd / np.nanmean(framewise_displacement(path)))
    return scaled


def _write_scan(
    out: Path,
    label: str,
    mask: nib.Nifti1Image,
    regions: IntArray,
    signals: FloatArray,
    motion: FloatArray,
    rng: np.random.Generator,
) -> None:
    inside = regions > 0
    n_volumes = len(signals)
    fd = framewise_displacement(motion)
    shared = motion @ rng.normal(size=6) * 4 + np.linspace(-1, 1, n_volumes) * rng.normal() * 6
    voxels = 1000 + 5 * signals[:, regions[inside] - 1] + shared[:, None]
    voxels = voxels + rng.normal(scale=8, size=voxels.shape)
    data = np.zeros((*regions.shape, n_volumes), dtype=np.int16)
    data[inside] = np.rint(voxels.T)
    stem = out / label / "func" / f"{label}_task-rest_space-{SPACE}"
    write_image(Path(f"{stem}_desc-preproc_bold.nii.gz"), data, mask.affine, tr_s=TR_S)
    sidecar = {"TaskName": "rest", "RepetitionTime": TR_S, "SkullStripped": False}
    write_json(Path(f"{stem}_desc-preproc_bold.json"), sidecar)
    write_image(Path(f"{stem}_desc-brain_mask.nii.gz"), inside.astype(np.uint8), mask.affine)
    write_json(Path(f"{stem}_desc-brain_mask.json"), {"Type": "Brain", "RawSources": ["simulated"]})
    confounds = _confounds(motion, fd, voxels, rng)
    name = out / label / "func" / f"{label}_task-rest_desc-confounds_timeseries"
    write_table(Path(f"{name}.tsv"), confounds)
    write_json(Path(f"{name}.json"), {})


def _write_anatomy(out: Path, label: str, mask: nib.Nifti1Image, regions: IntArray) -> None:
    """Write a head of uniform brightness: BIDS wants data of everyone whom participants.tsv lists."""
    head = np.where(regions > 0, 100, 0).astype(np.int16)
    write_image(out / label / "anat" / f"{label}_T1w.nii.gz", head, mask.affine)
    write_json(out / label / "anat" / f"{label}_T1w.json", {"Modality": "MR", "Manufacturer": "simulated"})


def _confounds(motion: FloatArray, fd: FloatArray, voxels: FloatArray, rng: np.random.Generator) -> pd.DataFrame:
    """Columns of an fMRIPrep confounds table: 24 motion terms, tissue signals with expansions, FD, DVARS."""
    mean = voxels.mean(axis=1)
    base = {
        "global_signal": mean,
        "csf": mean + rng.normal(scale=2, size=len(mean)),
        "white_matter": mean + rng.normal(scale=2, size=len(mean)),
    }
    names = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
    base |= {name: motion[:, column] for column, name in enumerate(names)}
    columns: dict[str, Any] = {}
    for name, values in base.items():
        derivative = np.concatenate([[np.nan], np.diff(values)])
        columns[name] = values
        columns[f"{name}_derivative1"] = derivative
        columns[f"{name}_power2"] = values**2
        columns[f"{name}_derivative1_power2"] = derivative**2
    dvars = np.concatenate([[np.nan], np.sqrt(np.mean(np.diff(voxels, axis=0) ** 2, axis=1))])
    columns |= {"framewise_displacement": fd, "dvars": dvars, "std_dvars": dvars / np.nanmedian(dvars)}
    time = (np.arange(len(mean)) + 0.5) / len(mean)
    columns |= {f"cosine{order - 1:02d}": np.cos(np.pi * order * time) for order in range(1, 5)}
    return pd.DataFrame(columns)


def _write_dataset(out: Path, participants: pd.DataFrame, *, seed: int) -> None:
    # The name tells two cohorts apart, whose people bear the same labels.
    name = f"bidsml simulated cohort {seed}"
    description: dict[str, Any] = {"Name": name, "BIDSVersion": "1.11.1", "License": "CC0"}
    write_json(out / "dataset_description.json", description)
    write_text(out / "README", "Simulated data: no person was scanned. Made by `bidsml demo`.\n")
    write_table(out / "participants.tsv", participants)
    derivative = {**description, "DatasetType": "derivative"}
    maker = [{"Name": "bidsml demo", "Description": "simulated in the layout of fMRIPrep"}]
    fmriprep = out / "derivatives" / "fmriprep"
    write_json(fmriprep / "dataset_description.json", derivative | {"GeneratedBy": maker})
    write_text(fmriprep / "README", "Simulated preprocessed scans, in the layout of fMRIPrep.\n")
    # Confounds tables have no place in the specification yet.
    write_text(fmriprep / ".bidsignore", "*_desc-confounds_timeseries.*\n")


def write_atlas(
    out: Path, regions: IntArray, mask: nib.Nifti1Image, names: tuple[str, ...], networks: tuple[str, ...]
) -> None:
    """Write the regions of :func:`parcellate` as a BIDS atlas."""
    stem = out / f"atlas-{ATLAS}_space-{SPACE}_dseg"
    write_image(Path(f"{stem}.nii.gz"), regions.astype(np.int16), mask.affine)
    table = pd.DataFrame({"index": range(1, len(names) + 1), "name": names, "network": networks})
    write_table(Path(f"{stem}.tsv"), table)
    write_json(out / f"atlas-{ATLAS}_description.json", {"Name": "Simulated boxes", "License": "CC0"})
