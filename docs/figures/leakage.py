"""What selecting features on everyone does, on noise."""

from typing import Any

import numpy as np
import pandas as pd
from simulated import fold_figures, halves, make_people

from bidsml.report.canvas import GREEN, GREY, VERMILLION, paint_svg

N, P, BEST, DATASETS = 60, 2000, 20, 100


def measure() -> pd.DataFrame:
    """Cross-validated AUC of noise: all features, or the best twenty of a test on everyone before the folds."""
    rows = []
    for seed in range(DATASETS):
        rng = np.random.default_rng(seed)
        noise, label = rng.standard_normal((N, P)), halves(N, rng)
        difference = np.abs(noise[label == 1].mean(axis=0) - noise[label == 0].mean(axis=0))
        best = np.argsort(-difference)[:BEST]
        rows.append(
            {
                "everything in the fold": fold_figures(make_people(noise, label)).mean(),
                "selected on everyone": fold_figures(make_people(noise[:, best], label)).mean(),
            }
        )
    return pd.DataFrame(rows)


def paint(table: pd.DataFrame) -> str:
    """Draw both distributions."""
    honest, leaky = table["everything in the fold"], table["selected on everyone"]
    bins = np.arange(0.2, 1.0001, 0.025)

    def draw(axes: Any) -> None:
        axes.hist(honest, bins, color=GREEN, alpha=0.8, label=f"every step in the fold: mean {honest.mean():.2f}")
        axes.hist(leaky, bins, color=VERMILLION, alpha=0.8, label=f"selected on everyone: mean {leaky.mean():.2f}")
        axes.axvline(0.5, color=GREY, linestyle="--", linewidth=0.8)
        axes.set(xlabel="AUC by cross-validation; there is nothing to find", ylabel="Datasets of noise")
        axes.legend(loc="upper center")

    alt = (
        f"{len(table)} datasets of noise: with every step inside the fold the AUC is {honest.mean():.2f} on average; "
        f"with the features selected on everyone before, {leaky.mean():.2f}."
    )
    return paint_svg("leakage", draw, alt=alt, height_in=2.8)
