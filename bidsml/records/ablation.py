"""Records of what each block of features adds."""

from dataclasses import dataclass, field

from bidsml.records.base import Record
from bidsml.records.group import CVResult, PerformanceRow


@dataclass(frozen=True)
class AblationArm(Record):
    """The first estimator's biomarker on some of its blocks, cross-validated on the folds of the whole one."""

    blocks: tuple[str, ...]
    """Blocks that it has."""
    result: CVResult | None
    """``None`` where these blocks alone cannot be learnt from."""
    note: str = ""
    """Why they cannot."""


@dataclass(frozen=True)
class BlockEffect(Record):
    """What one block of features does: alone, and for a biomarker that has the others already.

    ``alone`` and ``without`` are the primary metric of the biomarker on this block, and on all others. ``gain`` is
    the whole biomarker less the one without the block, in pairs of folds: above 0 it adds something, of a metric of
    which smaller is better below 0.
    """

    block: str
    n_features: int
    alone: PerformanceRow | None
    without: PerformanceRow | None
    gain: PerformanceRow | None
    p_holm: float = float("nan")
    """p of the gain, corrected over the blocks (Holm 1979)."""
    weight: float = float("nan")
    """Mean share of the weights that the folds gave the block; NaN where nothing chose weights."""
    notes: tuple[str, ...] = field(default=())
