"""The published table of what each block of features adds."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bidsml.records import BlockEffect, Result


def blocks_table(result: Result) -> pd.DataFrame:
    """One row per block: the biomarker on it alone, without it, and what it adds to the others."""
    return pd.DataFrame([_row(result, effect) for effect in result.blocks_added])


def _row(result: Result, effect: BlockEffect) -> dict[str, Any]:
    headline = result.headline
    figures: dict[str, Any] = {
        "estimator": headline.estimator,
        "design": headline.design,
        "block": effect.block,
        "n_features": effect.n_features,
        "metric": headline.metric,
    }
    for name, row in (("alone", effect.alone), ("without", effect.without), ("gain", effect.gain)):
        figures[name] = row.estimate if row else None
        figures |= {f"{name}_{end}": getattr(row, end) if row else None for end in ("low", "high")}
        figures[f"{name}_interval"] = (row.interval or None) if row else None
    p = effect.gain.p if effect.gain else None
    return {
        **figures,
        "p": p,
        "p_holm": effect.p_holm,
        "weight": effect.weight,
        "note": "; ".join(effect.notes) or None,
    }


BLOCKS: Mapping[str, Mapping[str, str]] = {
    "block": {"Description": "Block of features ([[features]] of the analysis)"},
    "n_features": {"Description": "Number of its features"},
    "alone": {"Description": "Primary metric of the first estimator's biomarker on this block alone"},
    "without": {"Description": "Primary metric of the biomarker on all other blocks"},
    "gain": {"Description": "The biomarker on all blocks less the one without this block, paired by fold"},
    "gain_interval": {"Description": "How the 95 % interval of the gain was made"},
    "p": {"Description": "p of the gain's being 0, two-sided"},
    "p_holm": {"Description": "The same, corrected over the blocks (Holm 1979)"},
    "weight": {"Description": "Kernel sum and stacking: mean over folds of the block's share of the weights"},
}
