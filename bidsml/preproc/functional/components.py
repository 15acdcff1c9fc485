"""aCompCor: principal components of tissues that hold no neurons.

Behzadi et al. 2007, NeuroImage 37:90, doi:10.1016/j.neuroimage.2007.04.042; separated by tissue as Muschelli et al.
2014, NeuroImage 96:22, doi:10.1016/j.neuroimage.2014.03.028.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bidsml.records import FloatArray

HIGH_PASS_HZ = 1 / 128
# Components are kept up to this share of a mask's variance, but as many as strategies ask for.
VARIANCE = 0.5
AT_LEAST = 6
# Masks under the names that fMRIPrep's metadata has, and the first letter of their columns.
MASKS: Mapping[str, str] = {"CSF": "c", "WM": "w", "combined": "a"}


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of some voxels.

    ``series`` is ``(n_volumes, n_kept)`` of unit norm; ``singular_values`` and ``share`` (of the variance) are
    ``(n_kept,)``.
    """

    series: FloatArray
    singular_values: FloatArray
    share: FloatArray


def cosine_drifts(n_volumes: int, tr_s: float, *, n_dummy: int) -> FloatArray:
    """Discrete cosines slower than 128 s, ``(n_volumes, n_cosines)``; 0 before the steady state."""
    from nilearn.glm.first_level.design_matrix import create_cosine_drift

    times_s = np.arange(n_volumes - n_dummy) * tr_s
    steady = create_cosine_drift(HIGH_PASS_HZ, times_s)[:, :-1]  # the last is the constant
    return np.vstack([np.zeros((n_dummy, steady.shape[1])), steady])


def principal_components(values: NDArray[np.float32], drifts: FloatArray) -> Components:
    """Components of the variance that is left after drifts.

    Parameters
    ----------
    values
        ``(n_volumes, n_voxels)``, without the volumes before the steady state.
    drifts
        ``(n_volumes, n_cosines)``.
    """
    base = np.column_stack([np.ones(len(values)), drifts])
    clean = values.astype(np.float64)
    clean -= base @ np.linalg.lstsq(base, clean, rcond=None)[0]
    spread = clean.std(axis=0)
    # A voxel that doesn't vary beyond rounding has nothing to say, and would become noise of unit variance.
    varying = spread > 1e-6 * max(float(np.abs(values).max(initial=0.0)), 1e-12)
    clean = clean[:, varying] / spread[varying]
    if clean.shape[1] == 0:
        return Components(np.empty((len(values), 0)), np.empty(0), np.empty(0))
    left, singular, _ = np.linalg.svd(clean @ clean.T, hermitian=True)
    singular = np.sqrt(np.maximum(singular, 0.0))
    share = singular**2 / max(float((singular**2).sum()), 1e-12)
    rank = min(clean.shape[1], len(values) - base.shape[1])
    n_kept = min(rank, max(AT_LEAST, int(np.searchsorted(np.cumsum(share), VARIANCE)) + 1))
    series = left[:, :n_kept]
    # A component's sign is arbitrary: make the largest value positive, so that it repeats.
    signs = np.sign(series[np.abs(series).argmax(axis=0), np.arange(n_kept)])
    return Components(series * signs, singular[:n_kept], share[:n_kept])


def component_columns(
    values: NDArray[np.float32], masks: Mapping[str, NDArray[np.bool_]], drifts: FloatArray, *, n_dummy: int
) -> tuple[pd.DataFrame, dict[str, dict[str, object]]]:
    """Columns of aCompCor, and what ``load_confounds`` must know of them.

    Parameters
    ----------
    values
        ``(n_volumes, n_voxels)``.
    masks
        ``(n_voxels,)`` for each of ``CSF``, ``WM`` and ``combined``.

    Returns
    -------
    table
        ``c_comp_cor_00`` … ``w_…`` ``a_…``; 0 before the steady state.
    metadata
        By column: ``Method``, ``Mask``, ``Retained``, ``SingularValue``, ``VarianceExplained``,
        ``CumulativeVarianceExplained``.
    """
    columns: dict[str, FloatArray] = {}
    metadata: dict[str, dict[str, object]] = {}
    for mask, letter in MASKS.items():
        found = principal_components(values[n_dummy:, masks[mask]], drifts[n_dummy:])
        cumulative = np.cumsum(found.share)
        for number in range(len(found.share)):
            name = f"{letter}_comp_cor_{number:02d}"
            columns[name] = np.concatenate([np.zeros(n_dummy), found.series[:, number]])
            metadata[name] = {
                "Method": "aCompCor",
                "Mask": mask,
                "Retained": True,
                "SingularValue": float(found.singular_values[number]),
                "VarianceExplained": float(found.share[number]),
                "CumulativeVarianceExplained": float(cumulative[number]),
            }
    return pd.DataFrame(columns, index=range(len(values))), metadata
