"""A small raw BIDS dataset with known truth: what ``bidsml demo --raw`` preprocesses.

Patients have lost grey matter in both temporal lobes, and their frontal regions are more tightly coupled; in the
task they answer less to faces.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from nilearn.datasets import load_mni152_brain_mask

from bidsml.bids.store import write_json, write_table, write_text
from bidsml.records import FloatArray
from bidsml.simulate.activity import Activation, network_covariance
from bidsml.simulate.bold import SimulatedBold, bold_shape, simulate_bold
from bidsml.simulate.cohort import parcellate, write_atlas
from bidsml.simulate.files import write_image
from bidsml.simulate.head import Atrophy, SimulatedHead, simulate_head

TEMPORAL_LOBES_MM = ((-46.0, -14.0, -20.0), (46.0, -14.0, -20.0))
# Region numbers of `parcellate` (left, right) that answer to each kind of picture.
RESPONSES = {"face": (1, 13), "house": (4, 16)}
RESPONSE_PERCENT = 2.0


@dataclass(frozen=True)
class RawDesign:
    """What is simulated.

    Attributes
    ----------
    task
        ``rest``, or ``faces``: pictures of faces and houses, with ``events.tsv``.
    coupling
        Covariance added among the frontal regions of patients, in percent²; 0 plants nothing.
    volume_lost
        Share of the volume that patients lost at the centre of each temporal lobe; 0 plants nothing.
    response_lost
        Share of the response to faces that patients lack.
    warp_mm
        How much the heads' shapes differ.
    """

    task: Literal["rest", "faces"] = "rest"
    n_volumes: int = 100
    tr_s: float = 2.0
    t1w_mm: float = 3.0
    bold_mm: float = 4.0
    coupling: float = 0.5
    volume_lost: float = 0.4
    response_lost: float = 0.6
    warp_mm: float = 5.0


DEFAULT = RawDesign()


def write_raw_dataset(out: Path, *, n_participants: int, seed: int, design: RawDesign = DEFAULT) -> Path:
    """Write T1w, BOLD and their tables of everyone, and ``derivatives/atlas`` with the regions of the truth.

    Returns
    -------
    Path
        The dataset's folder, ``out``.
    """
    participants = _participants(n_participants, seed)
    _write_tables(out, participants, design, seed=seed)
    mask = load_mni152_brain_mask(resolution=4)
    regions, names, networks = parcellate(mask)
    write_atlas(out / "derivatives" / "atlas", regions, mask, names, networks)
    for number, row in enumerate(participants.itertuples(), start=1):
        head, bold = simulate_participant(design, seed=seed * 1000 + number, patient=row.diagnosis == "patient")
        _write_participant(out, str(row.participant_id), head, bold, design)
    return out


def simulate_participant(design: RawDesign, *, seed: int, patient: bool) -> tuple[SimulatedHead, SimulatedBold]:
    """Simulate one participant, with the truth; each ``seed`` has a head of its own."""
    lost = design.volume_lost * patient
    atrophies = tuple(Atrophy(centre_mm=centre, radius_mm=20.0, volume_lost=lost) for centre in TEMPORAL_LOBES_MM)
    head = simulate_head(seed=seed, voxel_mm=design.t1w_mm, warp_mm=design.warp_mm, atrophies=atrophies)
    covariance, activation = _activity(design, seed, patient=patient)
    bold = simulate_bold(
        head,
        seed=seed,
        n_volumes=design.n_volumes,
        tr_s=design.tr_s,
        voxel_mm=design.bold_mm,
        motion_mm=float(np.random.default_rng([seed, 9]).uniform(0.3, 1.2)),  # no worse in patients
        slice_times_s=slice_times_s(bold_shape(design.bold_mm)[2], design.tr_s),
        covariance=covariance,
        activation=activation,
    )
    return head, bold


def slice_times_s(n_slices: int, tr_s: float) -> tuple[float, ...]:
    """Acquisition times of interleaved slices: the even ones first, upwards, then the odd ones."""
    order = [*range(0, n_slices, 2), *range(1, n_slices, 2)]
    times = np.empty(n_slices)
    times[order] = np.arange(n_slices) * tr_s / n_slices
    return tuple(times.round(4).tolist())


def _activity(design: RawDesign, seed: int, *, patient: bool) -> tuple[FloatArray, Activation | None]:
    _, _, networks = parcellate(load_mni152_brain_mask(resolution=8))
    frontal = np.array([network == "Frontal" for network in networks])
    covariance = network_covariance(networks, within=0.3) + design.coupling * patient * np.outer(frontal, frontal)
    if design.task == "rest":
        return covariance, None
    rng = np.random.default_rng([seed, 8])
    last_s = design.n_volumes * design.tr_s - 12.0
    onsets = np.cumsum(rng.uniform(7.0, 12.0, int(last_s // 7) + 1))
    onsets = onsets[onsets < last_s].round(2)
    kinds = rng.permutation(np.arange(len(onsets)) % 2)
    events = pd.DataFrame({"onset": onsets, "duration": 2.0, "trial_type": np.array(["face", "house"])[kinds]})
    strength = {"face": RESPONSE_PERCENT * (1 - design.response_lost * patient), "house": RESPONSE_PERCENT}
    percent = {kind: dict.fromkeys(regions, strength[kind]) for kind, regions in RESPONSES.items()}
    return 0.25 * covariance, Activation(events, percent)


def _participants(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{number:02d}" for number in range(1, n + 1)],
            "diagnosis": np.array(["control", "patient"])[np.arange(n) % 2],
            "age": rng.integers(20, 60, n),
            "sex": rng.choice(["F", "M"], n),
        }
    )


def _write_tables(out: Path, participants: pd.DataFrame, design: RawDesign, *, seed: int) -> None:
    # The name tells two datasets apart, whose people bear the same labels.
    name = f"bidsml simulated raw data {design.task} {seed}"
    description = {"Name": name, "BIDSVersion": "1.11.1", "DatasetType": "raw", "License": "CC0"}
    write_json(out / "dataset_description.json", description)
    write_text(out / "README", "Simulated data: no person was scanned. Made by `bidsml demo --raw`.\n")
    write_table(out / "participants.tsv", participants)
    columns: dict[str, Any] = {
        "diagnosis": {"Description": "Simulated group", "Levels": {"control": "healthy", "patient": "ill"}},
        "age": {"Description": "Age at the scan", "Units": "year"},
        "sex": {"Description": "Sex", "Levels": {"F": "female", "M": "male"}},
    }
    write_json(out / "participants.json", columns)
    times = slice_times_s(bold_shape(design.bold_mm)[2], design.tr_s)
    sidecar: dict[str, Any] = {"TaskName": design.task, "RepetitionTime": design.tr_s, "Manufacturer": "simulated"}
    sidecar |= {"SliceTiming": list(times), "SliceEncodingDirection": "k"}
    write_json(out / f"task-{design.task}_bold.json", sidecar)
    if design.task != "rest":
        levels = {"face": "picture of a face", "house": "picture of a house"}
        events = {"trial_type": {"Description": "What was shown", "Levels": levels}}
        write_json(out / f"task-{design.task}_events.json", events)


def _write_participant(out: Path, label: str, head: SimulatedHead, bold: SimulatedBold, design: RawDesign) -> None:
    anatomy = out / label / "anat" / f"{label}_T1w"
    write_image(Path(f"{anatomy}.nii.gz"), np.asarray(head.t1w.dataobj), head.t1w.affine)
    write_json(Path(f"{anatomy}.json"), {"Modality": "MR", "Manufacturer": "simulated"})
    stem = out / label / "func" / f"{label}_task-{design.task}"
    write_image(Path(f"{stem}_bold.nii.gz"), np.asarray(bold.image.dataobj), bold.image.affine, tr_s=design.tr_s)
    if bold.activation is not None:
        write_table(Path(f"{stem}_events.tsv"), bold.activation.events)
