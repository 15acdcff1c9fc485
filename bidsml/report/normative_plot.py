"""Draw how well normative scores keep what they promise."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bidsml.records import FloatArray
from bidsml.report.canvas import BLUE, GREY, INK, paint_svg

_BARS = 30


def share_histogram(
    shares: Mapping[str, FloatArray], *, n_people: int, expected: float, label: str, name: str, alt: str
) -> str:
    """Draw how many features have which share of people outside ±1.96.

    Parameters
    ----------
    shares
        Percent by what made the scores, ``(k,)`` each, the one that matters first.
    n_people
        Of whom they are shares: a bar holds whole numbers of people.
    expected
        Percent that a right norm has.
    """
    highest = max([2 * expected, *(float(np.quantile(values, 0.99)) for values in shares.values() if values.size)])
    step = 100 / n_people * max(1, round(highest * n_people / 100 / _BARS))
    edges = np.arange(-50 / n_people, highest + step, step)

    def paint(axes: Any) -> None:
        for number, (words, values) in enumerate(shares.items()):
            style = {"color": BLUE, "alpha": 0.75} if not number else {"color": GREY, "histtype": "step"}
            axes.hist(np.clip(values, 0, edges[-1]), bins=edges, label=words, linewidth=1.3, **style)
        axes.axvline(expected, color=INK, linewidth=0.9, linestyle="--", label=f"expected: {expected:g} %")
        axes.set(xlabel=label, ylabel="Features")
        axes.legend(loc="upper right")

    return paint_svg(name, paint, alt=alt, height_in=2.6)
