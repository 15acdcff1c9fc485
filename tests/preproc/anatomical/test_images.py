"""Images keep their place in the world on every way through conforming, ANTs and disk."""

import ants
import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from scipy.spatial.transform import Rotation

from bidsml.errors import DataError, MissingInputError
from bidsml.preproc.anatomical.images import (
    ants_affine,
    at_working_size,
    conform,
    read_volume,
    to_ants,
    write_volume,
)


def oblique(shape=(40, 42, 44), voxel_mm=3.0):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [6, -4, 9], degrees=True).as_matrix() * voxel_mm
    affine[:3, 3] = (-50, -60, -70)
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    return nib.Nifti1Image(values, affine)


@pytest.mark.parametrize("axes", ["LPI", "ASR", "IPR", "RAS"])
def test_conforming_any_orientation_gives_the_same_image(axes):
    image = oblique()
    ornt = ornt_transform(io_orientation(image.affine), axcodes2ornt(axes))
    turned = image.as_reoriented(ornt)
    assert nib.aff2axcodes(turned.affine) == tuple(axes)
    back = conform(turned, name="x")
    np.testing.assert_array_equal(back.get_fdata(), image.get_fdata())
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-9)
    np.testing.assert_allclose(turned.affine, image.affine @ inv_ornt_aff(ornt, image.shape), atol=1e-9)


def test_ants_puts_a_voxel_where_nibabel_puts_it():
    image = oblique()
    found = to_ants(image)
    voxel = (3, 5, 7)
    ras = np.array(ants.transform_index_to_physical_point(found, voxel)) * [-1, -1, 1]
    np.testing.assert_allclose(ras, nib.affines.apply_affine(image.affine, voxel), atol=1e-4)
    np.testing.assert_allclose(ants_affine(found), image.affine, atol=1e-4)
    assert found.numpy()[voxel] == image.get_fdata()[voxel].astype(np.float32)


def test_ants_reads_what_is_written_as_nibabel_does(tmp_path):
    image = oblique()
    path = write_volume(tmp_path / "a.nii.gz", np.asarray(image.dataobj), affine=image.affine)
    seen = ants.image_read(str(path))
    np.testing.assert_allclose(ants_affine(seen), image.affine, atol=1e-4)
    np.testing.assert_allclose(seen.numpy(), image.get_fdata(), atol=1e-6)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    image = oblique()
    one, two = (
        write_volume(tmp_path / name / "a.nii.gz", image.get_fdata() > 0.5, affine=image.affine) for name in "ab"
    )
    assert one.read_bytes() == two.read_bytes()
    assert nib.load(one).get_data_dtype() == np.uint8


def test_a_sheared_affine_is_resampled_to_perpendicular_axes():
    image = oblique()
    affine = image.affine.copy()
    affine[0, 1] += 0.5
    straight = conform(nib.Nifti1Image(image.get_fdata(), affine), name="x")
    axes = straight.affine[:3, :3] / np.linalg.norm(straight.affine[:3, :3], axis=0)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "voxel_mm", "found"), [((40, 40, 5), 3.0, "15 mm"), ((30, 30, 30), 8.0, "8 × 8 × 8 mm")]
)
def test_what_cannot_be_a_head_is_refused(shape, voxel_mm, found):
    with pytest.raises(DataError, match=r"whole brain") as caught:
        conform(oblique(shape, voxel_mm), name="sub-01_T1w.nii.gz")
    assert found in caught.value.message
    assert "sub-01_T1w" in caught.value.message


def test_reading_checks_the_image(tmp_path):
    values = np.random.default_rng(0).random((5, 6, 7, 1)).astype(np.float32)
    values[0, 0, 0] = np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "nan.nii.gz")
    read = read_volume(tmp_path / "nan.nii.gz")
    assert read.shape == (5, 6, 7)
    assert read.get_fdata()[0, 0, 0] == 0
    nib.save(nib.Nifti1Image(np.repeat(values, 2, axis=3), np.eye(4)), tmp_path / "bold.nii.gz")
    with pytest.raises(DataError, match="one 3-D volume"):
        read_volume(tmp_path / "bold.nii.gz")
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), dtype=np.float32), np.eye(4)), tmp_path / "flat.nii.gz")
    with pytest.raises(DataError, match="every voxel is 1"):
        read_volume(tmp_path / "flat.nii.gz")
    with pytest.raises(MissingInputError):
        read_volume(tmp_path / "none.nii.gz")


def test_the_working_size_keeps_place_and_mean():
    smooth = nib.Nifti1Image(
        np.fromfunction(lambda i, j, k: 100 + i + 2 * j + 3 * k, (48, 48, 48), dtype=float).astype(np.float32),
        np.eye(4),
    )
    coarse = at_working_size(to_ants(smooth), 2.0)
    assert coarse.spacing == pytest.approx((2, 2, 2))
    voxel = (12, 12, 12)
    point = np.array(ants.transform_index_to_physical_point(coarse, voxel)) * [-1, -1, 1]
    # A linear ramp, smoothed and sampled, is the ramp.
    assert coarse.numpy()[voxel] == pytest.approx(100 + point @ [1, 2, 3], abs=0.05)
