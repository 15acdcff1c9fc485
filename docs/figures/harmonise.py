"""What ComBat does outside and inside of the folds, where sites differ in their share of patients."""

from typing import Any

import numpy as np
import pandas as pd
from simulated import fold_figures, make_people

from bidsml.learn.harmonise import ComBat
from bidsml.report.canvas import BLUE, GREEN, GREY, VERMILLION, paint_svg

N, P, DATASETS = 80, 200, 60
WAYS = {"as they are": BLUE, "ComBat in the fold": GREEN, "ComBat on everyone,\ndiagnosis preserved": VERMILLION}


def measure() -> pd.DataFrame:
    """AUC of noise from four sites of which two see more patients: without ComBat, in the fold, on everyone."""
    rows = []
    for seed in range(DATASETS):
        rng = np.random.default_rng(seed)
        site = np.arange(N) % 4
        label = np.zeros(N, dtype=int)
        for number, patients in enumerate((18, 14, 6, 2)):
            label[site == number] = rng.permutation(np.arange(N // 4) < patients)
        shift = rng.standard_normal((4, P)) * 0.6
        noise = rng.standard_normal((N, P)) + shift[site]
        names = [f"site-{number}" for number in site]
        everyone = np.column_stack([noise, site, label])
        leaky = ComBat(n_design=2).fit(everyone).transform(everyone)
        rows.append(
            dict(
                zip(
                    WAYS,
                    (
                        fold_figures(make_people(noise, label, site=names)).mean(),
                        _in_fold(noise, label, names),
                        fold_figures(make_people(leaky, label, site=names)).mean(),
                    ),
                    strict=True,
                )
            )
        )
    return pd.DataFrame(rows).rename(columns=lambda name: name.replace("\n", " "))


def _in_fold(values: Any, label: Any, site: list[str]) -> float:
    people = make_people(values, label, site=site)
    nuisance = people.spec.nuisance.model_copy(update={"harmonize": "combat"})
    spec = people.spec.model_copy(update={"nuisance": nuisance})
    return float(fold_figures(type(people)(people.cohort, people.features, spec)).mean())


def paint(table: pd.DataFrame) -> str:
    """Draw every dataset by way."""
    mean = table.mean()

    def draw(axes: Any) -> None:
        jitter = np.random.default_rng(0).uniform(-0.2, 0.2, len(table))
        for place, (name, colour) in enumerate(zip(table, WAYS.values(), strict=True)):
            axes.plot(table[name], place + jitter, ".", color=colour, markersize=5, alpha=0.6)
            axes.vlines(mean[name], place - 0.35, place + 0.35, color=colour, linewidth=2)
        axes.axvline(0.5, color=GREY, linestyle="--", linewidth=0.8)
        axes.set_yticks(range(len(WAYS)), list(WAYS))
        axes.invert_yaxis()
        axes.set(xlabel="AUC by cross-validation; the brain tells nothing")

    first, second, third = mean
    alt = (
        f"Noise from four sites with unequal shares of patients: mean AUC {first:.2f} as they are, {second:.2f} with "
        f"ComBat fitted in each fold, {third:.2f} with ComBat fitted on everyone with the diagnosis preserved."
    )
    return paint_svg("harmonise", draw, alt=alt, height_in=2.8)
