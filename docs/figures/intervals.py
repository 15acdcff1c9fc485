"""How often intervals hold the truth: the plain t over folds, and the corrected one."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from simulated import fold_figures, halves, make_people

from bidsml.learn.intervals import corrected_t
from bidsml.report.canvas import BLUE, GREY, VERMILLION, paint_svg

N, P, FOLDS, REPEATS, DATASETS, SHOWN = 100, 5, 10, 3, 60, 30
EFFECT = 0.8


def measure() -> pd.DataFrame:
    """Both intervals of the AUC of each of 60 studies of 100 people, ten folds three times."""
    rows = []
    for seed in range(DATASETS):
        rng = np.random.default_rng(seed)
        label = halves(N, rng)
        values = rng.standard_normal((N, P))
        values[:, 0] += EFFECT * label
        people = make_people(values, label, folds=FOLDS, repeats=REPEATS)
        found = fold_figures(people)
        mean, low, high, _ = corrected_t(found, people.plan())
        plain = stats.t.interval(0.95, found.size - 1, mean, stats.sem(found))
        rows.append({"mean": mean, "low": low, "high": high, "plain low": plain[0], "plain high": plain[1]})
    return pd.DataFrame(rows)


def paint(table: pd.DataFrame) -> str:
    """Draw the intervals of the first studies, those that miss in another colour."""
    truth = table["mean"].mean()
    kinds = {"plain t over folds": ("plain low", "plain high"), "corrected (Nadeau and Bengio)": ("low", "high")}
    holds = {name: (table[low] <= truth) & (truth <= table[high]) for name, (low, high) in kinds.items()}

    def draw(panels: Any) -> None:
        for axes, (name, (low, high)) in zip(panels, kinds.items(), strict=True):
            shown = table.head(SHOWN)
            colour = np.where(holds[name].head(SHOWN), BLUE, VERMILLION)
            axes.vlines(np.arange(len(shown)), shown[low], shown[high], color=colour, linewidth=2)
            axes.axhline(truth, color=GREY, linestyle="--", linewidth=0.8)
            axes.set(ylabel="AUC", title=f"{name}: {100 * holds[name].mean():.0f} % hold the truth")
        panels[-1].set(xlabel=f"Studies of {N} people (the first {SHOWN} of {len(table)})")

    plain, corrected = (100 * held.mean() for held in holds.values())
    alt = (
        f"{len(table)} studies of {N} people: the plain t interval over folds holds the truth in {plain:.0f} %, "
        f"the corrected one in {corrected:.0f} %; it should be 95 %."
    )
    return paint_svg("intervals", draw, alt=alt, height_in=4.4, panels=2)
