"""What reporting the best of many analyses does, on noise, and what the corrected p makes of it."""

from typing import Any

import numpy as np
import pandas as pd
from simulated import fold_figures, halves, make_people

from bidsml.report.canvas import BLUE, GREY, VERMILLION, paint_svg

N, P, DATASETS = 80, 40, 40
TRIED = (1, 2, 5, 10, 20)


def measure() -> pd.DataFrame:
    """AUC of the best of 1 to 20 analyses (each of other features) of one dataset of noise."""
    rows = []
    for seed in range(DATASETS):
        rng = np.random.default_rng(seed)
        label = halves(N, rng)
        figures = [fold_figures(make_people(rng.standard_normal((N, P)), label)).mean() for _ in range(max(TRIED))]
        rows.append({str(tried): max(figures[:tried]) for tried in TRIED})
    return pd.DataFrame(rows)


def paint(table: pd.DataFrame) -> str:
    """Draw median and 95 % range against the number of analyses."""
    low, middle, high = (table.quantile(share).to_numpy() for share in (0.025, 0.5, 0.975))

    def draw(axes: Any) -> None:
        places = np.arange(len(TRIED))
        axes.vlines(places, low, high, color=BLUE, linewidth=3, alpha=0.5, label="95 % of datasets")
        axes.plot(places, middle, "o", color=VERMILLION, label="median")
        axes.axhline(0.5, color=GREY, linestyle="--", linewidth=0.8)
        axes.set_xticks(places, [str(tried) for tried in TRIED])
        axes.set(xlabel="Analyses that were tried, of which the best is told", ylabel="AUC on noise")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)

    alt = (
        f"On noise, one analysis has a median AUC of {middle[0]:.2f}; the best of {TRIED[-1]} has {middle[-1]:.2f}, "
        f"and 95 % of datasets lie between {low[-1]:.2f} and {high[-1]:.2f}."
    )
    return paint_svg("selection", draw, alt=alt, height_in=2.8)
