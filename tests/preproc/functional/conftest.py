"""A small head that moves: a blurred ball of tissue in a box, sampled at known poses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

from bidsml.preproc.functional.frames import FrameWriter
from bidsml.preproc.functional.rigid import centre_of_view, move_points, rigid_matrix

SHAPE = (32, 36, 24)
# Oblique, left-handed, anisotropic: what scanners write.
TILT = rigid_matrix(np.array([0, 0, 0, 0.3, -0.1, 0.05]), np.zeros(3))
AFFINE = TILT @ np.array([[-4.0, 0, 0, 62], [0, 4.0, 0, -70], [0, 0, 5.0, -58], [0, 0, 0, 1]])
FINE_MM = 2.0


@dataclass(frozen=True)
class Phantom:
    """A continuous head: ``look`` says its brightness at points of the head at rest."""

    coefficients: np.ndarray
    to_fine: np.ndarray

    def look(self, points_mm: np.ndarray) -> np.ndarray:
        places = move_points(points_mm, self.to_fine)
        return map_coordinates(self.coefficients, places.T, order=3, prefilter=False, mode="nearest")

    def frame(self, parameters: np.ndarray, *, shape=SHAPE, affine=AFFINE) -> np.ndarray:
        """The volume that shows the head after a motion of six parameters."""
        points = move_points(np.indices(shape).reshape(3, -1).T.astype(float), affine)
        back = np.linalg.inv(rigid_matrix(parameters, centre_of_view(shape, affine)))
        return self.look(move_points(points, back)).reshape(shape).astype(np.float32)


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """Structures of 6 mm and more inside an ellipsoid of brain size, dark outside."""
    rng = np.random.default_rng(5)
    shape = np.array([90, 100, 90])
    fine = np.diag([FINE_MM, FINE_MM, FINE_MM, 1.0])
    fine[:3, 3] = -FINE_MM * (shape - 1) / 2 + centre_of_view(SHAPE, AFFINE)
    at = (np.indices(shape).reshape(3, -1).T - (shape - 1) / 2) * FINE_MM
    inside = ((at / [55, 64, 48]) ** 2).sum(axis=1).reshape(shape) < 1
    folds = gaussian_filter(rng.normal(size=shape), 2.5)
    values = inside * (900 + 250 * np.sign(folds)) + 20
    coefficients = spline_filter(gaussian_filter(values, 1.2), order=3)
    return Phantom(coefficients, np.linalg.inv(fine))


def wander(n_volumes: int, *, mm: float, seed: int = 0) -> np.ndarray:
    """A smooth path with one sudden step: ``(n_volumes, 6)``."""
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(size=(n_volumes, 6)), axis=0)
    path[n_volumes // 2 :] += rng.normal(size=6) * 2
    path *= mm / np.abs(path).max()
    return path * [1, 1, 1, 1 / 50, 1 / 50, 1 / 50]


@pytest.fixture
def save_run(tmp_path: Path) -> Callable[..., Path]:
    """Write volumes as a run."""

    def write(frames: list[np.ndarray], name: str = "bold.nii.gz", *, affine=AFFINE, tr_s: float = 2.0) -> Path:
        with FrameWriter(tmp_path / name, (*frames[0].shape, len(frames)), affine=affine, tr_s=tr_s) as writer:
            for frame in frames:
                writer.write(frame)
        return tmp_path / name

    return write


def as_image(values: np.ndarray, affine: np.ndarray = AFFINE) -> nib.Nifti1Image:
    return nib.Nifti1Image(values.astype(np.float32), affine)
