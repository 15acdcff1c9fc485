"""What shuffling scans instead of people does to the permutation test."""

from typing import Any

import numpy as np
import pandas as pd
from simulated import RIDGE, halves, make_people

from bidsml.learn.permutation import permute
from bidsml.report.canvas import GREEN, GREY, VERMILLION, paint_svg

PEOPLE, SCANS, P, DATASETS, DRAWS = 24, 3, 10, 200, 99


def measure() -> pd.DataFrame:
    """P of noise with three scans a person: scans as if they were people, and people kept whole."""
    rows = []
    for seed in range(DATASETS):
        rng = np.random.default_rng(seed)
        label = np.repeat(halves(PEOPLE, rng), SCANS)
        own = np.repeat(rng.standard_normal((PEOPLE, P)), SCANS, axis=0)  # what a person's scans share
        values = own + 0.7 * rng.standard_normal(own.shape)
        family = [f"p{number}" for number in np.repeat(np.arange(PEOPLE), SCANS)]
        rows.append({"scans": _p(make_people(values, label)), "people": _p(make_people(values, label, family=family))})
    return pd.DataFrame(rows)


def _p(people: Any) -> float:
    null = permute(
        people.features, people.cohort, people.plan(), spec=people.spec, estimator=RIDGE,
        first_draw=0, n_draws=DRAWS, seed=0,
    )  # fmt: skip
    return float(null.p)


def paint(table: pd.DataFrame) -> str:
    """Draw how often p lies below each level."""
    level = np.linspace(0, 1, 101)
    rate = {name: [(table[name] <= each).mean() for each in level] for name in table}
    wrong = {name: (table[name] <= 0.05).mean() for name in table}

    def draw(axes: Any) -> None:
        axes.plot(level, rate["scans"], color=VERMILLION, label="scans split and shuffled one by one")
        axes.plot(level, rate["people"], color=GREEN, label="people kept whole")
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=0.8, label="a valid test")
        axes.set(xlabel="Level", ylabel="Share of noise datasets called significant")
        axes.legend(loc="lower right")

    alt = (
        f"Three scans a person, no effect: at the level 0.05, {100 * wrong['scans']:.0f} % of {len(table)} datasets "
        f"are called significant with scans shuffled one by one, {100 * wrong['people']:.1f} % with people kept whole."
    )
    return paint_svg("units", draw, alt=alt, height_in=3.2)
