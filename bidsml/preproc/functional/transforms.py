"""Points through ANTs transforms, and images of tissues into BOLD space."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bidsml.records import FloatArray

_FLIP = np.array([-1.0, -1.0, 1.0])  # RAS to LPS and back


def map_points(points_mm: FloatArray, transforms: Sequence[Path]) -> FloatArray:
    """Take points through transforms, the first one first.

    ITK's transforms of images lead points the other way: the file that brings images from T1w to the template leads
    points of the template to the T1w.

    Parameters
    ----------
    points_mm
        ``(n, 3)`` in mm, RAS.
    transforms
        ANTs files (``.mat``, ``.h5``, ``.nii.gz`` displacements).
    """
    if not transforms:
        return points_mm
    import ants

    table = pd.DataFrame(points_mm * _FLIP, columns=["x", "y", "z"])
    moved = ants.apply_transforms_to_points(3, table, [str(path) for path in transforms])
    mapped: FloatArray = moved[["x", "y", "z"]].to_numpy(dtype=np.float64) * _FLIP
    return mapped
