"""The ``[fusion]`` section: how several blocks of features become one biomarker."""

from typing import Literal

from pydantic import Field

from bidsml.spec.section import Section

# On a grid in quarters five blocks have 70 combinations of weights, more than the inner folds of most cohorts can tell.
MAX_MIXED_BLOCKS = 4


class FusionSpec(Section):
    """How several ``[[features]]`` blocks become one biomarker. Without meaning where an estimator takes one block."""

    kind: Literal["concatenate", "kernel_sum", "stacking"] = Field(
        "concatenate",
        description="concatenate: one model on all features side by side. kernel_sum: one linear model on a weighted "
        "sum of the blocks' linear kernels; the inner folds choose the weights (at most four blocks). stacking: one "
        "model per block, and a second model on their out-of-fold scores.",
    )
    scale_blocks: bool = Field(
        True,
        description="concatenate: give every block the same total variance among the training rows, so that many "
        "features don't drown few. false: every feature weighs the same. The other kinds always scale.",
    )
    ablation: bool = Field(
        True,
        description="Evaluate the first estimator with each block alone and without each block, on the same folds.",
    )
