import nibabel as nib
import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.preproc.views import ANATOMY_MM, choose_cuts, cut, to_grey, view_alignment, view_anatomy


def ball(radii=(60, 75, 55), *, size_mm=3.0, orientation="RAS", shift=(0, 0, 0)):
    """An ellipsoid around the origin, as mask; voxels may run any way."""
    n = 64
    affine = np.diag([size_mm, size_mm, size_mm, 1.0])
    affine[:3, 3] = -size_mm * (n - 1) / 2
    points = nib.affines.apply_affine(affine, np.indices((n, n, n)).reshape(3, -1).T)
    inside = (((points - shift) / radii) ** 2).sum(axis=1) < 1
    image = nib.Nifti1Image(inside.reshape(n, n, n).astype(np.uint8), affine)
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(affine), nib.orientations.axcodes2ornt(tuple(orientation))
    )
    return image.as_reoriented(turn)


def coordinate(axis):
    """An image whose values are the coordinate, in mm."""
    image = ball()
    points = nib.affines.apply_affine(image.affine, np.indices(image.shape).reshape(3, -1).T)
    return nib.Nifti1Image(points[:, axis].reshape(image.shape).astype(np.float32), image.affine)


def panel(mosaic, cuts, number):
    """The pixels of one plane, found by their size and place in its row."""
    rows = (range(5), range(5, 10), range(10, 13))
    row = next(r for r in rows if number in r)
    heights = [max(cuts.planes[i].shape[0] for i in r) for r in rows]
    top = sum(heights[: rows.index(row)])
    widths = [cuts.planes[i].shape[1] for i in row]
    spare = mosaic.shape[1] - sum(widths)
    left = spare // (2 * len(row)) + sum(widths[: number - row[0]]) + (number - row[0]) * (spare // len(row))
    shape = cuts.planes[number].shape
    top += (heights[rows.index(row)] - shape[0]) // 2
    return mosaic[top : top + shape[0], left : left + shape[1]]


@pytest.mark.parametrize(("axis", "rightwards", "upwards"), [(2, 0, 1), (1, 0, 2), (0, 1, 2)])
def test_pictures_lie_as_their_captions_say(axis, rightwards, upwards):
    """Right of axial and coronal slices is the head's right, of sagittal ones its front; up is front or top."""
    cuts = choose_cuts(ball(), pixel_mm=ANATOMY_MM)
    first = {2: 0, 1: 7, 0: 10}[axis]
    for image, along in ((coordinate(rightwards), 1), (coordinate(upwards), 0)):
        shown = panel(cut(image, cuts), cuts, first)
        steps = np.diff(shown[40:60, 40:60], axis=along)
        assert np.allclose(steps, ANATOMY_MM if along == 1 else -ANATOMY_MM, atol=1e-3)
    assert np.ptp(panel(cut(coordinate(axis), cuts), cuts, first)[40:60, 40:60]) < 1e-3


@pytest.mark.parametrize("orientation", ["RAS", "LPI", "PIR", "SAL"])
def test_the_order_of_voxels_does_not_matter(orientation):
    expected, found = (view_anatomy(b, b, [], label="x") for b in (ball(), ball(orientation=orientation)))
    np.testing.assert_array_equal(found.brain, expected.brain)
    np.testing.assert_array_equal(found.slices, expected.slices)


def test_volumes_and_tissues():
    brain, inner = ball(), ball((40, 50, 36))
    shell = nib.Nifti1Image((brain.get_fdata() - inner.get_fdata()).astype(np.float32), brain.affine)
    nothing = nib.Nifti1Image(np.zeros(brain.shape, np.float32), brain.affine)
    view = view_anatomy(brain, brain, [shell, inner, nothing], label="sub-01")
    assert view.volumes_ml["brain"] == pytest.approx(4 / 3 * np.pi * 60 * 75 * 55 / 1000, rel=0.01)
    assert view.volumes_ml["white matter"] == pytest.approx(4 / 3 * np.pi * 40 * 50 * 36 / 1000, rel=0.02)
    assert view.volumes_ml["CSF"] == 0
    assert not (view.gray_matter & view.white_matter).any()
    assert (view.gray_matter | view.white_matter)[view.brain].mean() > 0.97
    assert view.slices.shape == view.brain.shape == view.gray_matter.shape


def test_alignment_shows_a_shift_and_its_correction(tmp_path):
    ants = pytest.importorskip("ants")
    brain, moved = ball(), ball(shift=(9, 0, 0))
    # ITK transforms lead points of the fixed image to the moving one, in LPS.
    transform = ants.new_ants_transform(
        dimension=3, transform_type="AffineTransform", parameters=[1, 0, 0, 0, 1, 0, 0, 0, 1, -9, 0, 0]
    )
    ants.write_transform(transform, str(tmp_path / "x.mat"))
    names = {"label": "sub-01", "moving_name": "BOLD reference", "fixed_name": "T1w"}
    before = view_alignment(moved, brain, brain, **names)
    after = view_alignment(moved, brain, brain, **names, transforms=[tmp_path / "x.mat"])

    def overlap(view):
        shown = view.moving > 128  # halfway between voxels counts as outside, as in the outline
        return 2 * (shown & view.outline).sum() / (shown.sum() + view.outline.sum())

    assert overlap(before) < 0.97 and overlap(after) > 0.995


def test_greys_keep_the_contrast_of_the_brain():
    mosaic = np.concatenate([np.linspace(0, 100, 99), [1e6]])[np.newaxis]
    grey = to_grey(mosaic, mosaic < 101)
    assert grey[0, -1] == 255 and np.ptp(grey[0, :-1]) > 250, "a bright vessel outside doesn't darken the brain"
    np.testing.assert_array_equal(to_grey(np.zeros((2, 2)), np.zeros((2, 2), dtype=bool)), 0)


def test_an_empty_mask_is_an_error():
    empty = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4))
    with pytest.raises(DataError, match="mask is empty"):
        choose_cuts(empty, pixel_mm=1.0)


def test_voxels_without_a_number_are_black():
    brain = ball()
    values = brain.get_fdata()
    values[30:34] = np.nan
    view = view_anatomy(nib.Nifti1Image(values, brain.affine), brain, [], label="x")
    assert view.slices.max() == 255
