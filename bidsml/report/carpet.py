"""Drawings of one BOLD run over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bidsml.records import FloatArray
from bidsml.report.canvas import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILLION, paint_svg

_SPREAD_SD = 2.0
"""Signals beyond this many standard deviations are black or white."""
_COLUMNS = 800
_GREYS = 8
_BAND = (BLUE, ORANGE, PURPLE)


def carpet_plot(
    carpet: NDArray[np.float32],
    kinds: NDArray[np.int8],
    fd_mm: FloatArray,
    dvars: FloatArray,
    *,
    tissues: Sequence[str],
    name: str,
    alt: str,
) -> str:
    """Draw framewise displacement and DVARS over the signal of the brain.

    Power 2017, NeuroImage 154:150, doi:10.1016/j.neuroimage.2016.08.009.

    Parameters
    ----------
    carpet
        ``(n_rows, n_volumes)`` in standard deviations.
    kinds
        ``(n_rows,)``: place of each row's tissue in ``tissues``; rows of one tissue follow each other.
    fd_mm, dvars
        ``(n_volumes,)``; NaN where unknown.
    """
    n_rows, n_volumes = carpet.shape
    shades = _shades(carpet)

    def paint(panels: Any) -> None:
        motion, change, signal = panels
        motion.plot(fd_mm, color=BLUE, linewidth=0.9)
        motion.set(ylabel="FD, mm", ylim=(0, None))
        change.plot(dvars, color=INK, linewidth=0.9)
        change.set(ylabel="DVARS")
        signal.imshow(
            shades, cmap="gray", vmin=-1, vmax=1, aspect="auto", interpolation="none",
            extent=(-0.5, n_volumes - 0.5, n_rows, 0),
        )  # fmt: skip
        ticks = []
        for kind, colour in enumerate(_BAND[: len(tissues)]):
            rows = np.flatnonzero(kinds == kind)
            if len(rows):
                signal.axvspan(
                    -0.5 - 0.015 * n_volumes, -0.5, ymin=1 - (rows[-1] + 1) / n_rows, ymax=1 - rows[0] / n_rows,
                    color=colour, linewidth=0,
                )  # fmt: skip
                ticks.append((float(rows.mean()), tissues[kind]))
        signal.set_yticks([place for place, _ in ticks], [tissue for _, tissue in ticks])
        signal.tick_params(axis="y", length=0)
        signal.set(xlabel="Volume", xlim=(-0.5 - 0.015 * n_volumes, n_volumes - 0.5))

    return paint_svg(name, paint, alt=alt, height_in=4.6, panels=3, ratios=(1, 1, 4))


def _shades(carpet: NDArray[np.float32]) -> FloatArray:
    """Round a carpet to so many greys and columns as an eye can tell apart, -1 to 1: a page holds many of them."""
    step = -(-carpet.shape[1] // _COLUMNS)
    starts = np.arange(0, carpet.shape[1], step)
    sums = np.add.reduceat(carpet.astype(np.float64), starts, axis=1)
    means = sums / np.diff(np.append(starts, carpet.shape[1]))
    rounded: FloatArray = np.rint(np.clip(means / _SPREAD_SD, -1, 1) * _GREYS) / _GREYS
    return rounded


def head_position(
    shift_mm: FloatArray, turn_degrees: FloatArray, *, labels: tuple[Sequence[str], Sequence[str]], name: str, alt: str
) -> str:
    """Draw where the head lay in each volume: ``(n_volumes, 3)`` shifts and turns, three lines each."""

    def paint(panels: Any) -> None:
        parts = zip(panels, (shift_mm, turn_degrees), labels, ("Shift, mm", "Turn, °"), strict=True)
        for axes, values, names, unit in parts:
            for column, colour, style in zip(range(3), (BLUE, VERMILLION, GREEN), ("-", "--", ":"), strict=True):
                axes.plot(values[:, column], color=colour, linestyle=style, linewidth=1.2, label=names[column])
            axes.set(ylabel=unit)
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        panels[-1].set(xlabel="Volume", xlim=(-0.5, len(shift_mm) - 0.5))

    return paint_svg(name, paint, alt=alt, height_in=3.4, panels=2)
