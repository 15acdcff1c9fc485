"""Motion, activity and slice times of a simulated run are the ones that it states."""

import numpy as np
import pandas as pd
import pytest
from nibabel.affines import apply_affine
from scipy.ndimage import map_coordinates

from bidsml.simulate.bold import Activation, bold_shape, simulate_bold
from bidsml.simulate.motion import draw_motion, framewise_displacement, move_points, unmove_points

NOTHING = np.zeros((24, 24))


def steady(bold) -> np.ndarray:
    return bold.image.get_fdata()[..., 3:]


def test_moving_and_back_is_nothing():
    rng = np.random.default_rng(0)
    points, centre = rng.normal(size=(5, 3)) * 50, np.array([1.0, 2.0, 3.0])
    parameters = np.array([1.0, -2.0, 0.5, 0.02, -0.01, 0.03])
    moved = move_points(points, parameters, centre)
    np.testing.assert_allclose(unmove_points(moved, parameters, centre), points, atol=1e-12)
    # R = Rz Ry Rx, written out.
    (cx, cy, cz), (sx, sy, sz) = np.cos(parameters[3:]), np.sin(parameters[3:])
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    np.testing.assert_allclose(moved, (points - centre) @ (rz @ ry @ rx).T + centre + parameters[:3])


def test_motion_begins_at_rest_and_is_as_large_as_wished():
    motion = draw_motion(100, motion_mm=1.5, rng=np.random.default_rng(1))
    assert not motion[0].any()
    assert np.abs(motion * [1, 1, 1, 50, 50, 50]).max() == pytest.approx(1.5)
    fd = framewise_displacement(motion)
    assert np.isnan(fd[0])
    assert np.nanmax(fd) > 5 * np.nanmedian(fd)  # sudden steps besides the slow path


def test_the_image_moves_as_the_parameters_say(head):
    """A volume, pulled back by its parameters, is the first one again."""
    # Fine voxels: reading between coarse ones errs as much as a quarter of what motion does.
    bold = simulate_bold(head, seed=1, n_volumes=12, motion_mm=4.0, voxel_mm=3.0, covariance=NOTHING, noise=0.0)
    data, affine = bold.image.get_fdata(), bold.image.affine
    volume = int(np.abs(bold.motion).sum(axis=1).argmax())
    # What leaves the field of view can't be pulled back.
    inside = np.pad(np.ones([n - 6 for n in data.shape[:3]], dtype=bool), 3)
    inner = np.argwhere((data[..., -1] > 500) & inside)
    points = apply_affine(affine, inner)
    moved = apply_affine(np.linalg.inv(affine), move_points(points, bold.motion[volume], bold.centre_mm)).T
    back = map_coordinates(data[..., volume], moved, order=3)
    reference = data[..., 4][tuple(inner.T)]
    still = map_coordinates(data[..., volume], inner.T, order=3)
    at_rest = map_coordinates(
        data[..., 4],
        apply_affine(np.linalg.inv(affine), move_points(points, bold.motion[4], bold.centre_mm)).T,
        order=3,
    )
    assert np.abs(back - at_rest).mean() < 0.15 * np.abs(still - reference).mean()


def test_the_head_lies_where_to_t1w_says(head):
    bold = simulate_bold(head, seed=2, n_volumes=4, covariance=NOTHING, noise=0.0)
    inner = np.argwhere(bold.image.get_fdata()[..., 3] > 450)
    points = bold.to_t1w(apply_affine(bold.image.affine, inner), 3)
    grid = apply_affine(np.linalg.inv(head.t1w.affine), points).T
    assert map_coordinates(head.brain.get_fdata(), grid, order=1).mean() > 0.95


def test_the_first_volumes_are_brighter_and_the_rest_steady(head):
    mean = simulate_bold(head, seed=1, n_volumes=8, covariance=NOTHING).image.get_fdata().mean(axis=(0, 1, 2))
    assert (np.diff(mean[:4]) < 0).all()
    assert mean[0] > 1.3 * mean[-1]
    assert np.ptp(mean[3:]) < 0.01 * mean[-1]


def test_regions_of_one_network_go_together(head):
    signals = simulate_bold(head, seed=1, n_volumes=300, voxel_mm=24.0).signals
    networks = np.repeat(np.tile(np.arange(4), 2), 3)
    correlation = np.corrcoef(signals.T)
    same = (networks[:, None] == networks) & ~np.eye(24, dtype=bool)
    # 0.6 against 0.1; slow noise of 300 volumes leaves a standard error of about 0.08 each.
    assert correlation[same].mean() == pytest.approx(0.6, abs=0.12)
    assert correlation[networks[:, None] != networks].mean() == pytest.approx(0.1, abs=0.12)
    assert signals.std() == pytest.approx(1.0, abs=0.15)


def test_a_response_is_where_and_when_it_was_planted(head):
    events = pd.DataFrame({"onset": [10.0, 40.0], "duration": [10.0, 10.0], "trial_type": "face"})
    activation = Activation(events, {"face": {3: 5.0}})
    active = simulate_bold(
        head, seed=1, n_volumes=30, motion_mm=0.0, covariance=NOTHING, activation=activation, noise=0.0
    )
    silent = simulate_bold(head, seed=1, n_volumes=30, motion_mm=0.0, covariance=NOTHING, noise=0.0)
    change = steady(active) - steady(silent)
    course = change.reshape(-1, 27).sum(axis=0)
    assert np.corrcoef(course, active.signals[3:, 2])[0, 1] > 0.999
    touched = (np.abs(change).max(axis=-1) > 1).mean()
    assert 0.002 < touched < 0.05  # one of 24 regions of a brain that fills a fifth of the field
    assert not active.signals[:, [0, 1, 3]].any()


def test_slices_are_acquired_at_their_times(head):
    """With activity that rises steadily, a slice acquired a second later is further up."""
    n_slices = bold_shape(8.0)[2]
    times = tuple(np.linspace(0, 1.9, n_slices))
    events = pd.DataFrame({"onset": [0.0], "duration": [60.0], "trial_type": "on"})
    activation = Activation(events, {"on": dict.fromkeys(range(1, 25), 10.0)})
    settings = {"seed": 1, "n_volumes": 6, "voxel_mm": 8.0, "motion_mm": 0.0, "covariance": NOTHING, "noise": 0.0}
    late = simulate_bold(head, activation=activation, slice_times_s=times, **settings).image.get_fdata()
    early = simulate_bold(head, activation=activation, **settings).image.get_fdata()
    ahead = (late - early)[..., 2].sum(axis=(0, 1))
    filled = np.flatnonzero(early[..., 2].max(axis=(0, 1)) > 300)
    assert abs(ahead[0]) < 1
    assert (ahead[filled[2:]] > 0).all()
    with pytest.raises(ValueError, match="slices"):
        simulate_bold(head, slice_times_s=(0.0, 1.0), **settings)
