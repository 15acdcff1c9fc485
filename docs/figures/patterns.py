"""How many features of noise light up, before and after the correction over all of them."""

from typing import Any

import numpy as np
import pandas as pd
from simulated import RIDGE, halves, make_people

from bidsml.learn.patterns import correct_patterns
from bidsml.learn.permutation import permute
from bidsml.report.canvas import BLUE, GREY, INK, VERMILLION, paint_svg

N, P, PLANTED, DRAWS = 100, 300, 6, 499


def measure() -> pd.DataFrame:
    """Pattern of 300 features of which the first six differ: the observed value, and the corrected p."""
    rng = np.random.default_rng(0)
    label = halves(N, rng)
    values = rng.standard_normal((N, P))
    values[:, :PLANTED] += 0.9 * label[:, None]
    people = make_people(values, label)
    null = permute(
        people.features, people.cohort, people.plan(), spec=people.spec, estimator=RIDGE,
        first_draw=0, n_draws=DRAWS, seed=0, patterns=True,
    )  # fmt: skip
    found = correct_patterns(next(one for one in null.patterns if one.level == "feature"))
    limit = float(np.quantile(found.draws[:, 0], 0.95, method="higher"))
    return pd.DataFrame({"observed": found.observed, "p": found.p, "limit": limit})


def paint(table: pd.DataFrame) -> str:
    """Draw every feature with both thresholds."""
    size, limit = table["observed"].abs(), table["limit"].iloc[0]
    plain = 1.96
    planted = np.arange(len(table)) < PLANTED
    false = {"plain": int((size[~planted] > plain).sum()), "corrected": int((table["p"][~planted] <= 0.05).sum())}
    found = int((table["p"][planted] <= 0.05).sum())

    def draw(axes: Any) -> None:
        place = np.arange(len(table))
        axes.plot(place[~planted], size[~planted], ".", color=BLUE, markersize=4, label="features of noise")
        axes.plot(place[planted], size[planted], "D", color=VERMILLION, markersize=5, label="features with an effect")
        axes.axhline(plain, color=GREY, linestyle="--", linewidth=1, label="p = 0.05, each by itself")
        axes.axhline(limit, color=INK, linewidth=1, label="p = 0.05, over all")
        axes.set(xlabel="Feature", ylabel="Pattern, in standard deviations of the null")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)

    alt = (
        f"{len(table)} features, {PLANTED} with an effect: each by itself, {false['plain']} features of noise pass "
        f"0.05; corrected over all, {false['corrected']} do, and {found} of the {PLANTED} real ones."
    )
    return paint_svg("patterns", draw, alt=alt, height_in=3.2)
