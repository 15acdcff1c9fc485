"""What a preprocessed run looks like at a glance: carpet and temporal signal-to-noise ratio, in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidsml.preproc.volumes import Series, iter_volumes
from bidsml.records import FloatArray

# Rows of grey matter, white matter and CSF: Power 2017, NeuroImage 154:150, doi:10.1016/j.neuroimage.2016.08.009.
ROWS = (300, 200, 100)
SURE = 0.5
UNKNOWN = 3


@dataclass(frozen=True, eq=False)
class Carpet:
    """Rows by tissue.

    Attributes
    ----------
    rows
        ``(n_rows, n_volumes)``, standardised without linear drift; all 0 where a row doesn't vary.
    tissues
        ``(n_rows,)``: 0 grey matter, 1 white matter, 2 CSF; 3 brain, where tissues are not known.
    tsnr
        Median over the brain.
    """

    rows: NDArray[np.float32]
    tissues: NDArray[np.int8]
    tsnr: float


def weave_carpet(
    series: Series, mask: NDArray[np.bool_], priors: Sequence[NDArray[np.float32]], *, n_dummy: int
) -> Carpet:
    """Average neighbouring voxels of each tissue into rows, and standardise them.

    Parameters
    ----------
    mask
        ``(x, y, z)``: brain.
    priors
        Probabilities of grey matter, white matter and CSF on the same grid; empty where they are not known.
    n_dummy
        Volumes before the steady state: they don't count for mean and spread.
    """
    groups, tissues = _group(mask, priors)
    brain = np.flatnonzero(mask.ravel(order="F"))
    position = np.full(mask.size, -1)
    position[brain] = np.arange(len(brain))
    order = np.concatenate(groups) if groups else np.empty(0, dtype=np.int64)
    picked = position[order]
    starts = np.concatenate([[0], np.cumsum([len(group) for group in groups])[:-1]]).astype(int)
    total, squares = np.zeros(len(brain)), np.zeros(len(brain))
    columns = []
    for number, values in enumerate(iter_volumes(series, brain)):
        if number >= n_dummy:
            total += values
            squares += values**2
        columns.append(np.add.reduceat(values[picked], starts) if groups else np.empty(0))
    n_steady = series.n_volumes - n_dummy
    mean = total / n_steady
    spread = np.sqrt(np.maximum(squares / n_steady - mean**2, 0.0))
    varying = spread > 1e-6 * np.abs(mean)
    tsnr = float(np.median(mean[varying] / spread[varying])) if varying.any() else float("nan")
    rows = _standardise(np.array(columns).T, n_dummy)
    return Carpet(rows.astype(np.float32), tissues, tsnr)


def _group(
    mask: NDArray[np.bool_], priors: Sequence[NDArray[np.float32]]
) -> tuple[list[NDArray[np.int64]], NDArray[np.int8]]:
    """Flat Fortran indices of the voxels of each row, and each row's tissue."""
    groups: list[NDArray[np.int64]] = []
    tissues: list[int] = []
    for tissue, (where, n_rows) in _tissues(mask, priors).items():
        voxels = np.flatnonzero(where.ravel(order="F"))
        if not len(voxels):
            continue
        parts = np.array_split(voxels, min(n_rows, len(voxels)))
        groups += parts
        tissues += [tissue] * len(parts)
    return groups, np.array(tissues, dtype=np.int8)


def _tissues(
    mask: NDArray[np.bool_], priors: Sequence[NDArray[np.float32]]
) -> dict[int, tuple[NDArray[np.bool_], int]]:
    """Voxels and number of rows by tissue."""
    if not priors:
        return {UNKNOWN: (mask, sum(ROWS))}
    likeliest = np.argmax(np.stack(priors), axis=0)
    sure = mask & (np.max(np.stack(priors), axis=0) > SURE)
    return {tissue: (sure & (likeliest == tissue), n_rows) for tissue, n_rows in enumerate(ROWS)}


def _standardise(rows: FloatArray, n_dummy: int) -> FloatArray:
    if not len(rows):
        return rows
    time = np.arange(rows.shape[1], dtype=np.float64)
    base = np.column_stack([np.ones_like(time), time - time.mean()])
    fit = np.linalg.lstsq(base[n_dummy:], rows[:, n_dummy:].T, rcond=None)[0]
    left = rows - (base @ fit).T
    spread = left[:, n_dummy:].std(axis=1)
    steady = spread > 1e-9 * np.abs(fit[0])
    standard: FloatArray = np.divide(left, spread[:, None], out=np.zeros_like(left), where=steady[:, None])
    return standard
