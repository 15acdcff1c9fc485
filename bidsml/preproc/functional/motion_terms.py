"""What a confounds table says of head motion."""

from itertools import pairwise

import numpy as np
import pandas as pd

from bidsml.preproc.functional.rigid import inverse, rigid_matrix
from bidsml.records import FloatArray

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
FD_RADIUS_MM = 50.0
RMS_RADIUS_MM = 80.0


def expand(name: str, values: FloatArray) -> dict[str, FloatArray]:
    """Take a signal, its first difference (first value NaN), and the squares of both, under fMRIPrep's names.

    Satterthwaite et al. 2013, NeuroImage 64:240, doi:10.1016/j.neuroimage.2012.08.052.
    """
    derivative = np.concatenate([[np.nan], np.diff(values)])
    return {
        name: values,
        f"{name}_derivative1": derivative,
        f"{name}_power2": values**2,
        f"{name}_derivative1_power2": derivative**2,
    }


def framewise_displacement_mm(motion: FloatArray) -> FloatArray:
    """Sum of the absolute changes of the six parameters, rotations as arcs on a sphere of 50 mm.

    Power et al. 2012, NeuroImage 59:2142, doi:10.1016/j.neuroimage.2011.10.018.

    Parameters
    ----------
    motion
        ``(n_volumes, 6)``, mm and radians.

    Returns
    -------
    FloatArray
        ``(n_volumes,)``; first value NaN.
    """
    steps = np.abs(np.diff(motion, axis=0)) * np.array([1, 1, 1, *[FD_RADIUS_MM] * 3])
    return np.concatenate([[np.nan], steps.sum(axis=1)])


def rms_displacement_mm(motion: FloatArray) -> FloatArray:
    """Root mean square movement of the points of a sphere of 80 mm from one volume to the next.

    Jenkinson 1999, Measuring transformation error by RMS deviation, FMRIB technical report TR99MJ1.

    Returns
    -------
    FloatArray
        ``(n_volumes,)``; first value NaN.
    """
    origin = np.zeros(3)  # the sphere's centre is the centre of the field of view, about which the head turns
    matrices = [rigid_matrix(row, origin) for row in motion]
    moved = [np.nan]
    for before, after in pairwise(matrices):
        change = after @ inverse(before) - np.eye(4)
        turn, shift = change[:3, :3], change[:3, 3]
        moved.append(float(np.sqrt(RMS_RADIUS_MM**2 / 5 * np.trace(turn.T @ turn) + shift @ shift)))
    return np.array(moved)


def motion_columns(motion: FloatArray) -> pd.DataFrame:
    """Compute the 24 motion terms, framewise displacement and rmsd: ``(n_volumes, 26)``."""
    columns: dict[str, FloatArray] = {}
    for name, values in zip(MOTION, motion.T, strict=True):
        columns |= expand(name, values)
    columns["framewise_displacement"] = framewise_displacement_mm(motion)
    columns["rmsd"] = rms_displacement_mm(motion)
    return pd.DataFrame(columns)
