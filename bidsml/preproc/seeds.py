"""Correlation of a seed's signal with every voxel."""

from collections.abc import Sequence

import numpy as np

from bidsml.errors import AnalysisFileError, DataError, near_names
from bidsml.preproc.regions import MIN_COVERAGE, locate_regions
from bidsml.preproc.voxels import VoxelSignals
from bidsml.records import Atlas, FloatArray, IntArray
from bidsml.spec import SeedSpec

# arctanh of it is 8.4: a seed of one voxel correlates with itself by 1, and its z is infinite.
LARGEST_R = 1 - 1e-7
# Voxels whose products are in memory at once.
BLOCK_VOXELS = 8192


def correlate_seeds(
    data: VoxelSignals, seeds: Sequence[SeedSpec], atlas: Atlas
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Correlate the mean signal of each seed with the signal of every voxel.

    Parameters
    ----------
    seeds
        Spheres in mm, in the space of the image, or regions of ``atlas``.

    Returns
    -------
    maps
        Fisher z by the seed's name, ``(n_voxels,)``.
    missing
        Why a seed has no map, by its name: less than half of it lies in the brain mask, or has a signal.

    Raises
    ------
    AnalysisFileError
        A seed's region is none of the atlas.
    DataError
        No seed has a map.
    """
    maps, missing = {}, {}
    for seed in seeds:
        mine, share = _find(seed, data, atlas)
        if not len(mine) or share < MIN_COVERAGE:
            missing[seed.name] = f"only {100 * share:.0f} % of the seed lie inside the brain mask with a signal"
            continue
        maps[seed.name] = _correlate(data, data.signals[mine].mean(axis=0, dtype=np.float64))
    if not maps:
        name, reason = next(iter(missing.items()))
        raise DataError(
            f"{data.scan.path}: no seed has a map; {name}: {reason}",
            hint="are the seed's coordinates in mm, in the space of the image?",
        )
    return maps, missing


def _find(seed: SeedSpec, data: VoxelSignals, atlas: Atlas) -> tuple[IntArray, float]:
    """Rows of the voxels of a seed, and the share of the seed that they are."""
    if seed.mm is not None:
        centre = np.array([seed.mm], dtype=np.float64)
        atlas = Atlas(seed.name, atlas.space, (seed.name,), centre, radius_mm=seed.radius_mm)
        place = 0
    elif seed.region in atlas.names:
        place = atlas.names.index(seed.region)
    else:
        raise AnalysisFileError(
            f"seed {seed.name!r}: atlas {atlas.name} has no region {seed.region!r}",
            hint=near_names(seed.region or "", atlas.names),
        )
    voxels, coverage = locate_regions(atlas, data.series, data.inside)
    rows = np.flatnonzero(np.isin(data.voxels, voxels[place]))
    return rows, float(coverage[place]) * len(rows) / max(len(voxels[place]), 1)


def _correlate(data: VoxelSignals, seed: FloatArray) -> FloatArray:
    """Fisher z of one signal with all voxels."""
    seed = seed - seed.mean()
    r = np.empty(len(data.signals))
    for start in range(0, len(r), BLOCK_VOXELS):
        block = data.signals[start : start + BLOCK_VOXELS].astype(np.float64)
        block -= block.mean(axis=1, keepdims=True)
        r[start : start + BLOCK_VOXELS] = block @ seed / np.linalg.norm(block, axis=1)
    z: FloatArray = np.arctanh(np.clip(r / np.linalg.norm(seed), -LARGEST_R, LARGEST_R))
    return z
