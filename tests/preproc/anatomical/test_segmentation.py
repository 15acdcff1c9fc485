"""Tissues of a phantom come back, with priors and without, under their own names."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

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
        again = [m.numpy() for m in segment(image, mask, priors=priors if with_priors else ())]
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
