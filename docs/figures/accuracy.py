"""What accuracy says of a model that says nothing, when one class is larger."""

from typing import Any

import numpy as np
import pandas as pd

from bidsml.learn.metrics import METRICS, Outcome
from bidsml.report.canvas import BLUE, GREEN, VERMILLION, paint_svg

N = 4000
SHARES = tuple(np.arange(0.5, 0.951, 0.05).round(2))


def measure() -> pd.DataFrame:
    """Metrics of a model whose scores are noise and which calls most people by the larger class."""
    rng = np.random.default_rng(0)
    rows = []
    for share in SHARES:
        target = (np.arange(N) < round(N * share)).astype(float)
        scores = rng.standard_normal(N) + 4 * (share - 0.5)  # leans to the larger class, whoever it sees
        outcome = Outcome(target, scores[:, None], (scores > 0).astype(float), n_classes=2)
        rows.append({"share": share} | {name: METRICS[name].function(outcome) for name in _SHOWN})
    return pd.DataFrame(rows)


_SHOWN = {"accuracy": VERMILLION, "balanced_accuracy": GREEN, "roc_auc": BLUE}


def paint(table: pd.DataFrame) -> str:
    """Draw each metric against the share of the larger class."""

    def draw(axes: Any) -> None:
        for (name, colour), word in zip(_SHOWN.items(), ("accuracy", "balanced accuracy", "AUC"), strict=True):
            axes.plot(100 * table["share"], table[name], "o-", color=colour, markersize=4, label=word)
        axes.set(xlabel="Larger class, % of people", ylabel="Figure of a model that knows nothing", ylim=(0.4, 1))
        axes.legend(loc="upper left")

    last = table.iloc[-1]
    alt = (
        f"With {100 * last['share']:.0f} % of people in one class, a model that knows nothing has an accuracy of "
        f"{last['accuracy']:.2f}, a balanced accuracy of {last['balanced_accuracy']:.2f} and an AUC of "
        f"{last['roc_auc']:.2f}."
    )
    return paint_svg("accuracy", draw, alt=alt, height_in=2.8)
