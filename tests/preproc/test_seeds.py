"""Maps of correlations with seeds."""

import nibabel as nib
import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.preproc.seeds import correlate_seeds
from bidsml.preproc.voxels import clean_voxels
from bidsml.records import Scan
from bidsml.spec import DenoiseSpec, SeedSpec
from tests.preproc.conftest import AFFINE, SHAPE, make_spheres, simulate_bold

DENOISE = DenoiseSpec(strategy="none", high_pass_hz=0, low_pass_hz=0, fd_censor_mm=0)
CENTRE = (6, 6, 4)


@pytest.fixture
def data(save, brain):
    """Box ``[8:12, 3:9, 2:6]`` goes with the box of the seed, the rest is noise."""
    values = simulate_bold("float32")
    wave = 100 * np.sin(np.arange(values.shape[3]))
    values[3:7, 3:9, 2:6] += wave
    values[8:12, 3:9, 2:6] -= wave
    return clean_voxels(Scan("1", "bold", save(values), mask=brain, tr_s=2.0), DENOISE)


def seed(**more: object) -> SeedSpec:
    centre = nib.affines.apply_affine(AFFINE, CENTRE)
    return SeedSpec(**{"name": "s", "mm": tuple(float(c) for c in centre), "radius_mm": 5.0, **more})


def test_z_is_that_of_numpy_voxel_by_voxel(data, labels):
    maps, missing = correlate_seeds(data, [seed()], labels)
    where = nib.affines.apply_affine(AFFINE, np.array(np.unravel_index(data.voxels, SHAPE, order="F")).T)
    mine = np.linalg.norm(where - seed().mm, axis=1) <= 5
    assert mine.sum() > 5
    mean = data.signals[mine].mean(axis=0)
    wanted = [np.arctanh(np.corrcoef(mean, signal)[0, 1]) for signal in data.signals[::50]]
    np.testing.assert_allclose(maps["s"][::50], wanted, atol=1e-4)
    assert not missing


def test_a_network_is_found_and_noise_is_not(data, labels):
    maps, _ = correlate_seeds(data, [seed()], labels)
    volume = data.make_image(maps["s"]).get_fdata()
    assert volume[8:12, 3:9, 2:6].mean() < -0.8
    # Independent noise of 60 volumes: z has SD 0.13, its mean over 200 voxels next to none.
    assert abs(volume[3:15, 12:20, 2:9].mean()) < 0.05


def test_a_region_is_a_seed_as_good_as_a_sphere_over_it(data, labels):
    maps, _ = correlate_seeds(
        data, [SeedSpec(name="box", region="box4"), SeedSpec(name="other", region="box2")], labels
    )
    inside = (nib.load(labels.image).get_fdata() == 4).ravel(order="F")[data.voxels]
    wanted = data.signals[inside].mean(axis=0)
    r = [np.corrcoef(wanted, signal)[0, 1] for signal in data.signals[::100]]
    np.testing.assert_allclose(np.tanh(maps["box"][::100]), r, atol=1e-5)
    assert not np.allclose(maps["box"], maps["other"])


def test_a_region_of_a_sphere_atlas(data):
    centre = nib.affines.apply_affine(AFFINE, CENTRE)
    maps, _ = correlate_seeds(data, [SeedSpec(name="ball", region="ball1")], make_spheres([(0, 0, 0), tuple(centre)]))
    sphere, _ = correlate_seeds(data, [seed()], make_spheres([(0, 0, 0)]))
    np.testing.assert_array_equal(maps["ball"], sphere["s"])


def test_a_seed_of_one_voxel_is_finite_in_itself(data, labels):
    maps, _ = correlate_seeds(data, [seed(radius_mm=0.1)], labels)
    assert np.isfinite(maps["s"]).all() and maps["s"].max() > 5


def test_a_seed_outside_is_missing_and_all_outside_an_error(data, labels):
    far = seed(name="far", mm=(500.0, 0.0, 0.0))
    maps, missing = correlate_seeds(data, [seed(), far], labels)
    assert set(maps) == {"s"} and "only 0 %" in missing["far"]
    with pytest.raises(DataError, match="no seed has a map; far"):
        correlate_seeds(data, [far], labels)


def test_an_unknown_region_is_named_with_near_ones(data, labels):
    with pytest.raises(AnalysisFileError, match="no region 'box44'") as caught:
        correlate_seeds(data, [SeedSpec(name="x", region="box44")], labels)
    assert "box4" in caught.value.hint
