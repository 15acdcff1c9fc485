"""Regional homogeneity: how alike the signals of neighbouring voxels rise and fall."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure
from scipy.sparse import csr_array
from scipy.stats import rankdata

from bidsml.errors import DataError
from bidsml.preproc.voxels import VoxelSignals
from bidsml.records import FloatArray, IntArray

# Dimensions in which a neighbour may be displaced at once: faces, edges, corners.
_CONNECTIVITY = {7: 1, 19: 2, 27: 3}
# Numbers of one block while it is ranked: scipy holds about four float64 copies.
BLOCK_NUMBERS = 4_000_000
# Volumes whose neighbourhood sums are in memory at once.
BLOCK_VOLUMES = 16


def regional_homogeneity(data: VoxelSignals, *, neighbours: int) -> FloatArray:
    """Kendall's coefficient of concordance of each voxel with its neighbours.

    ``W = 12 S / (k² (n³ - n) - k Σ (t³ - t))`` for n volumes and k voxels, S the sum over volumes of squared deviations
    of rank sums from their mean, t the lengths of ties [1]_ [2]_: 0 for rankings without agreement, 1 for equal ones.
    ``k`` is 7, 19 or 27 with the voxel itself, less at the rim of the brain, where at least half must be there; chance
    gives 1 / k, so that W at the rim is a little high. The signals must not be smoothed: smoothing makes neighbours
    alike by itself.

    The ranks take the place of the signals in memory.

    Parameters
    ----------
    data
        ``data.signals`` is overwritten.
    neighbours
        7 (sharing faces), 19 (edges too) or 27 (corners too).

    Returns
    -------
    FloatArray
        ``(n_voxels,)``, 0-1; NaN where fewer than half of the neighbours have a signal.

    Raises
    ------
    DataError
        No voxel has enough neighbours.

    References
    ----------
    .. [1] Zang et al. 2004, NeuroImage 22:394, doi:10.1016/j.neuroimage.2003.12.030
    .. [2] Kendall & Gibbons 1990, Rank correlation methods, chapter 6
    """
    ties = _rank_in_place(data.signals)
    near = find_neighbours(data.voxels, shape=data.series.shape, neighbours=neighbours)
    count = near.sum(axis=1).astype(np.float64)  # k
    n_voxels, n = data.signals.shape
    deviations = np.zeros(n_voxels)  # S
    for start in range(0, n, BLOCK_VOLUMES):
        sums = near @ np.ascontiguousarray(data.signals[:, start : start + BLOCK_VOLUMES])
        deviations += np.einsum("vt,vt->v", sums, sums, dtype=np.float64)
    scale = count**2 * (float(n) ** 3 - n) - count * (near @ ties)
    # Ranks that are all tied agree in nothing.
    w: FloatArray = np.divide(12 * deviations, scale, out=np.full(n_voxels, np.nan), where=scale > 0)
    w[count < neighbours / 2] = np.nan
    if not np.isfinite(w).any():
        raise DataError(
            f"{data.scan.path}: no voxel has {neighbours / 2:.0f} neighbours with a signal",
            hint="look at the brain mask",
        )
    return w


def _rank_in_place(signals: NDArray[np.float32]) -> FloatArray:
    """Replace each row by its ranks less their mean; give the sum of t³ - t over the row's ties, ``(n_rows,)``."""
    n_rows, n = signals.shape
    size = max(1, BLOCK_NUMBERS // n)
    ties = np.zeros(n_rows)
    for start in range(0, n_rows, size):
        ranks = rankdata(signals[start : start + size], axis=1)
        # Ranks without ties have a sum of squares of (n³ - n) / 12 about their mean; ties take (t³ - t) / 12 off.
        centred = ranks - (n + 1) / 2
        ties[start : start + size] = float(n) ** 3 - n - 12 * (centred**2).sum(axis=1)
        signals[start : start + size] = centred
    return ties


def find_neighbours(voxels: IntArray, *, shape: tuple[int, int, int], neighbours: int) -> csr_array:
    """Say which voxels lie in the neighbourhood of which, each in its own.

    Parameters
    ----------
    voxels
        ``(n_voxels,)`` flat indices in Fortran order.

    Returns
    -------
    csr_array
        ``(n_voxels, n_voxels)``, 1 where the column is a neighbour of the row.
    """
    padded = tuple(size + 2 for size in shape)
    place = np.full(padded, -1, dtype=np.int32)
    x, y, z = np.unravel_index(voxels, shape, order="F")
    place[x + 1, y + 1, z + 1] = np.arange(len(voxels))
    rows, columns = [], []
    for i, j, k in np.argwhere(generate_binary_structure(3, _CONNECTIVITY[neighbours])):
        found = place[x + i, y + j, z + k]
        rows.append(np.flatnonzero(found >= 0).astype(np.int32))
        columns.append(found[found >= 0])
    row, column = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(row), dtype=np.float32)
    return csr_array((ones, (row, column)), shape=(len(voxels), len(voxels)))
