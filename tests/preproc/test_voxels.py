"""Cleaned signals of all voxels."""

import tracemalloc
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from nilearn.maskers import NiftiMasker

from bidsml.errors import DataError
from bidsml.preproc import voxels as module
from bidsml.preproc.clean import extract_scan
from bidsml.preproc.voxels import average_maps, clean_voxels, describe_maps
from bidsml.records import Scan
from bidsml.spec import DenoiseSpec
from tests.preproc.conftest import N_VOLUMES, SHAPE, simulate_bold

DENOISE = DenoiseSpec(strategy="none", high_pass_hz=0.01, low_pass_hz=0.15, fd_censor_mm=0)


@pytest.fixture
def scan(save, brain) -> Scan:
    return Scan("1", "bold", save(simulate_bold()), mask=brain, tr_s=2.0)


def test_as_nilearn_cleans_them(scan):
    found = clean_voxels(scan, DENOISE)
    masker = NiftiMasker(str(scan.mask), detrend=True, standardize=None, high_pass=0.01, low_pass=0.15, t_r=2.0)
    theirs = masker.fit_transform(str(scan.path))  # (n_volumes, n_voxels), C order
    place = np.full(SHAPE, -1)
    place[np.asarray(nib.load(scan.mask).dataobj) > 0] = np.arange(theirs.shape[1])
    order = place.ravel(order="F")[found.voxels]
    assert found.signals.shape == (theirs.shape[1], N_VOLUMES)
    centred = (theirs - theirs.mean(axis=0)).T[order]
    # float32 holds seven digits of values up to 200.
    np.testing.assert_allclose(found.signals, centred, atol=1e-3)


def test_blocks_and_buffers_change_nothing(scan, monkeypatch):
    whole = clean_voxels(scan, DENOISE)
    monkeypatch.setattr(module, "BLOCK_NUMBERS", 100 * N_VOLUMES)
    monkeypatch.setattr(module, "BUFFERED_VOLUMES", 7)
    parts = clean_voxels(scan, DENOISE)
    np.testing.assert_array_equal(whole.voxels, parts.voxels)
    np.testing.assert_allclose(whole.signals, parts.signals, atol=1e-4)


def test_voxels_without_a_signal_are_left_out_and_the_others_stay_in_place(save, brain, monkeypatch):
    values = simulate_bold("float32")
    values[5, 5, 5, 7], values[6, 6, 6, 0] = np.nan, np.inf
    values[7, 7, 7] = 300
    monkeypatch.setattr(module, "BLOCK_NUMBERS", 50 * N_VOLUMES)
    scan = Scan("1", "bold", save(values), mask=brain, tr_s=2.0)
    found = clean_voxels(scan, DENOISE)
    clean = replace(scan, path=save(simulate_bold("float32"), "good.nii.gz"))
    good = clean_voxels(clean, DENOISE)
    lost = np.ravel_multi_index(np.array([[5, 5, 5], [6, 6, 6], [7, 7, 7]]).T, SHAPE, order="F")
    assert found.n_nonfinite == 2
    np.testing.assert_array_equal(found.voxels, np.setdiff1d(good.voxels, lost))
    np.testing.assert_allclose(found.signals, good.signals[~np.isin(good.voxels, lost)], atol=1e-4)


def test_a_map_returns_to_the_grid_it_came_from(scan, labels):
    found = clean_voxels(scan, DENOISE)
    x, y, z = np.unravel_index(found.voxels, SHAPE, order="F")
    image = found.make_image(100.0 * x + 10 * y + z)
    assert image.shape == SHAPE and np.allclose(image.affine, found.series.affine)
    assert image.get_fdata()[4, 3, 2] == 432 and image.get_fdata()[0, 0, 0] == 0
    means = average_maps(found, {"x": x.astype(float)}, labels)
    np.testing.assert_allclose(means.values["x"], [4.5, 9.5, 11])  # boxes 4, 2 and 9
    assert not means.missing


def test_mean_of_cleaned_voxels_is_the_cleaned_mean(scan, labels):
    found = clean_voxels(scan, DENOISE)
    regions = extract_scan(scan, labels, DENOISE)
    first = np.isin(found.voxels, np.flatnonzero((nib.load(labels.image).get_fdata() == 4).ravel(order="F")))
    mean = found.signals[first].mean(axis=0)
    assert np.corrcoef(mean, regions.signals[:, 0])[0, 1] == pytest.approx(1, abs=1e-6)


def test_a_region_without_enough_values_is_missing(scan, labels):
    found = clean_voxels(scan, DENOISE)
    x = np.unravel_index(found.voxels, SHAPE, order="F")[0]
    means = average_maps(found, {"m": np.where(x < 10, np.nan, 1.0)}, labels)
    assert means.missing == {"box4": "only 0 % of its voxels have a value of m"}
    np.testing.assert_array_equal(means.values["m"], [np.nan, 1, 1])
    data = describe_maps(found, means, labels)
    assert data.qc.n_regions_missing == 1 and data.qc.n_volumes_kept == N_VOLUMES
    with pytest.raises(DataError, match="all 3 regions"):
        average_maps(found, {"m": np.full(len(x), np.nan)}, labels)


def test_a_scan_without_a_mask_is_refused(scan):
    with pytest.raises(DataError, match="need a brain mask"):
        clean_voxels(replace(scan, mask=None), DENOISE)


def test_a_mask_of_nothing_is_refused(scan, save):
    empty = save(np.zeros(SHAPE, dtype=np.uint8), "empty.nii.gz")
    with pytest.raises(DataError, match="no voxel of the brain mask"):
        clean_voxels(replace(scan, mask=empty), DENOISE)


@pytest.mark.slow
def test_memory_is_one_array_and_blocks(save):
    shape, n_volumes = (50, 50, 40), 200
    values = np.random.default_rng(0).integers(900, 1100, (*shape, n_volumes), dtype=np.int16)
    scan = Scan("1", "bold", save(values, "bold.nii"), mask=save(np.ones(shape, np.uint8), "all.nii"), tr_s=2.0)
    del values
    tracemalloc.start()
    found = clean_voxels(scan, DENOISE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.signals.nbytes == 4 * 100_000 * n_volumes
    assert peak < found.signals.nbytes + 300e6
