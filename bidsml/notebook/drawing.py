"""Drawings of a report, one by one, for a notebook."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bidsml.errors import DataError
from bidsml.records import FloatArray
from bidsml.report.blocks import Figure, Section
from bidsml.report.canvas import BLUE, INK, paint_svg
from bidsml.report.figures import shorten

_STRONGEST = 20


@dataclass(frozen=True)
class Drawing:
    """A figure of bidsml's reports: a notebook shows it, ``save`` writes it.

    Attributes
    ----------
    svg
        The drawing as SVG.
    alt
        What it shows, in words and numbers.
    """

    svg: str
    alt: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the drawing as an SVG file."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target


def find_drawing(section: Section | None, *names: str) -> Drawing:
    """Take one figure out of a section of a report.

    Raises
    ------
    DataError
        There is none of these names.
    """
    figures: Iterable[Figure] = [block for block in (section.blocks if section else ()) if isinstance(block, Figure)]
    for figure in figures:
        if figure.name in names or not names:
            return Drawing(figure.svg, figure.alt)
    raise DataError(
        f"this result has nothing to draw as {' or '.join(names) or 'a figure'}",
        hint="ROC curves need classes, weights a linear model, and the null distribution a permutation test",
    )


def draw_patterns(names: Sequence[str], patterns: FloatArray) -> Drawing:
    """Draw the strongest of a linear model's patterns (Haufe 2014) as bars, both ``(n_features,)``."""
    strength = np.nan_to_num(np.abs(patterns))
    shown = np.argsort(-strength, kind="stable")[:_STRONGEST][::-1]
    told = ", ".join(f"{names[index]} {patterns[index]:.3g}" for index in shown[::-1][:3])
    alt = f"The strongest of {len(names)} patterns of the model: {told}."

    def paint(axes: Any) -> None:
        axes.axvline(0, color=INK, linewidth=0.9)
        axes.barh(range(len(shown)), patterns[shown], color=BLUE, height=0.65)
        axes.set_yticks(range(len(shown)), [shorten(names[index]) for index in shown])
        axes.set_xlabel("Pattern: how the feature goes with the prediction")

    return Drawing(paint_svg("patterns", paint, alt=alt, height_in=0.8 + 0.25 * len(shown)), alt)
