"""Runs are written and read volume by volume, without loss beyond the stated scale."""

import hashlib

import nibabel as nib
import numpy as np
import pytest
from nilearn.image import load_img

from bidsml.errors import DataError
from bidsml.preproc.functional.frames import FrameWriter, count_nonfinite, iter_frames, open_run, read_frames
from tests.preproc.functional.conftest import AFFINE

SHAPE = (5, 6, 7)


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(500, 200, size=(*SHAPE, 12)).astype(np.float32)


def _write(path, values, **options):
    with FrameWriter(path, values.shape, affine=AFFINE, tr_s=1.5, **options) as writer:
        for number in range(values.shape[3]):
            writer.write(values[..., number])
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_float_comes_back_as_it_was(tmp_path, values, name):
    path = _write(tmp_path / name, values)
    image = nib.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj), values)
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), AFFINE, atol=1e-3)
    assert image.header.get_zooms()[3] == pytest.approx(1.5)
    np.testing.assert_array_equal(np.stack(list(iter_frames(open_run(path))), axis=-1), values)


def test_int16_is_within_half_a_step_and_clips_beyond(tmp_path, values):
    values[0, 0, 0, 0] = 1e6
    path = _write(tmp_path / "a.nii.gz", values, largest=2000.0)
    read = load_img(path).get_fdata()
    assert nib.load(path).get_data_dtype() == np.int16
    assert read[0, 0, 0, 0] == pytest.approx(2000.0, rel=1e-4)
    within = np.abs(values) < 2000
    # A step is 2000 / 32767; float32 of the slope adds its own rounding.
    assert np.abs(read - values)[within].max() <= 0.51 * 2000 / 32767 + 1e-3


def test_same_volumes_give_same_bytes(tmp_path, values):
    digests = {
        hashlib.sha256(_write(tmp_path / name, values).read_bytes()).hexdigest() for name in ("a.nii.gz", "b.nii.gz")
    }
    assert len(digests) == 1


def test_a_run_that_ends_early_is_a_bug(tmp_path, values):
    with (
        pytest.raises(ValueError, match="1 of 12"),
        FrameWriter(tmp_path / "a.nii", values.shape, affine=AFFINE, tr_s=2.0) as writer,
    ):
        writer.write(values[..., 0])


def test_nonfinite_values_are_counted_and_zeroed(tmp_path, values):
    values[1, 2, 3, :4] = np.nan
    values[1, 2, 4, 5] = np.inf
    series = open_run(_write(tmp_path / "a.nii.gz", values))
    assert count_nonfinite(series) == 5
    frames = read_frames(series, np.array([0, 5]))
    assert frames.shape == (2, *SHAPE)
    assert frames[0][1, 2, 3] == frames[1][1, 2, 4] == 0
    assert frames[1][1, 2, 3] == values[1, 2, 3, 5]


@pytest.mark.parametrize(("n_volumes", "message"), [(9, "at least 10"), (1, "4-D")])
def test_short_runs_are_refused(tmp_path, values, n_volumes, message):
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(values[..., :n_volumes], AFFINE), path)
    with pytest.raises(DataError, match=message):
        open_run(path)


def test_three_dimensions_are_refused(tmp_path, values):
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(values[..., 0], AFFINE), path)
    with pytest.raises(DataError, match="4-D"):
        open_run(path)
