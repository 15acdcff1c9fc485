"""How far chance alone carries a cross-validated AUC, by sample size."""

from typing import Any

import numpy as np
import pandas as pd
from simulated import fold_figures, halves, make_people

from bidsml.report.canvas import BLUE, GREY, VERMILLION, paint_svg

SIZES = (20, 30, 50, 100, 200, 400)
P, DATASETS = 100, 100


def measure() -> pd.DataFrame:
    """AUC of noise at each sample size."""
    columns = {}
    for size in SIZES:
        found = []
        for seed in range(DATASETS):
            rng = np.random.default_rng([size, seed])
            found.append(fold_figures(make_people(rng.standard_normal((size, P)), halves(size, rng))).mean())
        columns[str(size)] = found
    return pd.DataFrame(columns)


def paint(table: pd.DataFrame) -> str:
    """Draw every dataset, and the range that holds 95 % of them."""
    low, high = table.quantile(0.025), table.quantile(0.975)

    def draw(axes: Any) -> None:
        jitter = np.random.default_rng(0).uniform(-0.18, 0.18, len(table))
        for place, size in enumerate(table):
            axes.plot(place + jitter, table[size], ".", color=BLUE, markersize=3, alpha=0.5)
            axes.vlines(place + 0.3, low[size], high[size], color=VERMILLION, linewidth=2)
        axes.axhline(0.5, color=GREY, linestyle="--", linewidth=0.8)
        axes.set_xticks(range(len(SIZES)), [str(size) for size in SIZES])
        axes.set(xlabel="People", ylabel="AUC on noise, 5 folds")

    alt = "On noise, 95 % of cross-validated AUCs lie " + ", ".join(
        f"between {low[size]:.2f} and {high[size]:.2f} with {size} people" for size in ("20", "100", "400")
    )
    return paint_svg("samples", draw, alt=f"{alt}.", height_in=2.8)
