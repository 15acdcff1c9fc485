"""Nuisance signals come from voxels of one tissue alone."""

import numpy as np
import pytest

from bidsml.preproc.functional.frames import open_run
from bidsml.preproc.functional.tissues import pure_voxels, realigned_values, tissue_fractions, tissue_masks
from tests.preproc.functional.conftest import AFFINE, SHAPE, as_image, wander

FINE = np.diag([1.0, 1.0, 1.0, 1.0])


def _slab(first: int, last: int) -> np.ndarray:
    """Tissue between two planes, 40 mm cubed at 1 mm."""
    values = np.zeros((40, 40, 40))
    values[first:last] = 1
    return values


def test_fraction_is_the_share_of_the_voxel():
    maps = {"WM": as_image(_slab(0, 20), FINE)}
    # Voxels of 5 mm centred on 10 (inside), 19.5 + 0.5 (half), 30 (outside).
    points = np.array([[10.0, 20, 20], [19.5, 20, 20], [30.0, 20, 20]])
    found = tissue_fractions(maps, points, np.array([5.0, 5, 5]), [])["WM"]
    np.testing.assert_allclose(found, [1.0, 0.5, 0.0], atol=0.01)


def test_no_pure_voxel_touches_grey_matter():
    maps = {
        "GM": as_image(_slab(15, 25), FINE),
        "WM": as_image(_slab(25, 40), FINE),
        "CSF": as_image(_slab(0, 15), FINE),
    }
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = 2
    brain = np.ones((9, 9, 9), dtype=bool)
    masks, notes = tissue_masks(maps, brain, affine, [])
    x = (np.argwhere(brain) * 4 + 2)[:, 0]
    assert not notes
    assert x[masks["CSF"]].max() + 2 <= 15
    assert x[masks["WM"]].min() - 2 >= 24.5
    assert masks["combined"].sum() == masks["WM"].sum() + masks["CSF"].sum()


def test_few_voxels_are_said():
    fractions = {"WM": np.full(100, 1.0), "CSF": np.concatenate([np.linspace(0.9, 0.4, 30), np.zeros(70)])}
    masks, notes = pure_voxels(fractions)
    assert masks["CSF"].sum() == 20
    assert masks["CSF"][:20].all()
    assert set(notes) == {"CSF"}
    assert "20" in notes["CSF"]


def test_nothing_of_a_tissue_is_said():
    masks, notes = pure_voxels({"WM": np.ones(50), "CSF": np.zeros(50)})
    assert not masks["CSF"].any()
    assert "none above" in notes["CSF"]


def test_no_maps_no_masks():
    masks, notes = tissue_masks({}, np.ones((3, 3, 3), dtype=bool), AFFINE, [])
    assert not masks["combined"].any()
    assert set(notes) == {"CSF", "WM"}


@pytest.mark.parametrize("n_threads", [1, 3])
def test_realigned_values_follow_the_head(phantom, save_run, n_threads):
    motion = wander(10, mm=2.0)
    frames = [phantom.frame(row) for row in motion]
    brain = np.zeros(SHAPE, dtype=bool)
    brain[8:24, 8:28, 6:18] = True
    values = realigned_values(open_run(save_run(frames)), motion, brain, n_threads=n_threads)
    still = phantom.frame(np.zeros(6))[brain]
    assert values.shape == (10, brain.sum())
    realigned = np.mean([np.corrcoef(row, still)[0, 1] for row in values])
    moving = np.mean([np.corrcoef(frame[brain], still)[0, 1] for frame in frames])
    assert 1 - realigned < 0.5 * (1 - moving)
