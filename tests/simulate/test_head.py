"""The truth of a simulated head is true."""

import numpy as np
import pytest
from nibabel.affines import apply_affine
from nilearn.datasets import load_mni152_brain_mask, load_mni152_gm_template
from scipy.ndimage import map_coordinates

from bidsml.simulate.head import Atrophy, simulate_head


def brain_points(head) -> np.ndarray:
    return apply_affine(head.t1w.affine, np.argwhere(head.brain.get_fdata()))


def jacobian(warp, points: np.ndarray, step_mm: float = 0.5) -> np.ndarray:
    """Determinant of the map's derivative, by central differences: ``(k,)``."""
    columns = [(warp(points + step) - warp(points - step)) / (2 * step_mm) for step in step_mm * np.eye(3)]
    return np.linalg.det(np.stack(columns, axis=-1))


def test_points_of_the_head_lead_to_the_same_tissue_of_the_template(head):
    points = brain_points(head)
    for load, image, tolerance in (
        (load_mni152_brain_mask, head.brain, 0.03),
        (load_mni152_gm_template, head.grey, 0.01),
    ):
        template = load(resolution=2)
        grid = apply_affine(np.linalg.inv(template.affine), head.to_template(points)).T
        there = map_coordinates(template.get_fdata(), grid, order=1)
        here = image.get_fdata()[head.brain.get_fdata() > 0]
        # Both interpolate; the mask is cut at one half besides.
        assert np.abs(there - here).mean() < tolerance


def test_the_warp_is_as_large_as_wished_and_folds_nowhere():
    head = simulate_head(seed=5, voxel_mm=8.0, warp_mm=8.0)
    straight = simulate_head(seed=5, voxel_mm=8.0, warp_mm=1e-6)
    points = brain_points(head)
    distance = np.linalg.norm(head.to_template(points) - straight.to_template(points), axis=1)
    assert 4.0 < distance.max() < 9.0
    assert jacobian(head.to_template, points[::10]).min() > 0.2


def test_tissues_fill_the_brain_and_nothing_else(head):
    total = sum(image.get_fdata() for image in head.tissues.values())
    inside = head.brain.get_fdata() > 0
    np.testing.assert_allclose(total[inside], 1.0, atol=1e-6)
    assert total[~inside].max() == 0
    litres = inside.sum() * 4.0**3 / 1e6
    assert 1.3 < litres < 2.4


def test_the_head_has_a_skull_and_a_scalp(head):
    """Going out from the brain: dark bone, then bright scalp, then air."""
    values, inside = head.clean.get_fdata(), head.brain.get_fdata() > 0
    middle = np.argwhere(inside).mean(axis=0).round().astype(int)
    line = values[middle[0], middle[1]]  # upwards
    top = np.flatnonzero(inside[middle[0], middle[1]]).max()
    assert line[top + 1 : top + 5].min() < 0.3
    assert line[top + 1 : top + 7].max() > 0.45
    assert line[-3:].max() == 0


def test_the_same_seed_gives_the_same_head_and_another_gives_another():
    head, again = (simulate_head(seed=3, voxel_mm=8.0) for _ in range(2))
    np.testing.assert_array_equal(again.t1w.get_fdata(), head.t1w.get_fdata())
    other = simulate_head(seed=4, voxel_mm=8.0)
    assert not np.allclose(other.t1w.affine, head.t1w.affine)


def test_atrophy_takes_the_volume_that_it_says(head):
    """The head's centre of atrophy is where the map's Jacobian has grown by 1 / (1 - lost)."""
    centre = (40.0, -10.0, 5.0)
    shrunk = simulate_head(seed=3, voxel_mm=4.0, atrophies=(Atrophy(centre, radius_mm=15.0, volume_lost=0.4),))
    native = np.linalg.inv(head.to_template.affine) @ np.array([*centre, 1.0])
    point = native[None, :3]
    ratio = jacobian(shrunk.to_template, point) / jacobian(head.to_template, point)
    # Differences over 0.5 mm blur the Gaussian's top a little.
    assert ratio[0] == pytest.approx(1 / (1 - 0.4), rel=0.01)
    lost = head.grey.get_fdata().sum() - shrunk.grey.get_fdata().sum()
    assert lost > 0


def test_noise_and_bias_are_what_was_asked_for():
    quiet = simulate_head(seed=3, voxel_mm=6.0, noise=0.0, bias=0.0)
    np.testing.assert_allclose(quiet.t1w.get_fdata(), quiet.clean.get_fdata() * 600.0, atol=0.51)
    noisy = simulate_head(seed=3, voxel_mm=6.0, noise=0.05, bias=0.0)
    white = quiet.white.get_fdata() > 0.95
    residual = (noisy.t1w.get_fdata() - quiet.t1w.get_fdata())[white] / 600.0
    assert residual.std() == pytest.approx(0.05 * 0.87, rel=0.05)
    air = noisy.clean.get_fdata() == 0
    # Rayleigh: the mean of noise without a signal.
    assert noisy.t1w.get_fdata()[air].mean() / 600 == pytest.approx(0.05 * 0.87 * np.sqrt(np.pi / 2), rel=0.02)
    uneven = simulate_head(seed=3, voxel_mm=6.0, noise=0.0, bias=0.3)
    ratio = uneven.t1w.get_fdata()[white] / quiet.t1w.get_fdata()[white]
    assert 0.68 < ratio.min() < ratio.max() < 1.32
    assert np.ptp(ratio) > 0.1
