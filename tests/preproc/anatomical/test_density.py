"""Modulation keeps the amount of tissue whatever the transform does to it."""

import ants
import numpy as np
import pytest

from bidsml.preproc.anatomical.density import modulated_density, smooth_density
from bidsml.preproc.anatomical.images import to_ants


def write_affine(path, matrix, scratch):
    transform = ants.new_ants_transform(
        transform_type="AffineTransform", parameters=[*np.asarray(matrix, dtype=float).ravel(), 3.0, -2.0, 1.0]
    )
    ants.write_transform(transform, str(scratch / path))
    return scratch / path


@pytest.mark.parametrize(
    "matrix",
    [np.eye(3), np.diag([0.8, 0.9, 0.85]), [[0.9, 0.1, 0.0], [-0.1, 0.95, 0.05], [0.0, 0.0, 1.1]]],
    ids=["identity", "growth", "shear"],
)
def test_the_sum_over_the_template_is_the_volume_in_the_participant(make_phantom, scratch, matrix):
    phantom = make_phantom()
    image = to_ants(phantom.t1w)
    gray = image.new_image_like(phantom.tissues[0].astype(np.float32))
    density = modulated_density(gray, image, forward=write_affine("a.mat", matrix, scratch), scratch=scratch)
    # Linear interpolation of a map at 4 mm loses nothing but rounding and a little at the border.
    assert density.sum() == pytest.approx(phantom.tissues[0].sum(), rel=0.01)


def test_a_local_warp_keeps_it_too(make_phantom, scratch):
    phantom = make_phantom()
    image = to_ants(phantom.t1w)
    grid = np.stack(np.meshgrid(*[np.arange(n) * 4.0 for n in image.shape], indexing="ij"), axis=-1)
    fall = np.exp(-((grid - 80) ** 2).sum(axis=-1, keepdims=True) / (2 * 25.0**2))
    outwards = 0.25 * (grid - 80) * fall * [-1, -1, 1]  # ANTs counts x and y the other way
    field = ants.from_numpy(
        outwards.astype(np.float32),
        origin=image.origin,
        spacing=image.spacing,
        direction=image.direction,
        has_components=True,
    )
    ants.image_write(field, str(scratch / "warp.nii.gz"))
    white = image.new_image_like(phantom.tissues[1].astype(np.float32))
    density = modulated_density(white, image, forward=scratch / "warp.nii.gz", scratch=scratch)
    plain = ants.apply_transforms(image, white, [str(scratch / "warp.nii.gz")]).numpy().sum()
    assert abs(plain / phantom.tissues[1].sum() - 1) > 0.1, "the warp changes volumes"
    # Derivatives of the field are central differences at 4 mm.
    assert density.sum() == pytest.approx(phantom.tissues[1].sum(), rel=0.02)


def test_smoothing_keeps_the_sum_and_has_the_width_asked_for(make_phantom):
    image = to_ants(make_phantom(voxel_mm=2.0).t1w)
    point = np.zeros(image.shape)
    point[40, 40, 40] = 1.0
    smoothed = smooth_density(point, image, fwhm_mm=8.0)
    assert smoothed.sum() == pytest.approx(1.0, rel=1e-3)
    # Half of the peak is reached half a width (4 mm, two voxels) away.
    assert smoothed[42, 40, 40] / smoothed[40, 40, 40] == pytest.approx(0.5, abs=0.02)
    assert smooth_density(point, image, fwhm_mm=0.0) is point
