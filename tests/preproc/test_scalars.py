"""Scalar maps averaged in regions: known values, holes, spaces."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bidsml.atlases import load_atlas
from bidsml.errors import DataError
from bidsml.preproc.scalars import average_map
from bidsml.records import Atlas, Scan

SPACE = "MNI152NLin2009cAsym"
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
LABELS = np.zeros((8, 8, 8), dtype=np.int16)
LABELS[:4], LABELS[4:, :4], LABELS[4:, 4:] = 1, 2, 3


def write_map(folder: Path, values: np.ndarray, *, space: str = SPACE, affine: np.ndarray = AFFINE) -> Scan:
    path = folder / f"sub-1_space-{space}_param-fa_dwimap.nii.gz"
    nib.Nifti1Image(values.astype(np.float32), affine).to_filename(path)
    return Scan("1", "dwimap", path, entities={"space": space} if space else {})


@pytest.fixture
def atlas(tmp_path: Path) -> Atlas:
    folder = tmp_path / "atlas"
    folder.mkdir()
    stem = f"atlas-three_space-{SPACE}_dseg"
    nib.Nifti1Image(LABELS, AFFINE).to_filename(folder / f"{stem}.nii.gz")
    pd.DataFrame({"index": [1, 2, 3], "name": ["A", "B", "C"]}).to_csv(folder / f"{stem}.tsv", sep="\t", index=False)
    return load_atlas(str(folder / f"{stem}.nii.gz"))


def test_means_are_those_of_numpy(tmp_path, atlas):
    values = np.random.default_rng(0).uniform(0.1, 0.9, LABELS.shape)
    found = average_map(write_map(tmp_path, values), atlas)
    expected = [values[label == LABELS].mean() for label in (1, 2, 3)]
    # The map is stored in single precision.
    np.testing.assert_allclose(found.means, expected, rtol=1e-6)
    assert found.missing == {}


def test_zeros_are_missing_not_zero(tmp_path, atlas):
    values = np.full(LABELS.shape, 0.5)
    values[4:, :4] = 0  # all of B
    values[4:, 4:, :5] = np.nan  # 5 of 8 slices of C
    values[:2, :, :2] = 0  # an eighth of A
    found = average_map(write_map(tmp_path, values), atlas)
    np.testing.assert_allclose(found.means, [0.5, np.nan, np.nan])
    assert set(found.missing) == {"B", "C"}
    assert "38 %" in found.missing["C"]


def test_enclosed_zeros_are_values_of_free_water(tmp_path, atlas):
    """White matter without free water is 0 on average, not what its few voxels with some have."""
    values = np.full(LABELS.shape, 0.4)
    values[1:7, 1:7, 1:7] = 0.0
    values[7, 7] = 0.0
    scan = write_map(tmp_path, values)
    brain = np.ones(LABELS.shape, dtype=bool)
    brain[7, 7] = False
    expected = [values[(label == LABELS) & brain].mean() for label in (1, 2, 3)]
    found = average_map(scan, atlas, zero_is_value=True)
    np.testing.assert_allclose(found.means, expected, rtol=1e-6)
    assert not found.missing
    np.testing.assert_allclose(average_map(scan, atlas).means, [0.4, 0.4, 0.4], rtol=1e-6)


def test_a_map_of_another_grid_in_the_same_space_gives_the_same(tmp_path, atlas):
    values = LABELS / 10.0
    fine = np.repeat(np.repeat(np.repeat(values, 2, 0), 2, 1), 2, 2)
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = -0.5
    found = average_map(write_map(tmp_path, fine, affine=affine), atlas)
    np.testing.assert_allclose(found.means, [0.1, 0.2, 0.3], rtol=1e-6)


@pytest.mark.parametrize("space", ["ACPC", "T1w", "", "MNI152NLin6Asym"])
def test_another_space_is_refused(tmp_path, atlas, space):
    with pytest.raises(DataError, match=f"atlas three in '{SPACE}'") as caught:
        average_map(write_map(tmp_path, np.ones(LABELS.shape), space=space), atlas)
    assert "input.space" in caught.value.hint


def test_a_map_without_values_and_one_of_vectors_are_refused(tmp_path, atlas):
    with pytest.raises(DataError, match="all 3 regions"):
        average_map(write_map(tmp_path, np.zeros(LABELS.shape)), atlas)
    with pytest.raises(DataError, match="one 3-D map"):
        average_map(write_map(tmp_path, np.ones((*LABELS.shape, 3))), atlas)
