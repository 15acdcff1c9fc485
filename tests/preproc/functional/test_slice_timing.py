"""Slices are brought to one time, along the axis and in the direction that the sidecar says."""

from pathlib import Path

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.preproc.functional.frames import open_run, read_frames
from bidsml.preproc.functional.slice_timing import acquisition_times_s, correct_slices, middle_time_s, shift_series
from bidsml.records import RawBold

TR_S = 2.0
N = 60


def _wave(time_s):
    """Three slow waves, the fastest at two thirds of the Nyquist frequency."""
    return (
        100
        + 5 * np.sin(2 * np.pi * 0.02 * time_s + 0.3)
        + 3 * np.sin(2 * np.pi * 0.09 * time_s)
        + np.sin(2 * np.pi * 0.16 * time_s + 1)
    )


@pytest.mark.parametrize("shift", [-1.7, -0.5, -0.25, 0.0, 0.3, 0.5, 0.99, 2.4])
def test_a_shift_takes_the_wave_later(shift):
    t = np.arange(N, dtype=float)
    found = shift_series(_wave(t * TR_S)[:, None], shift)[:, 0]
    # Quintic splines follow two thirds of Nyquist within 2 % of that wave's amplitude; the ends are mirrored.
    np.testing.assert_allclose(found[8:-8], _wave((t + shift) * TR_S)[8:-8], atol=0.03)


def test_no_shift_changes_nothing():
    values = np.random.default_rng(0).normal(size=(N, 4))
    np.testing.assert_allclose(shift_series(values, 0.0), values, atol=1e-10)


@pytest.mark.parametrize(("direction", "axis"), [("k", 2), ("k-", 2), ("j", 1), ("i-", 0)])
def test_every_slice_has_the_wave_of_the_middle(save_run, tmp_path, direction, axis):
    shape = (5, 6, 8)
    times = np.linspace(0, TR_S, shape[axis], endpoint=False)
    listed = tuple(times.tolist())
    by_index = times[::-1] if direction.endswith("-") else times
    where = np.moveaxis(np.broadcast_to(by_index, (*np.delete(shape, axis), shape[axis])), -1, axis)
    frames = [_wave(n * TR_S + where).astype(np.float32) for n in range(N)]
    frames[0] = frames[0] * 2  # not yet steady
    path = save_run(frames)
    series = open_run(path)
    bold = RawBold("01", path, TR_S, slice_times_s=listed, slice_axis=direction)
    found_axis, found_times = acquisition_times_s(bold, series.shape)
    assert found_axis == axis
    out = correct_slices(series, tmp_path / "stc.nii", axis=found_axis, times_s=found_times, tr_s=TR_S, n_dummy=1)
    run = read_frames(open_run(out), np.arange(N))
    expected = _wave(np.arange(N) * TR_S + middle_time_s(times))
    np.testing.assert_allclose(run[9:-8], np.broadcast_to(expected[9:-8, None, None, None], run[9:-8].shape), atol=0.03)
    np.testing.assert_array_equal(run[0], frames[0])
    uncorrected = np.abs(np.stack(frames)[9:-8] - expected[9:-8, None, None, None]).max()
    assert uncorrected > 0.5  # the test could have failed


def test_nothing_to_correct():
    bold = RawBold("01", Path("x.nii.gz"), TR_S)
    assert acquisition_times_s(bold, (4, 4, 4)) is None
    assert acquisition_times_s(RawBold("01", Path("x"), TR_S, slice_times_s=(0.5,) * 4), (4, 4, 4)) is None


@pytest.mark.parametrize(
    ("times", "message"),
    [((0.0, 0.5), "2 times"), ((0.0, 500.0, 1000.0, 1500.0), "1500 s"), ((0.0, -0.5, 1.0, 1.5), "-0.5")],
)
def test_impossible_times_are_refused(times, message):
    bold = RawBold("01", Path("x.nii.gz"), TR_S, slice_times_s=times)
    with pytest.raises(DataError, match=message) as caught:
        acquisition_times_s(bold, (4, 4, 4))
    assert "slice_timing = false" in caught.value.hint
