"""Edges between regions in outlines of the brain, seen from four sides.

nilearn's ``plot_connectome`` draws a finer brain, but takes 2 to 5 s and 320 KB a drawing, and cannot tell edges that
stand after correction from those that don't.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from bidsml.records import FloatArray
from bidsml.report.wording import hide_folders


@dataclass(frozen=True)
class Edge:
    """A pair of regions by their numbers, its value, and whether it stands after correction."""

    first: int
    second: int
    value: float
    note: str = ""
    """What the reader is told of it beside its value, e.g. its corrected p."""
    sure: bool = False


HIGH_COLOUR, LOW_COLOUR = "#b2182b", "#2166ac"
_SCALE = 0.66
"""Picture units per mm."""
_WIDTH, _TOP, _MIDDLE, _BOTTOM, _LINE = 480.0, 16.0, 132.0, 160.0, 11.0
_FONT = 'font-family="\'DejaVu Sans\', Verdana, sans-serif" fill="#222222"'


@dataclass(frozen=True)
class _View:
    """How a side is seen: axis and sign to the right and upwards, and which hemisphere's edges (0: all)."""

    name: str
    x: int
    mirror: int
    y: int
    hemisphere: int
    letters: tuple[str, str]
    centre: float


_VIEWS = (
    _View("left", 1, -1, 2, -1, ("A", "P"), 62.0),
    _View("from behind", 0, 1, 2, 0, ("L", "R"), 182.0),
    _View("right", 1, 1, 2, 1, ("P", "A"), 302.0),
    _View("from above", 0, 1, 1, 0, ("L", "R"), 422.0),
)
_CENTRE_MM = (0.0, -18.0, 8.0)


def draw_glass(edges: Sequence[Edge], coordinates_mm: FloatArray, *, legend: Sequence[str], name: str, alt: str) -> str:
    """Draw edges in four outlines of the MNI152 brain; a side view holds the edges within its hemisphere.

    Parameters
    ----------
    edges
        Those to draw; only the regions that they join are drawn. One that is ``sure`` is solid, another dashed.
    coordinates_mm
        ``(n_regions, 3)`` in MNI space; edges of a region without a place (NaN) are left out.
    legend
        What colours and lines mean, line by line.

    Returns
    -------
    str
        An SVG.
    """
    placed = [edge for edge in edges if np.isfinite(coordinates_mm[[edge.first, edge.second]]).all()]
    strongest = max((abs(edge.value) for edge in placed), default=1.0) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_BOTTOM:g}" role="img" '
        f'id="{name}-drawing" aria-label={quoteattr(hide_folders(alt))}>\n'
        f'<rect width="{_WIDTH:g}" height="{_BOTTOM:g}" fill="#ffffff"/>\n'
    ]
    for view in _VIEWS:
        shown = [edge for edge in placed if _is_seen(edge, coordinates_mm, view)]
        parts.append(_frame(view))
        # The strongest are drawn last, on top.
        parts += [_line(edge, coordinates_mm, view, strongest) for edge in reversed(shown)]
        ends = sorted({end for edge in shown for end in (edge.first, edge.second)})
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6" fill="#222222"/>\n'
            for x, y in (_project(coordinates_mm[end], view) for end in ends)
        ]
    for number, line in enumerate(legend):
        y = _MIDDLE + 11 + _LINE * number
        words = escape(hide_folders(line))
        parts.append(f'<text x="{_WIDTH / 2:g}" y="{y:g}" text-anchor="middle" font-size="8" {_FONT}>{words}</text>\n')
    return "".join(parts) + "</svg>\n"


def _is_seen(edge: Edge, coordinates_mm: FloatArray, view: _View) -> bool:
    return not view.hemisphere or all(
        coordinates_mm[end, 0] * view.hemisphere >= 0 for end in (edge.first, edge.second)
    )


def _project(place_mm: Any, view: _View) -> tuple[float, float]:
    right = view.mirror * (float(place_mm[view.x]) - _CENTRE_MM[view.x])
    up = float(place_mm[view.y]) - _CENTRE_MM[view.y]
    return view.centre + _SCALE * right, (_TOP + _MIDDLE) / 2 - _SCALE * up


def _frame(view: _View) -> str:
    text = f'text-anchor="middle" font-size="8" {_FONT}'
    left, right = (view.centre + sign * _SCALE * 72 for sign in (-1, 1))
    return (
        f'<path d="{_outline(view)}" fill="#f1f3f5" stroke="#767676" stroke-width="1"/>\n'
        f'<text x="{view.centre:g}" y="9" {text}>{view.name}</text>\n'
        f'<text x="{left:.1f}" y="20" {text}>{view.letters[0]}</text>\n'
        f'<text x="{right:.1f}" y="20" {text}>{view.letters[1]}</text>\n'
    )


def _line(edge: Edge, coordinates_mm: FloatArray, view: _View, strongest: float) -> str:
    (x1, y1), (x2, y2) = (_project(coordinates_mm[end], view) for end in (edge.first, edge.second))
    colour = HIGH_COLOUR if edge.value > 0 else LOW_COLOUR
    dashes = "" if edge.sure else ' stroke-dasharray="3 2"'
    width = 0.5 + 1.3 * abs(edge.value) / strongest
    return (
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="{width:.2f}" '
        f'stroke-opacity="0.8"{dashes}/>\n'
    )


@cache
def _outline(view: _View) -> str:
    """Outline of the brain from one side, as an SVG path, from nilearn's packaged mask."""
    from contourpy import contour_generator
    from nilearn.datasets import load_mni152_brain_mask
    from scipy.ndimage import gaussian_filter

    mask: Any = load_mni152_brain_mask(resolution=2)
    seen = mask.get_fdata().max(axis=3 - view.x - view.y)  # (view.x, view.y): both keep their order
    lines = contour_generator(z=gaussian_filter(seen, 1.0).T).lines(0.5)
    line = max((np.asarray(line) for line in lines), key=len)
    place = np.zeros((len(line), 3))
    for axis, column in ((view.x, 0), (view.y, 1)):
        place[:, axis] = line[:, column] * mask.affine[axis, axis] + mask.affine[axis, 3]
    points = [_project(one, view) for one in place[::2]]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"
