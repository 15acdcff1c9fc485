"""Head motion is found again, whatever else changes."""

import numpy as np
import pytest

from bidsml.preproc.functional.brainmask import close_by
from bidsml.preproc.functional.head_motion import estimate_motion, prepare_target
from bidsml.preproc.functional.motion_terms import framewise_displacement_mm
from tests.preproc.functional.conftest import AFFINE, wander

REST = np.zeros(6)
NOISE = 12.0


def _estimate(phantom, motion, change=lambda frame, number: frame):
    rng = np.random.default_rng(1)
    reference = phantom.frame(REST)
    target = prepare_target(reference, close_by(reference > 300), AFFINE)
    frames = [
        change(phantom.frame(row), n) + rng.normal(scale=NOISE, size=reference.shape) for n, row in enumerate(motion)
    ]
    return estimate_motion((frame.astype(np.float32) for frame in frames), target)


def _rmse(found, true):
    error = np.sqrt(np.mean((found - true) ** 2, axis=0))
    return error[:3].max(), np.degrees(error[3:].max())


@pytest.mark.parametrize("mm", [0.3, 2.0, 8.0])
def test_motion_is_found_within_a_tenth(phantom, mm):
    motion = wander(12, mm=mm)
    found = _estimate(phantom, motion)
    shift_mm, turn_deg = _rmse(found, motion)
    assert shift_mm < 0.1
    assert turn_deg < 0.1
    fd = framewise_displacement_mm(motion)[1:]
    if mm >= 2:
        assert np.corrcoef(framewise_displacement_mm(found)[1:], fd)[0, 1] > 0.95


def test_activation_is_not_taken_for_motion(phantom):
    # 5 % over a fifth of the brain on one side: ten times what tasks evoke.
    active = np.zeros(phantom.frame(REST).shape, dtype=bool)
    active[4:12, 10:26, 6:18] = True
    quiet = _estimate(phantom, np.zeros((4, 6)))
    busy = _estimate(phantom, np.zeros((4, 6)), lambda frame, n: frame * (1 + 0.05 * active * (n % 2)))
    assert np.abs(busy - quiet)[:, :3].max() < 0.05
    assert np.degrees(np.abs(busy - quiet)[:, 3:].max()) < 0.05


def test_brightness_does_not_matter(phantom):
    motion = wander(4, mm=1.0)
    plain = _estimate(phantom, motion)
    bright = _estimate(phantom, motion, lambda frame, n: frame * 1.4)
    np.testing.assert_allclose(bright * [1, 1, 1, 50, 50, 50], plain * [1, 1, 1, 50, 50, 50], atol=0.03)


def test_one_lost_volume_does_not_lose_the_next(phantom):
    motion = wander(5, mm=1.0)
    found = _estimate(phantom, motion, lambda frame, n: frame if n != 2 else np.zeros_like(frame))
    assert np.isfinite(found).all()
    kept = [0, 1, 3, 4]
    assert _rmse(found[kept], motion[kept])[0] < 0.1
