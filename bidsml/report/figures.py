"""Drawings of arrays. Each takes numbers and words, and returns the text of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bidsml.records import FloatArray
from bidsml.report.canvas import BLUE, CYCLE, GREY, INK, ORANGE, VERMILLION, paint_svg


@dataclass(frozen=True)
class Curve:
    """A named line through points in order."""

    label: str
    x: FloatArray
    y: FloatArray
    faint: bool = False
    """A single repeat behind the mean."""


def observed_predicted(observed: FloatArray, predicted: FloatArray, *, label: str, name: str, alt: str) -> str:
    """Draw predicted against observed outcomes, both ``(n,)``, with the line of perfect prediction."""

    def paint(axes: Any) -> None:
        low, high = np.nanmin([observed, predicted]), np.nanmax([observed, predicted])
        axes.plot([low, high], [low, high], color=GREY, linewidth=0.8, linestyle="--", label="perfect")
        # Above some thousand dots, one picture of them is smaller than their outlines.
        axes.plot(observed, predicted, "o", color=BLUE, markersize=3, alpha=0.5, rasterized=len(observed) > 2000)
        axes.set(xlabel=f"Observed {label}", ylabel=f"Predicted {label}", aspect="equal")
        axes.legend(loc="upper left")

    return paint_svg(name, paint, alt=alt, height_in=4.4)


def null_histogram(
    counts: NDArray[np.int64], edges: FloatArray, observed: float, *, label: str, name: str, alt: str
) -> str:
    """Draw the null distribution, ``counts`` in bins between ``edges``, with the observed value."""

    def paint(axes: Any) -> None:
        axes.stairs(counts, edges, fill=True, color=GREY, alpha=0.75, label="labels shuffled")
        axes.axvline(observed, color=VERMILLION, linewidth=2, label="labels as they are")
        axes.set(xlabel=label, ylabel="Number of draws")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)  # above, where no bar can hide it

    return paint_svg(name, paint, alt=alt, height_in=2.6)


def fold_dots(
    groups: Sequence[tuple[str, FloatArray]], *, label: str, chance: float | None, name: str, alt: str
) -> str:
    """Draw one dot per fold and a bar at their mean, one line per model."""

    def paint(axes: Any) -> None:
        if chance is not None:
            axes.axvline(chance, color=GREY, linewidth=0.8, linestyle="--")
        for row, (_, values) in enumerate(groups):
            # A fixed pattern of heights keeps dots apart and the bytes the same.
            height = row + 0.22 * (np.arange(len(values)) % 5 - 2) / 2
            axes.plot(values, height, "o", color=CYCLE[row % len(CYCLE)], markersize=4, alpha=0.7)
            axes.plot([np.nanmean(values)] * 2, [row - 0.35, row + 0.35], color=INK, linewidth=2)
        _name_rows(axes, [group[0] for group in groups])
        axes.set_xlabel(label)

    return paint_svg(name, paint, alt=alt, height_in=0.9 + 0.5 * len(groups))


@dataclass(frozen=True)
class ForestRow:
    """One estimate with its interval; ``strong`` ones are drawn first in colour."""

    label: str
    estimate: float
    low: float
    high: float
    strong: bool = False


def forest_plot(rows: Sequence[ForestRow], *, label: str, reference: float | None, name: str, alt: str) -> str:
    """Draw estimates with their intervals, one line each, and a reference such as chance."""

    def paint(axes: Any) -> None:
        if reference is not None:
            axes.axvline(reference, color=GREY, linewidth=0.8, linestyle="--")
        for row, item in enumerate(rows):
            colour = BLUE if item.strong else INK
            axes.plot([item.low, item.high], [row, row], color=colour, linewidth=1.8)
            axes.plot([item.estimate], [row], "D" if item.strong else "o", color=colour, markersize=5)
        _name_rows(axes, [row.label for row in rows])
        axes.set_xlabel(label)

    return paint_svg(
        name, paint, alt=alt, height_in=0.8 + (0.42 if any("\n" in row.label for row in rows) else 0.3) * len(rows)
    )


def count_bars(labels: Sequence[str], counts: Sequence[int], *, label: str, name: str, alt: str) -> str:
    """Draw numbers as bars, one line each, with the number at its end."""

    def paint(axes: Any) -> None:
        bars = axes.barh(range(len(counts)), counts, color=BLUE, height=0.65)
        axes.bar_label(bars, padding=3)
        _name_rows(axes, labels)
        axes.set(xlabel=label, xlim=(0, 1.12 * max([1, *counts])))

    return paint_svg(name, paint, alt=alt, height_in=0.7 + 0.3 * len(labels))


def coverage_bars(names: Sequence[str], shares: FloatArray, *, limit: float, name: str, alt: str) -> str:
    """Draw the share of each region that was measured, 0 to 1, with the share that is asked for."""

    def paint(axes: Any) -> None:
        colours = [VERMILLION if share < limit else BLUE for share in shares]
        axes.barh(range(len(shares)), 100 * shares, color=colours, height=0.7)
        axes.axvline(100 * limit, color=INK, linewidth=0.9, linestyle="--")
        _name_rows(axes, names)
        axes.set(xlabel="Share of the region inside the brain mask, %", xlim=(0, 100))

    return paint_svg(name, paint, alt=alt, height_in=0.8 + 0.2 * len(names))


def motion_trace(
    fd_mm: FloatArray,
    dvars: FloatArray,
    censored: NDArray[np.bool_],
    *,
    threshold_mm: float | None,
    name: str,
    alt: str,
) -> str:
    """Draw framewise displacement and DVARS per volume; left-out volumes are shaded.

    Parameters
    ----------
    fd_mm, dvars
        ``(n_volumes,)`` each; ``dvars`` may be empty.
    censored
        ``(n_volumes,)``, true where a volume is left out; may be empty.
    """

    def paint(panels: Any) -> None:
        rows = np.atleast_1d(panels)
        rows[0].plot(np.arange(len(fd_mm)), fd_mm, color=BLUE, linewidth=0.9)
        rows[0].set(ylabel="FD, mm", ylim=(0, None))
        if threshold_mm is not None:
            rows[0].axhline(threshold_mm, color=VERMILLION, linewidth=0.9, linestyle="--")
        if len(dvars):
            rows[1].plot(np.arange(len(dvars)), dvars, color=INK, linewidth=0.9)
            rows[1].set(ylabel="DVARS")
        for start, stop in _runs(censored):
            for axes in rows:
                axes.axvspan(start - 0.5, stop - 0.5, color=ORANGE, alpha=0.35, linewidth=0)
        rows[-1].set(xlabel="Volume", xlim=(-0.5, len(fd_mm) - 0.5))

    return paint_svg(name, paint, alt=alt, height_in=3.0 if len(dvars) else 2.0, panels=2 if len(dvars) else 1)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past last position of every unbroken run of true values."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in steps.reshape(-1, 2)]


def _name_rows(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), ["\n".join(shorten(line) for line in label.split("\n")) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def shorten(label: str, limit: int = 34) -> str:
    """Cut a long name in the middle, where names of regions differ least."""
    return label if len(label) <= limit else f"{label[: limit // 2 - 1]}…{label[-(limit // 2) :]}"
