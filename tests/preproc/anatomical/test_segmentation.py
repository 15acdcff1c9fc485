"""Tissues of a phantom come back, with priors and without, under their own names."""

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import to_ants
from bidsml.preproc.anatomical.segmentation import segment
from bidsml.preproc.anatomical.session import ants_session


@pytest.mark.parametrize("with_priors", [True, False])
def test_tissues_come_back(make_phantom, dice, tmp_path, with_priors):
    phantom = make_phantom()
    image = to_ants(phantom.t1w)
    mask = image.new_image_like(phantom.brain.astype(np.float32))
    priors = [image.new_image_like(gaussian_filter(t, 1.5).astype(np.float32)) for t in phantom.tissues]
    with ants_session(tmp_path):
        found = [m.numpy() for m in segment(image, mask, priors=priors if with_priors else ())]
        again = [m.numpy() for m in segment(image, mask, priors=priors)] if with_priors else found
    for values, truth in zip(found, phantom.tissues, strict=True):
        assert dice(values > 0.5, truth > 0.5) > 0.95
    total = np.sum(found, axis=0)
    np.testing.assert_allclose(total[phantom.brain], 1.0, atol=1e-5)
    assert (total[~phantom.brain] == 0).all()
    np.testing.assert_array_equal(found, again)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_mask_is_an_error(make_phantom):
    image = to_ants(make_phantom().t1w)
    with pytest.raises(DataError, match="0 voxels only"):
        segment(image, image.new_image_like(np.zeros(image.shape, dtype=np.float32)))


def test_a_place_that_files_round_is_no_obstacle(make_phantom, tmp_path):
    phantom = make_phantom()
    affine = phantom.t1w.affine.copy()
    turn = Rotation.from_euler("xyz", [5, -7, 3], degrees=True).as_matrix()
    affine[:3, :3] = turn @ np.diag([3.868055, 4.000001, 4.1])  # oblique, as scanners write it
    affine[:3, 3] += 1 / 3
    image = to_ants(nib.Nifti1Image(np.asarray(phantom.t1w.dataobj), affine))
    mask = image.new_image_like(phantom.brain.astype(np.float32))
    priors = [image.new_image_like(gaussian_filter(t, 1.5).astype(np.float32)) for t in phantom.tissues]
    with ants_session(tmp_path):
        found = segment(image, mask, priors=priors)
    np.testing.assert_allclose(sum(m.numpy() for m in found)[phantom.brain], 1.0, atol=1e-5)
    np.testing.assert_allclose(found[0].origin, image.origin)
