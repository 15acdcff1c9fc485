"""Head motion and registration are undone by one interpolation, which keeps the image sharp."""

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import resample_img

from bidsml.errors import DataError
from bidsml.preproc.functional.frames import iter_frames, open_run
from bidsml.preproc.functional.resampling import coarser_grid, iter_at_points, sample_frame, seen_throughout
from bidsml.preproc.functional.rigid import centre_of_view, move_points, rigid_matrix
from bidsml.preproc.functional.template_space import resample_run, sample_at
from tests.preproc.functional.conftest import AFFINE, SHAPE, as_image, wander

CENTRE = centre_of_view(SHAPE, AFFINE)


def _points(step_mm: float = 3.0, radius_mm: float = 35.0) -> np.ndarray:
    axis = np.arange(-radius_mm, radius_mm + 1, step_mm)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3) + CENTRE


def test_without_motion_voxels_keep_their_values(phantom, save_run):
    frames = [phantom.frame(np.zeros(6))] * 10
    series = open_run(save_run(frames))
    points = move_points(np.indices(SHAPE).reshape(3, -1).T.astype(float), AFFINE)
    for values in iter_at_points(series, np.zeros((10, 6)), points):
        np.testing.assert_allclose(values, frames[0].ravel(), atol=0.05)


def test_undoing_true_motion_brings_the_head_to_rest(phantom, save_run):
    motion = wander(12, mm=3.0)
    series = open_run(save_run([phantom.frame(row) for row in motion]))
    points = _points()
    still = np.stack(list(iter_at_points(series, motion, points)))
    moving = np.stack(list(iter_at_points(series, np.zeros_like(motion), points)))
    # Interpolation of 4-5 mm voxels leaves an error; without correction it is many times that.
    assert still.std(axis=0).mean() < 0.35 * moving.std(axis=0).mean()
    truth = phantom.look(points)
    assert np.corrcoef(still.mean(axis=0), truth)[0, 1] > 0.95


def _sharpness(values: np.ndarray) -> float:
    return float(sum((np.diff(values, axis=axis) ** 2).mean() for axis in range(3)))


def test_one_interpolation_is_sharper_than_two(phantom, save_run):
    motion = wander(10, mm=3.0, seed=4)
    series = open_run(save_run([phantom.frame(row) for row in motion]))
    grid = coarser_grid((36, 36, 36), np.diag([2.0, 2.0, 2.0, 1.0]), 2.0)
    affine = grid.affine.copy()
    affine[:3, 3] = CENTRE - 36
    points = move_points(np.indices(grid.shape).reshape(3, -1).T.astype(float), affine)
    once = np.stack(list(iter_at_points(series, motion, points))).reshape(-1, *grid.shape)
    to_voxels = np.linalg.inv(AFFINE)
    native = move_points(np.indices(SHAPE).reshape(3, -1).T.astype(float), AFFINE)
    twice = []
    for frame, row in zip(iter_frames(series), motion, strict=True):
        realigned = sample_frame(frame, move_points(native, to_voxels @ rigid_matrix(row, CENTRE))).reshape(SHAPE)
        twice.append(sample_frame(realigned, move_points(points, to_voxels)).reshape(grid.shape))
    truth = phantom.look(points).reshape(grid.shape)
    pairs = list(zip(once, twice, strict=True))[1:]
    assert all(_sharpness(one) > 1.005 * _sharpness(two) for one, two in pairs)
    assert np.abs(once - truth).mean() < np.abs(np.array(twice) - truth).mean()


def test_points_that_leave_the_view_are_not_seen():
    motion = np.zeros((40, 6))
    motion[:10, 2] = 12.0
    edge = CENTRE + AFFINE[:3, :3] @ [0, 0, SHAPE[2] / 2 - 1.0]
    once = motion.copy()
    once[1:] = 0
    points = np.stack([CENTRE, edge, edge + np.array([0, 0, 300.0])])
    assert seen_throughout(SHAPE, AFFINE, motion, points).tolist() == [True, False, False]
    # One cough must not cost the top of the brain.
    assert seen_throughout(SHAPE, AFFINE, once, points).tolist() == [True, True, False]


@pytest.mark.parametrize("size_mm", [2.0, 3.0, 4.0])
def test_coarser_grid_stays_in_the_field_of_view(size_mm):
    affine = nib.affines.from_matvec(np.diag([1.0, 1.0, 1.0]), [-96, -132, -78])
    grid = coarser_grid((193, 229, 193), affine, size_mm)
    np.testing.assert_allclose(np.diag(grid.affine)[:3], size_mm)
    np.testing.assert_allclose(grid.affine[:3, 3], affine[:3, 3])
    last = nib.affines.apply_affine(grid.affine, np.array(grid.shape) - 1)
    end = nib.affines.apply_affine(affine, np.array([192, 228, 192]))
    assert ((end - last >= 0) & (end - last < size_mm)).all()


def test_sampling_a_mask_agrees_with_nilearn(phantom):
    image = as_image(phantom.frame(np.zeros(6)))
    target = np.diag([5.0, 5.0, 5.0, 1.0])
    target[:3, 3] = CENTRE - 40
    expected = resample_img(image, target_affine=target, target_shape=(16, 16, 16), interpolation="linear")
    np.testing.assert_allclose(sample_at(image, (16, 16, 16), target), expected.get_fdata(), atol=0.05)


@pytest.fixture
def place(phantom, save_run, tmp_path):
    """Resample a run whose space is the template's already."""

    def run(brain, *, motion=None, frames=None):
        motion = np.zeros((10, 6)) if motion is None else motion
        path = save_run(frames or [phantom.frame(row) for row in motion])
        return resample_run(
            open_run(path),
            reference=as_image(phantom.frame(np.zeros(6))),
            brain=brain,
            grid=coarser_grid(brain.shape, brain.affine, 4.0),
            motion=motion,
            transforms=[],
            tr_s=2.0,
            out_dir=tmp_path / "out",
        )

    return run


def _ball(radius_mm: float, *, centre=CENTRE, size_mm: float = 4.0, n: int = 48) -> nib.Nifti1Image:
    affine = np.diag([size_mm] * 3 + [1.0])
    affine[:3, 3] = centre - size_mm * (n - 1) / 2
    distance = np.linalg.norm((np.indices((n, n, n)).T - (n - 1) / 2).T, axis=0) * size_mm
    return nib.Nifti1Image((distance < radius_mm).astype(np.float32), affine)


def test_run_in_the_template_is_that_of_the_reference(place):
    bold, boldref, mask = (nib.load(path) for path in place(_ball(40), motion=wander(10, mm=1.0)))
    inside = np.asarray(mask.dataobj) > 0
    mean = bold.get_fdata().mean(axis=-1)
    assert inside.sum() > 3000
    assert np.corrcoef(mean[inside], boldref.get_fdata()[inside])[0, 1] > 0.98
    assert np.isfinite(bold.get_fdata()).all()
    assert int(bold.header["sform_code"]) == 4
    outside = np.linalg.norm(np.argwhere(np.ones(inside.shape)) * 4 + bold.affine[:3, 3] - CENTRE, axis=1) > 50
    assert not bold.get_fdata().reshape(-1, 10)[outside].any()


def test_mask_ends_at_the_field_of_view(place):
    # The field of view is about 128 × 144 × 120 mm: a ball of 80 mm sticks out.
    bold, _, mask = (nib.load(path) for path in place(_ball(80)))
    inside = np.asarray(mask.dataobj) > 0
    points = nib.affines.apply_affine(mask.affine, np.argwhere(inside))
    voxels = move_points(points, np.linalg.inv(AFFINE))
    assert ((voxels > -0.51) & (voxels < np.array(SHAPE) - 0.49)).all()
    assert (bold.get_fdata()[inside].min(axis=-1) > 0).all()


def test_dropout_is_no_brain(place, phantom):
    whole = np.asarray(nib.load(place(_ball(60))[2]).dataobj) > 0
    # The phantom is dark beyond 48 mm below its centre, though the template's brain goes on.
    points = nib.affines.apply_affine(_ball(60).affine, np.argwhere(whole))
    assert np.abs(points[:, 2] - CENTRE[2]).max() < 58


def test_brain_outside_the_view_is_an_error(place):
    with pytest.raises(DataError, match="none of the template's brain"):
        place(_ball(30, centre=CENTRE + 300))


def test_one_bright_spike_does_not_coarsen_the_brain(place, phantom):
    frames = [phantom.frame(np.zeros(6)) for _ in range(10)]
    plain = nib.load(place(_ball(30), frames=frames)[0])
    spiked = [frame.copy() for frame in frames]
    spiked[0][0, 0, 0] = 1e7
    image = nib.load(place(_ball(30), frames=spiked)[0])
    assert image.dataobj.slope == pytest.approx(plain.dataobj.slope, rel=1e-3)
