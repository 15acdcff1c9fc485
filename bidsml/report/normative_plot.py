"""Draw how well normative scores keep what they promise."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bidsml.records import FloatArray
from bidsml.report.canvas import BLUE, GREY, INK, paint_svg


def share_histogram(shares: Mapping[str, FloatArray], *, expected: float, label: str, name: str, alt: str) -> str:
    """Draw how many features have which share of people outside ±1.96.

    Parameters
    ----------
    shares
        Percent by what made the scores, ``(k,)`` each, the one that matters first.
    expected
        Percent that a right norm has.
    """
    highest = max([2 * expected, *(float(np.quantile(values, 0.99)) for values in shares.values() if values.size)])
    edges = np.linspace(0, highest, 41)

    def paint(axes: Any) -> None:
        for number, (words, values) in enumerate(shares.items()):
            style = {"color": BLUE, "alpha": 0.75} if not number else {"color": GREY, "histtype": "step"}
            axes.hist(np.clip(values, 0, highest), bins=edges, label=words, linewidth=1.3, **style)
        axes.axvline(expected, color=INK, linewidth=0.9, linestyle="--", label=f"expected: {expected:g} %")
        axes.set(xlabel=label, ylabel="Features")
        axes.legend(loc="upper right")

    return paint_svg(name, paint, alt=alt, height_in=2.6)
