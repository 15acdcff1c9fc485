"""Region means: against nilearn and against a plain loop; and what makes a region missing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiLabelsMasker, NiftiSpheresMasker

from bidsml.errors import DataError
from bidsml.preproc.regions import average_regions
from bidsml.records import Atlas
from tests.preproc.conftest import AFFINE, N_VOLUMES, SHAPE, make_label_atlas, make_spheres, simulate_bold

CENTRES = [(-6.0, -6.0, 4.0), (3.5, 10.2, 8.0), (-11.0, 12.0, -1.0), (-4.0, -7.0, 4.0)]


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
def test_label_means_equal_nilearn(save: Callable[..., Path], brain: Path, labels: Atlas, dtype: str) -> None:
    bold = save(simulate_bold(dtype))
    found = average_regions(bold, labels, mask=brain)
    masker = NiftiLabelsMasker(labels.image, mask_img=brain, standardize=None)
    theirs = masker.fit_transform(bold)  # in ascending order of labels: 2, 4, 9
    # nilearn averages float32 images in float32: 7 digits of a mean of 1000.
    np.testing.assert_allclose(found.signals, theirs[:, [1, 0, 2]], rtol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_sphere_means_equal_nilearn(save: Callable[..., Path], brain: Path, dtype: str) -> None:
    bold = save(simulate_bold(dtype))
    atlas = make_spheres(CENTRES, radius_mm=6.0)
    found = average_regions(bold, atlas, mask=brain)
    masker = NiftiSpheresMasker(
        CENTRES, radius=6.0, mask_img=brain, standardize=None, allow_overlap=True, dtype="float64"
    )
    np.testing.assert_allclose(found.signals, masker.fit_transform(bold), rtol=1e-12)
    assert np.abs(found.signals - np.round(found.signals)).max() > 0.1  # not truncated to integers


def test_oblique_grid_and_own_radii(save: Callable[..., Path], tmp_path: Path) -> None:
    turn = nib.eulerangles.euler2mat(0.3, -0.2, 0.1)
    affine = AFFINE.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    values = simulate_bold("float64")
    bold = save(values, affine=affine)
    middle = nib.affines.apply_affine(affine, [[10, 12, 6], [8, 9, 5]])
    atlas = replace(make_spheres([tuple(c) for c in middle]), radius_mm=None, radii_mm=(4.4, 9.2))
    found = average_regions(bold, atlas, mask=None)
    everywhere = nib.affines.apply_affine(affine, np.moveaxis(np.indices(SHAPE), 0, -1))
    for column, (centre, radius) in enumerate(zip(middle, (4.4, 9.2), strict=True)):
        ball = np.linalg.norm(everywhere - centre, axis=-1) <= radius
        np.testing.assert_allclose(found.signals[:, column], values[ball].mean(axis=0), rtol=1e-12)


def test_sphere_smaller_than_a_voxel_takes_the_voxel_of_its_centre(save: Callable[..., Path]) -> None:
    values = simulate_bold()
    corner_mm = tuple(nib.affines.apply_affine(AFFINE, [5.45, 6.45, 4.45]))
    found = average_regions(save(values), make_spheres([corner_mm], radius_mm=0.5), mask=None)
    np.testing.assert_array_equal(found.signals[:, 0], values[5, 6, 4])


def test_order_and_names_are_those_of_the_atlas(save: Callable[..., Path], brain: Path, labels: Atlas) -> None:
    bold = save(simulate_bold())
    turned = replace(labels, names=labels.names[::-1], labels=labels.labels[::-1])
    np.testing.assert_array_equal(
        average_regions(bold, labels, mask=brain).signals, average_regions(bold, turned, mask=brain).signals[:, ::-1]
    )


def test_regions_outside_or_barely_inside_stay_as_missing(save: Callable[..., Path], brain: Path) -> None:
    outside, at_edge, inside = (500.0, 0, 0), (-30.0, -12.0, 4.0), (0.0, 0.0, 4.0)
    atlas = make_spheres([outside, at_edge, inside], radius_mm=7.0)
    found = average_regions(save(simulate_bold()), atlas, mask=brain)
    assert set(found.missing) == {"ball0", "ball1"}
    assert "outside" in found.missing["ball0"]
    assert "%" in found.missing["ball1"]
    assert found.signals.shape == (N_VOLUMES, 3)
    assert np.isnan(found.signals[:, :2]).all()
    assert np.isfinite(found.signals[:, 2]).all()
    assert found.coverage[0] == 0
    assert 0 < found.coverage[1] < 0.5
    assert found.coverage[2] == 1


def test_label_coverage_counts_what_the_field_of_view_cuts_off(save: Callable[..., Path]) -> None:
    """One label reaches half over the edge of the image, by 3/10 of its length in view."""
    wide = np.zeros((40, 24, 12), dtype=np.int16)
    wide[17:27, 5:10, 3:8] = 1  # 3 of 10 planes lie in an image of 20
    wide[5:10, 5:10, 3:8] = 2
    atlas = make_label_atlas(save(wide, "wide.nii.gz"), (1, 2))
    found = average_regions(save(simulate_bold()), atlas, mask=None)
    np.testing.assert_allclose(found.coverage, [0.3, 1.0])
    assert list(found.missing) == ["box1"]


def test_label_of_the_table_that_the_image_lacks_is_missing(
    save: Callable[..., Path], brain: Path, labels: Atlas
) -> None:
    atlas = replace(labels, names=("a", "b", "c"), labels=(4, 77, 9))
    found = average_regions(save(simulate_bold()), atlas, mask=brain)
    assert list(found.missing) == ["b"]


def test_constant_region_is_missing(save: Callable[..., Path], brain: Path, labels: Atlas) -> None:
    values = simulate_bold("float32")
    values[8:12, 3:9, 2:6] = 123.4
    found = average_regions(save(values), labels, mask=brain)
    assert found.missing == {"box2": "its signal does not vary"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nonfinite_voxels_are_left_out_of_every_volume(
    save: Callable[..., Path], brain: Path, labels: Atlas, bad: float
) -> None:
    values = simulate_bold("float64")
    clean = average_regions(save(values, "clean.nii.gz"), labels, mask=brain)
    values[4, 4, 3, 7] = bad
    values[5, 5, 4, :] = bad
    values[0, 0, 0, :] = bad  # in no region: not counted
    found = average_regions(save(values), labels, mask=brain)
    assert found.n_nonfinite_voxels == 2
    assert clean.n_nonfinite_voxels == 0
    box = values[3:7, 3:9, 2:6].reshape(-1, N_VOLUMES)
    good = box[np.isfinite(box).all(axis=1)]
    assert len(good) == len(box) - 2
    np.testing.assert_allclose(found.signals[:, 0], good.mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(found.signals[:, 1:], clean.signals[:, 1:])


def test_region_of_nothing_but_nan_is_missing(save: Callable[..., Path], brain: Path, labels: Atlas) -> None:
    values = simulate_bold("float32")
    values[8:12, 3:9, 2:6] = np.nan
    found = average_regions(save(values), labels, mask=brain)
    assert list(found.missing) == ["box2"]
    assert "NaN" in found.missing["box2"]


def test_every_region_lost_is_an_error(save: Callable[..., Path], brain: Path) -> None:
    with pytest.raises(DataError, match="all 2 regions"):
        average_regions(save(simulate_bold()), make_spheres([(900.0, 0, 0), (0, 900.0, 0)]), mask=brain)


def test_mask_of_another_grid_is_refused(save: Callable[..., Path], labels: Atlas) -> None:
    shifted = AFFINE.copy()
    shifted[0, 3] += 3
    mask = save(np.ones(SHAPE, dtype=np.uint8), "other.nii.gz", affine=shifted)
    with pytest.raises(DataError, match=r"other\.nii\.gz"):
        average_regions(save(simulate_bold()), labels, mask=mask)
