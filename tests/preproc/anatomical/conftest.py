"""Phantoms of the anatomical path: a round brain of three tissues, and the template's images."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from bidsml.templates import ChosenTemplate, choose_template


class Phantom(NamedTuple):
    t1w: nib.Nifti1Image
    brain: NDArray[np.bool_]
    tissues: list[NDArray[np.float64]]


@pytest.fixture
def make_phantom() -> Callable[..., Phantom]:
    def make(*, voxel_mm: float = 4.0, noise: float = 0.03, seed: int = 0) -> Phantom:
        n = round(160 / voxel_mm)
        affine = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
        affine[:3, 3] = -voxel_mm * (n - 1) / 2
        grid = np.stack(np.meshgrid(*[np.arange(n) * voxel_mm + affine[0, 3]] * 3, indexing="ij"))
        # An ellipsoid with a lobe on one side: no rotation leaves it as it is.
        radius = np.sqrt((grid[0] / 1.0) ** 2 + (grid[1] / 1.2) ** 2 + (grid[2] / 0.9) ** 2)
        lobe = np.linalg.norm(grid - np.array([20.0, 35.0, 12.0])[:, None, None, None], axis=0) < 22
        brain = radius < 60
        white = (radius < 42) & ~lobe
        fluid = (radius < 14) | ((radius >= 54) & brain)
        white &= ~fluid
        gray = brain & ~white & ~fluid
        tissues = [tissue.astype(float) for tissue in (gray, white, fluid)]
        values = 600 * gray + 900 * white + 200 * fluid
        values = values + 900 * noise * np.random.default_rng(seed).normal(size=values.shape) * brain
        return Phantom(nib.Nifti1Image(values.clip(0).astype(np.float32), affine), brain, tissues)

    return make


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> ChosenTemplate:
    """The packaged template, whatever TemplateFlow has on this machine."""
    return choose_template("MNI152NLin2009aSym", cache_dir=tmp_path_factory.mktemp("templates"))


@pytest.fixture
def dice() -> Callable[[NDArray[np.bool_], NDArray[np.bool_]], float]:
    return lambda a, b: float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder
