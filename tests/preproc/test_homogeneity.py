"""Kendall's W of neighbourhoods, against scipy and against a slow implementation."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from bidsml.errors import DataError
from bidsml.preproc import homogeneity
from bidsml.preproc.cleaning import Cleaning
from bidsml.preproc.homogeneity import find_neighbours, regional_homogeneity
from bidsml.preproc.volumes import Series
from bidsml.preproc.voxels import VoxelSignals
from bidsml.records import Scan

OFFSETS = [np.array(o) - 1 for o in np.ndindex(3, 3, 3)]


def make_data(volume: np.ndarray, inside: np.ndarray) -> VoxelSignals:
    """Signals of the voxels inside, of an array ``(x, y, z, n_volumes)``."""
    shape = volume.shape[:3]
    series = Series(Path("x.nii"), shape, volume.shape[3], np.eye(4), np.dtype("f4"), 0, 1.0, 0.0, 2.0)
    voxels = np.flatnonzero(inside.ravel(order="F"))
    signals = volume.reshape(-1, volume.shape[3], order="F")[voxels].astype(np.float32)
    return VoxelSignals(
        Scan("1", "bold", Path("x.nii")), series, inside, voxels, signals, cast("Cleaning", None), n_nonfinite=0
    )


def slowly(volume: np.ndarray, inside: np.ndarray, neighbours: int) -> np.ndarray:
    """W voxel by voxel from the definition with ties (Kendall & Gibbons 1990), in Fortran order of the voxels."""
    steps = {7: 1, 19: 2, 27: 3}[neighbours]
    found = []
    for voxel in sorted(map(tuple, np.argwhere(inside)), key=lambda v: v[::-1]):
        near = [tuple(voxel + o) for o in OFFSETS if np.abs(o).sum() <= steps]
        near = [v for v in near if all(0 <= c < s for c, s in zip(v, inside.shape, strict=True)) and inside[v]]
        if len(near) < neighbours / 2:
            found.append(np.nan)
            continue
        ranks = np.array([rankdata(volume[v]) for v in near])
        k, n = ranks.shape
        sums = ranks.sum(axis=0)
        ties = sum((counts**3 - counts).sum() for counts in (np.unique(row, return_counts=True)[1] for row in ranks))
        found.append(12 * ((sums - sums.mean()) ** 2).sum() / (k**2 * (n**3 - n) - k * ties))
    return np.array(found)


@pytest.fixture
def volume() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 5, 4, 30)) + rng.standard_normal((1, 1, 1, 30))


@pytest.fixture
def inside() -> np.ndarray:
    mask = np.ones((6, 5, 4), dtype=bool)
    mask[0, 0], mask[3, 2, 1] = False, False
    return mask


@pytest.mark.parametrize("neighbours", [7, 19, 27])
@pytest.mark.parametrize("ties", [False, True])
def test_against_the_definition(volume, inside, neighbours, ties):
    given = np.rint(volume) if ties else volume
    found = regional_homogeneity(make_data(given, inside), neighbours=neighbours)
    np.testing.assert_allclose(found, slowly(given.astype(np.float32), inside, neighbours), rtol=1e-5)
    assert np.isfinite(found).any()


@pytest.mark.parametrize("ties", [False, True])
def test_against_friedmans_test_of_scipy(volume, ties):
    """Friedman's chi-square is k (n - 1) W."""
    given = np.rint(volume[:3, :3, :3]) if ties else volume[:3, :3, :3]
    found = regional_homogeneity(make_data(given, np.ones((3, 3, 3), dtype=bool)), neighbours=27)
    chi2 = friedmanchisquare(*given.reshape(27, -1).T).statistic
    assert found[13] == pytest.approx(chi2 / (27 * 29), rel=1e-5)


def test_equal_signals_agree_wholly_and_noise_by_chance_alone():
    rng = np.random.default_rng(1)
    whole = np.ones((8, 8, 8), dtype=bool)
    same = np.broadcast_to(rng.standard_normal(40), (8, 8, 8, 40))
    alike = regional_homogeneity(make_data(same, whole), neighbours=27)
    np.testing.assert_allclose(alike[np.isfinite(alike)], 1, rtol=1e-5)
    noise = regional_homogeneity(make_data(rng.standard_normal((8, 8, 8, 200)), whole), neighbours=27)
    inner = noise.reshape((8, 8, 8), order="F")[1:-1, 1:-1, 1:-1]
    assert inner.mean() == pytest.approx(1 / 27, rel=0.05)  # expected W of k independent rankings
    assert np.isnan(noise.reshape((8, 8, 8), order="F")[0, 0, 0])  # 8 of 27


def test_any_rising_change_of_the_signals_leaves_it(volume, inside):
    plain = regional_homogeneity(make_data(volume, inside), neighbours=27)
    bent = regional_homogeneity(make_data(np.exp(volume), inside), neighbours=27)
    np.testing.assert_array_equal(plain, bent)


def test_blocks_change_nothing(volume, inside, monkeypatch):
    whole = regional_homogeneity(make_data(volume, inside), neighbours=19)
    monkeypatch.setattr(homogeneity, "BLOCK_NUMBERS", 7 * 30)
    monkeypatch.setattr(homogeneity, "BLOCK_VOLUMES", 4)
    parts = regional_homogeneity(make_data(volume, inside), neighbours=19)
    np.testing.assert_allclose(whole, parts, rtol=1e-6)


@pytest.mark.parametrize(("neighbours", "inner"), [(7, 7), (19, 19), (27, 27)])
def test_numbers_of_neighbours(neighbours, inner):
    whole = np.arange(5**3)
    near = find_neighbours(whole, shape=(5, 5, 5), neighbours=neighbours).toarray()
    np.testing.assert_array_equal(near, near.T)
    assert near[62].sum() == inner and (np.diag(near) == 1).all()
    assert near[0].sum() == {7: 4, 19: 7, 27: 8}[neighbours]


def test_single_voxels_have_no_neighbourhood(volume):
    lonely = np.zeros((6, 5, 4), dtype=bool)
    lonely[::2, ::2, ::2] = True
    with pytest.raises(DataError, match="no voxel has 14 neighbours"):
        regional_homogeneity(make_data(volume, lonely), neighbours=27)
