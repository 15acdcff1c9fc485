"""The reference is sharp, steady, and lies where one volume of the run lies."""

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.preproc.functional.brainmask import find_brain
from bidsml.preproc.functional.frames import open_run
from bidsml.preproc.functional.reference import make_reference
from tests.preproc.functional.conftest import AFFINE, wander

N = 24


@pytest.fixture
def moving(phantom, save_run):
    motion = wander(N, mm=4.0, seed=2)
    rng = np.random.default_rng(0)
    frames = [phantom.frame(row) + rng.normal(scale=60, size=(32, 36, 24)) for row in motion]
    frames[0], frames[1] = frames[0] * 1.6, frames[1] * 1.2
    return motion, frames, open_run(save_run([frame.astype(np.float32) for frame in frames]))


def test_reference_is_the_head_at_its_volume(moving, phantom):
    motion, frames, series = moving
    found = make_reference(series, dummy_volumes=None)
    assert found.n_dummy == 2
    assert found.volume >= 2
    truth = phantom.frame(motion[found.volume])
    mask = truth > 300
    error = np.abs(found.image - truth)[mask].mean()
    # Averaging 16 volumes takes most of the noise of one away, and does not blur: a mean over the moving run would.
    assert error < 0.6 * np.abs(frames[found.volume] - truth)[mask].mean()
    assert error < np.abs(np.mean(frames[2:], axis=0) - truth)[mask].mean()


def test_given_dummies_are_taken(moving):
    assert make_reference(moving[2], dummy_volumes=5).n_dummy == 5


def test_too_few_steady_volumes(moving):
    with pytest.raises(DataError, match="leave too few"):
        make_reference(moving[2], dummy_volumes=N - 5)


def test_brain_of_the_phantom_is_found(phantom):
    mask, notes = find_brain(phantom.frame(np.zeros(6)), AFFINE)
    truth = phantom.frame(np.zeros(6)) > 450
    assert not notes
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.95


def test_without_a_brain_a_threshold_stands_in():
    values = np.abs(np.random.default_rng(0).normal(size=(20, 20, 10))).astype(np.float32)
    mask, notes = find_brain(values, np.diag([3.0, 3.0, 3.0, 1.0]))
    assert mask.any()
    assert "threshold" in notes[0]
