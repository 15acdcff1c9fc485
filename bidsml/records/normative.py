"""Record of what normative scores say of everyone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bidsml.records.base import FloatArray, Record


@dataclass(frozen=True)
class Deviations(Record):
    """Out-of-fold normative scores of the default design's first repeat, row for row with the cohort.

    ``z`` is ``(n, n_features)``: everyone scored by a norm that was fitted without them; NaN where a feature or a
    covariate is missing, where nobody was scored, or where a feature has no norm. ``raw`` ``(n, n_features)`` are the
    residuals of plain regression on the same columns and people, over the standard deviation of the residuals it was
    fitted to: what a norm without sites' own variances, an uneven spread and its own uncertainty would have said.
    """

    design: str
    names: tuple[str, ...]
    z: FloatArray
    raw: FloatArray
    reference: NDArray[np.bool_]
    """Who meets the condition on reference people, ``(n,)``."""
    unseen: NDArray[np.bool_]
    """Whose site had no reference people in training, ``(n,)``."""
