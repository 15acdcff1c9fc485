"""Volumes are sums of voxels; a region that is not there is NaN with its reason."""

import nibabel as nib
import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import write_volume
from bidsml.preproc.anatomical.volumes import judge_anatomy, measure_regions, tissue_volumes_ml
from bidsml.records import Atlas

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@pytest.fixture
def density(tmp_path):
    values = np.random.default_rng(0).random((12, 12, 12))
    path = write_volume(tmp_path / "density.nii.gz", values, affine=AFFINE)
    smooth = write_volume(tmp_path / "smooth.nii.gz", values / 2, affine=AFFINE)
    return path, smooth, values.astype(np.float32).astype(float)


def label_atlas(tmp_path, labels, names, numbers):
    path = tmp_path / "atlas.nii.gz"
    nib.save(nib.Nifti1Image(labels.astype(np.int16), AFFINE), path)
    centres = np.zeros((len(names), 3))
    return Atlas("toy", "MNI152NLin2009aSym", names, centres, labels=numbers, image=path)


def test_tissue_volumes_are_sums_times_the_voxel(tmp_path):
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[2:8, 2:8, 2:8] = True
    half = np.where(mask, 0.5, 0.0)
    paths = [
        write_volume(tmp_path / name, values, affine=AFFINE)
        for name, values in (("m.nii.gz", mask), ("g.nii.gz", half), ("w.nii.gz", half / 2), ("c.nii.gz", half / 2))
    ]
    volumes = tissue_volumes_ml(paths[0], paths[1:])
    assert volumes == pytest.approx(
        {
            "total_brain": 216 * 8 / 1000,
            "total_gray_matter": 0.864,
            "total_white_matter": 0.432,
            "total_csf": 0.432,
        }
    )


def test_regions_are_summed_and_averaged(tmp_path, density):
    modulated, smoothed, values = density
    labels = np.zeros((12, 12, 12))
    labels[:6], labels[6:, :6] = 3, 7
    found = measure_regions(modulated, smoothed, label_atlas(tmp_path, labels, ("a", "b", "gone"), (3, 7, 9)))
    assert found.volume_ml[0] == pytest.approx(values[:6].sum() * 8 / 1000, rel=1e-6)
    assert found.volume_ml[1] == pytest.approx(values[6:, :6].sum() * 8 / 1000, rel=1e-6)
    assert found.mean_density[1] == pytest.approx(values[6:, :6].mean() / 2, rel=1e-6)
    assert np.isnan([found.volume_ml[2], found.mean_density[2]]).all()
    assert found.missing == {"gone": "lies outside the template image"}


def test_spheres_are_measured_too(density):
    modulated, smoothed, values = density
    atlas = Atlas("balls", "x", ("in", "out"), np.array([[10.0, 10, 10], [500.0, 0, 0]]), radius_mm=3.0)
    found = measure_regions(modulated, smoothed, atlas)
    grid = np.stack(np.meshgrid(*[np.arange(12) * 2.0] * 3, indexing="ij"))
    ball = np.linalg.norm(grid - 10, axis=0) <= 3
    assert found.volume_ml[0] == pytest.approx(values[ball].sum() * 8 / 1000, rel=1e-6)
    assert "out" in found.missing


def test_an_atlas_of_another_space_is_an_error(tmp_path, density):
    modulated, smoothed, _ = density
    atlas = Atlas("balls", "x", ("far",), np.array([[500.0, 0, 0]]), radius_mm=3.0)
    with pytest.raises(DataError, match="none of the 1 regions"):
        measure_regions(modulated, smoothed, atlas)
    other = write_volume(tmp_path / "other.nii.gz", np.random.rand(6, 6, 6), affine=AFFINE)
    with pytest.raises(DataError, match="is not that of"):
        measure_regions(modulated, other, atlas)


def test_what_is_doubtful_is_said():
    volumes = {"total_brain": 1400.0}
    assert judge_anatomy(volumes, dice=0.97, correlation=0.9, stripped=False) == []
    said = judge_anatomy({"total_brain": 3100.0}, dice=0.5, correlation=0.2, stripped=True)
    assert [word in text for word, text in zip(("3100 ml", "0.50", "0.20", "skull-stripped"), said, strict=True)] == (
        [True] * 4
    )
