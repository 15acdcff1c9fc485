"""Views of preprocessed images for the participant report: small pictures and outlines, no files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bidsml.records.base import Record


@dataclass(frozen=True)
class AnatomyView(Record):
    """Slices of one T1w with the outlines that were found in it.

    Attributes
    ----------
    label
        Which image: ``sub-01 ses-a``.
    slices
        Mosaic of 7 axial slices above 3 coronal and 3 sagittal ones, grey values 0-255: ``(height, width)``.
    brain, gray_matter, white_matter
        The same mosaic of the brain mask, and of where the tissue is the likeliest one.
    volumes_ml
        By name: brain, gray matter, white matter, CSF.
    """

    label: str
    slices: NDArray[np.uint8]
    brain: NDArray[np.bool_]
    gray_matter: NDArray[np.bool_]
    white_matter: NDArray[np.bool_]
    volumes_ml: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlignmentView(Record):
    """Two images that should lie on each other, as mosaics of the same slices.

    Attributes
    ----------
    label
        Which image: ``sub-01 task-rest``.
    moving_name, fixed_name
        What was aligned to what, e.g. ``BOLD reference`` and ``T1w``.
    moving, fixed
        Grey values 0-255: ``(height, width)`` each.
    outline
        The same mosaic of the fixed image's brain.
    similarity
        Figures that say how well they agree, by name, e.g. ``Overlap of the brains (Dice)``.
    """

    label: str
    moving_name: str
    fixed_name: str
    moving: NDArray[np.uint8]
    fixed: NDArray[np.uint8]
    outline: NDArray[np.bool_]
    similarity: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
