"""Pictures of brains: a grey mosaic as PNG inside an SVG, with outlines drawn over it."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from bidsml.report.wording import hide_folders

_LEGEND_PX = 22
_FONT = 'font-family="\'DejaVu Sans\', Verdana, sans-serif" font-size="13" fill="#ffffff"'


@dataclass(frozen=True)
class Outline:
    """An outline to draw: what it is, ``(height, width)`` true inside, and its colour."""

    label: str
    inside: NDArray[np.bool_]
    colour: str


def png_address(pixels: NDArray[np.uint8]) -> str:
    """Give grey ``(height, width)`` or coloured ``(height, width, 3)`` pixels as a ``data:`` address."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=False)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def brain_picture(grey: NDArray[np.uint8], outlines: Sequence[Outline], *, name: str, alt: str) -> str:
    """Draw a mosaic with outlines and a line that says what their colours mean.

    Parameters
    ----------
    grey
        ``(height, width)``, 0-255.
    name
        Prefix of the drawing's id.
    alt
        What the picture shows, in words and numbers.
    """
    height, width = grey.shape
    paths = "\n".join(
        f'<path d="{trace(outline.inside)}" transform="scale(0.5)" fill="none" stroke="{outline.colour}" '
        'stroke-width="2" stroke-linejoin="round" vector-effect="non-scaling-stroke" style="stroke-width: 1.2px"/>'
        for outline in outlines
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" viewBox="0 0 {width} {height + _LEGEND_PX}" '
        f'role="img" id="{name}-drawing" aria-label={quoteattr(hide_folders(alt))}>\n'
        f'<rect width="{width}" height="{height + _LEGEND_PX}" fill="#000000"/>\n'
        f'<image width="{width}" height="{height}" href="{png_address(grey)}"/>\n'
        f"{paths}\n{_legend(outlines, width, height)}</svg>\n"
    )


def _legend(outlines: Sequence[Outline], width: int, height: int) -> str:
    middle, step = height + _LEGEND_PX / 2, width / max(len(outlines), 3)
    marks = []
    for number, outline in enumerate(outlines):
        left = 6 + number * step
        marks.append(
            f'<path d="M{left:g} {middle:g}h18" stroke="{outline.colour}" stroke-width="3" fill="none"/>\n'
            f'<text x="{left + 24:g}" y="{middle + 4.5:g}" {_FONT}>{escape(outline.label)}</text>\n'
        )
    return "".join(marks)


def trace(inside: NDArray[np.bool_]) -> str:
    """Outline of the true pixels as an SVG path, in half pixels.

    The line runs through the middle between neighbours, so that all its points are whole half pixels.
    """
    from contourpy import contour_generator

    padded = np.pad(inside.astype(float), 1)
    parts = []
    for line in contour_generator(z=padded).lines(0.5):
        # A pixel's centre lies half a pixel inside the picture; the padding moved it by one.
        points = np.rint(2 * (np.asarray(line) - 0.5)).astype(int)
        steps = np.diff(points, axis=0)
        turns = np.flatnonzero((np.diff(steps, axis=0) != 0).any(axis=1)) + 1
        corners = points[np.concatenate([[0], turns, [len(points) - 1]])]
        moves = np.diff(corners, axis=0)
        parts.append(f"M{corners[0, 0]} {corners[0, 1]}l" + " ".join(f"{x} {y}" for x, y in moves[:-1]) + "z")
    return "".join(parts)
