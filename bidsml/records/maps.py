"""Weights in the brain: each region of an atlas filled with its value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidsml.records.base import FloatArray, Record


@dataclass(frozen=True)
class WeightMap(Record):
    """One value per region, painted into the regions' voxels.

    Attributes
    ----------
    name
        Stem of its file: ``weights_graymatter``.
    block
        Feature block it belongs to.
    part
        Contrast of a task, else empty.
    output
        Class (or ``outcome``) that a positive value goes with.
    quantity
        What a value is: ``pattern`` (Haufe 2014), or ``RMS z`` of all edges of a region.
    volume
        ``(x, y, z)``, 0 outside of all regions and where a region has no value.
    affine
        ``(4, 4)``, voxels to mm in ``space``.
    regions, values
        Names and values of the regions, ``(n_regions,)``; NaN where there is none.
    p
        Corrected over all features (or regions), ``(n_regions,)``; NaN where not tested.
    """

    name: str
    block: str
    part: str
    output: str
    quantity: str
    space: str
    volume: NDArray[np.float32]
    affine: FloatArray
    regions: tuple[str, ...]
    values: FloatArray
    p: FloatArray
