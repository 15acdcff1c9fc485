"""The confounds table of a run, under fMRIPrep's names, so that its readers work unchanged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bidsml.preproc.functional.components import component_columns, cosine_drifts
from bidsml.preproc.functional.dvars import dvars
from bidsml.preproc.functional.motion_terms import expand, motion_columns
from bidsml.records import FloatArray

# fMRIPrep's limits for its motion_outlier columns.
FD_LIMIT_MM = 0.5
STD_DVARS_LIMIT = 1.5
SIGNALS: Mapping[str, str] = {"CSF": "csf", "WM": "white_matter"}


@dataclass(frozen=True, eq=False)
class ConfoundsTable:
    """``table`` has one row a volume; ``metadata`` is the sidecar, by column."""

    table: pd.DataFrame
    metadata: dict[str, dict[str, Any]]


def make_confounds_table(
    values: NDArray[np.float32],
    masks: Mapping[str, NDArray[np.bool_]],
    motion: FloatArray,
    *,
    tr_s: float,
    n_dummy: int,
    notes: Mapping[str, str] | None = None,
) -> ConfoundsTable:
    """Compute all confounds of a run.

    Parameters
    ----------
    values
        ``(n_volumes, n_voxels)`` of the brain, realigned.
    masks
        ``(n_voxels,)`` for ``CSF``, ``WM`` and ``combined``.
    motion
        ``(n_volumes, 6)``.
    notes
        What to say of the masks of ``CSF`` and ``WM`` in the sidecar.
    """
    drifts = cosine_drifts(len(values), tr_s, n_dummy=n_dummy)
    components, metadata = component_columns(values, masks, drifts, n_dummy=n_dummy)
    plain, standard = dvars(values)
    moved = motion_columns(motion)
    cosines = pd.DataFrame(drifts, columns=[f"cosine{n:02d}" for n in range(drifts.shape[1])])
    outliers = _outliers(moved["framewise_displacement"].to_numpy(), standard, n_dummy=n_dummy)
    table = pd.concat(
        [
            _tissue_signals(values, masks),
            pd.DataFrame({"std_dvars": standard, "dvars": plain}),
            moved[["framewise_displacement", "rmsd"]],
            components,
            cosines,
            outliers,
            moved.drop(columns=["framewise_displacement", "rmsd"]),
        ],
        axis=1,
    )
    described = _describe(table)
    for tissue, note in (notes or {}).items():
        described[SIGNALS[tissue]]["Note"] = note
    return ConfoundsTable(table, described | metadata)


def _tissue_signals(values: NDArray[np.float32], masks: Mapping[str, NDArray[np.bool_]]) -> pd.DataFrame:
    """Mean signals with expansions; a tissue without voxels is NaN throughout."""
    columns = expand("global_signal", _mean_signal(values, np.ones(values.shape[1], dtype=bool)))
    for tissue, name in SIGNALS.items():
        columns |= expand(name, _mean_signal(values, masks[tissue]))
    columns["csf_wm"] = _mean_signal(values, masks["combined"])
    return pd.DataFrame(columns)


def _mean_signal(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> FloatArray:
    if not mask.any():
        return np.full(len(values), np.nan)
    return np.array([float(row[mask].mean(dtype=np.float64)) for row in values])


def _outliers(fd_mm: FloatArray, standard: FloatArray, *, n_dummy: int) -> pd.DataFrame:
    """Indicate each volume before the steady state, and each that moved: 1 in one volume, else 0."""
    n_volumes = len(fd_mm)
    with np.errstate(invalid="ignore"):
        moving = (fd_mm > FD_LIMIT_MM) | (standard > STD_DVARS_LIMIT)
    moving[:n_dummy] = False
    columns = {f"non_steady_state_outlier{n:02d}": np.eye(n_volumes)[n] for n in range(n_dummy)}
    for number, volume in enumerate(np.flatnonzero(moving)):
        columns[f"motion_outlier{number:02d}"] = np.eye(n_volumes)[volume]
    return pd.DataFrame(columns, index=range(n_volumes), dtype=np.int64)


def _describe(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Units and methods of the columns for the sidecar."""
    described: dict[str, dict[str, Any]] = {}
    for name in table:
        column = str(name)
        if column.startswith(("trans_", "rot_")) and "derivative" not in column and "power2" not in column:
            described[column] = {"Units": "mm" if column.startswith("trans") else "rad"}
        elif column in ("global_signal", "csf", "white_matter", "csf_wm"):
            described[column] = {"Method": "Mean"}
    described["framewise_displacement"] = {
        "Units": "mm",
        "Description": "Power et al. 2012, sphere of 50 mm, doi:10.1016/j.neuroimage.2011.10.018",
    }
    described["rmsd"] = {"Units": "mm", "Description": "Jenkinson 1999, sphere of 80 mm, FMRIB TR99MJ1"}
    described["dvars"] = {"Description": "Power et al. 2012; the median voxel's mean is scaled to 1000"}
    described["std_dvars"] = {"Description": "Nichols 2013, arXiv:1704.01469"}
    return described
