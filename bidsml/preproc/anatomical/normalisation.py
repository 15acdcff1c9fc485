"""Register a T1w brain to a template."""

from pathlib import Path
from typing import Literal

import numpy as np

from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import AntsImage, at_working_size
from bidsml.preproc.anatomical.registration import AFFINE, RIGID, SYN_FAST, SYN_PRECISE, Registered, register


def normalise(
    brain: AntsImage,
    template: AntsImage,
    *,
    precision: Literal["fast", "precise"],
    prefix: Path,
) -> Registered:
    """Find the map between a T1w and the template: rigid, affine, SyN, at 2 mm.

    Parameters
    ----------
    brain, template
        Both skull-stripped.
    precision
        ``fast``: mutual information. ``precise``: cross-correlation, ten times slower.
    prefix
        Folder and beginning of the transforms' names.
    """
    syn = SYN_FAST if precision == "fast" else SYN_PRECISE
    fixed, moving = at_working_size(template), at_working_size(brain)
    return register(fixed, moving, stages=[RIGID, AFFINE, syn], prefix=prefix)


def correlate(one: AntsImage, other: AntsImage, *, inside: AntsImage) -> float:
    """Pearson correlation of two images inside a mask, all on one grid.

    Raises
    ------
    DataError
        An image does not vary there.
    """
    where = inside.numpy() > 0.5
    values = np.stack([one.numpy()[where], other.numpy()[where]])
    if (values.std(axis=1) == 0).any():
        raise DataError("an image is constant inside the brain", hint="look at the T1w and its mask")
    return float(np.corrcoef(values)[0, 1])


def overlap(one: AntsImage, other: AntsImage) -> float:
    """Dice coefficient of two masks on one grid, 0-1."""
    a, b = one.numpy() > 0.5, other.numpy() > 0.5
    total = int(a.sum()) + int(b.sum())
    return float(2 * (a & b).sum() / total) if total else 0.0
