"""Small surface files: BOLD series and labels, as CIFTI and as GIFTI pairs."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.cifti2 import BrainModelAxis, LabelAxis, SeriesAxis

N_VERTICES = 40
LEFT, RIGHT = "CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_CORTEX_RIGHT"


def brain_models(*, medial_wall: int = 6, voxels: int = 0) -> BrainModelAxis:
    """Both hemispheres without their first vertices, then some voxels of the left thalamus."""
    known = np.arange(medial_wall, N_VERTICES)
    axis = BrainModelAxis.from_surface(known, N_VERTICES, LEFT) + BrainModelAxis.from_surface(known, N_VERTICES, RIGHT)
    if voxels:
        places = np.array(list(np.ndindex(4, 4, 4)))[:voxels]
        axis = axis + BrainModelAxis("thalamus_left", voxel=places, volume_shape=(4, 4, 4), affine=np.eye(4))
    return axis


def write_dtseries(path: Path, values: np.ndarray, models: BrainModelAxis, *, tr_s: float = 2.0) -> Path:
    """``values`` are ``(n_volumes, n_points)``."""
    nib.save(nib.Cifti2Image(values.astype(np.float32), (SeriesAxis(0, tr_s, len(values)), models)), path)
    return path


def write_dlabel(path: Path, numbers: np.ndarray, table: dict[int, str], models: BrainModelAxis) -> Path:
    """``numbers`` are ``(n_points,)``."""
    colours = {key: (name, (1.0, 0.0, 0.0, 1.0)) for key, name in {0: "???", **table}.items()}
    nib.save(nib.Cifti2Image(numbers[None].astype(np.float32), (LabelAxis(["x"], [colours]), models)), path)
    return path


def write_func(path: Path, values: np.ndarray) -> Path:
    """One data array a volume, ``values`` ``(n_volumes, n_vertices)``."""
    arrays = [nib.gifti.GiftiDataArray(row.astype(np.float32), intent="NIFTI_INTENT_TIME_SERIES") for row in values]
    nib.save(nib.GiftiImage(darrays=arrays), path)
    return path


def write_label(path: Path, numbers: np.ndarray, table: dict[int, str]) -> Path:
    labels = nib.gifti.GiftiLabelTable()
    for key, name in {0: "???", **table}.items():
        one = nib.gifti.GiftiLabel(key, 1.0, 0.0, 0.0, 1.0)
        one.label = name
        labels.labels.append(one)
    array = nib.gifti.GiftiDataArray(numbers.astype(np.int32), intent="NIFTI_INTENT_LABEL")
    nib.save(nib.GiftiImage(darrays=[array], labeltable=labels), path)
    return path
