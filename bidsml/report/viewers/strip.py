"""One dot per person on a line per class, each a link to that person's report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from bidsml.records import FloatArray, IntArray
from bidsml.report.blocks import Block, Table, safe_address
from bidsml.report.canvas import CYCLE, GREY
from bidsml.report.figures import shorten
from bidsml.report.wording import hide_folders, number

_WIDTH, _LEFT, _RIGHT = 400.0, 8.0, 392.0
_THINNEST, _THICKEST, _TITLE, _TOP, _AXIS = 22.0, 110.0, 15.0, 4.0, 34.0
_LARGEST, _SMALLEST = 2.6, 1.6
_CROWD = 300
"""So many people and more have smaller dots."""
_FONT = 'font-family="\'DejaVu Sans\', Verdana, sans-serif" font-size="9" fill="#222222"'


@dataclass(frozen=True)
class Dot:
    """One person: where on the line, on which line, what is said of them, and where their report is.

    ``groups`` are the numbers of the values of each filter that the person belongs to, in the filters' order.
    """

    value: float
    band: int
    words: str
    href: str
    is_wrong: bool = False
    groups: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Strip(Block):
    """People as dots that are links, filters to narrow them down, and the table behind.

    ``bands`` names the lines. ``filters`` maps a filter's name to the names of its values. Without scripts everyone is
    shown and every dot is a stop of the Tab key; with them the strip is one stop, and arrow keys go from dot to dot.
    The drawing names people, so it is not published as a file.
    """

    kind: ClassVar[str] = "strip"
    name: str
    alt: str
    table: Table
    bands: tuple[str, ...]
    dots: tuple[Dot, ...]
    label: str
    filters: Mapping[str, tuple[str, ...]]
    reference: float | None = None
    """Value of a dashed line across all bands, and what it is."""
    reference_name: str = ""

    @property
    def scripts(self) -> tuple[str, ...]:
        """Filters and arrow keys; the table's own."""
        return ("strip.js", "table.js")

    @property
    def svg(self) -> str:
        """The drawing."""
        return draw_strip(self)


def draw_strip(strip: Strip) -> str:
    """Draw the dots, side by side where they would lie on each other; hollow ones were predicted wrongly."""
    values = np.array([dot.value for dot in strip.dots])
    ticks = _ticks(values if strip.reference is None else np.append(values, strip.reference))
    low = min(ticks[0], float(values.min()))
    scale = (_RIGHT - _LEFT - 12) / (max(ticks[-1], float(values.max())) - low)
    x = _LEFT + 6 + (values - low) * scale
    order = np.argsort(values, kind="stable")
    bands = [np.array([i for i in order if strip.dots[i].band == band], dtype=int) for band in range(len(strip.bands))]
    radius = float(np.clip(_LARGEST * np.sqrt(_CROWD / len(values)), _SMALLEST, _LARGEST))
    gap = 2 * radius + 0.4
    levels = [_stack(x[mine], gap) for mine in bands]
    tallest = max(int(np.abs(level).max(initial=0)) for level in levels)
    half = float(np.clip(tallest * gap + radius + 4, _THINNEST / 2, _THICKEST / 2))
    step = min(gap, (half - radius) / max(1, tallest))
    bottom = _TOP + len(bands) * (2 * half + _TITLE)
    parts = [_frame(strip, bottom + _AXIS), *(_tick(_LEFT + 6 + (tick - low) * scale, bottom, tick) for tick in ticks)]
    if strip.reference is not None:
        at = _LEFT + 6 + (strip.reference - low) * scale
        parts.append(f'<path d="M{at:.1f} {_TOP}V{bottom:g}" stroke="{GREY}" stroke-dasharray="4 3"/>\n')
    for band, (mine, level) in enumerate(zip(bands, levels, strict=True)):
        top = _TOP + band * (2 * half + _TITLE)
        title = escape(shorten(hide_folders(strip.bands[band]), 60))
        parts.append(f'<text x="{_LEFT:g}" y="{top + 10:g}" {_FONT} font-weight="bold">{title}</text>\n')
        colour = CYCLE[band % len(CYCLE)]
        heights = top + _TITLE + half + level * step
        parts += [_dot(strip.dots[i], x[i], y, radius, colour) for i, y in zip(mine, heights, strict=True)]
    return "".join(parts) + "</svg>\n"


def _frame(strip: Strip, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" class="adapts" role="group" '
        f'id="{strip.name}-drawing" aria-label={quoteattr(hide_folders(strip.alt))}>\n'
        f'<rect width="{_WIDTH:g}" height="{height:g}" fill="#ffffff"/>\n'
        f'<text x="{_WIDTH / 2:g}" y="{height - 6:g}" text-anchor="middle" {_FONT}>{escape(strip.label)}</text>\n'
    )


def _tick(x: float, y: float, value: float) -> str:
    return (
        f'<path d="M{x:.1f} {_TOP}V{y:g}" stroke="{GREY}" stroke-opacity="0.25" stroke-width="0.7"/>\n'
        f'<text x="{x:.1f}" y="{y + 12:g}" text-anchor="middle" {_FONT}>{number(value, 2) if value else "0"}</text>\n'
    )


def _dot(dot: Dot, x: float, y: float, radius: float, colour: str) -> str:
    words = escape(hide_folders(dot.words))
    paint = f'fill="#ffffff" stroke="{colour}"' if dot.is_wrong else f'fill="{colour}" stroke="{colour}"'
    groups = "|".join(" ".join(map(str, group)) for group in dot.groups)
    return (
        f'<a href="{escape(safe_address(dot.href))}" data-groups="{groups}"><title>{words}</title>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2g}" {paint} stroke-width="{0.42 * radius:.2g}"/></a>\n'
    )


def _stack(x: FloatArray, gap: float) -> IntArray:
    """Give dots, sorted by ``x``, the level nearest to the middle where no dot is within ``gap``; above is negative."""
    last: dict[int, float] = {}
    levels = np.zeros(len(x), dtype=np.int64)
    for place, at in enumerate(x.tolist()):
        level = next(one for one in _outwards() if last.get(one, -np.inf) <= at - gap)
        last[level] = at
        levels[place] = level
    return levels


def _outwards() -> Iterator[int]:
    """Count outwards: 0, −1, 1, −2, 2 and on."""
    yield 0
    for distance in count(1):
        yield -distance
        yield distance


def _ticks(values: FloatArray) -> Sequence[float]:
    from matplotlib.ticker import MaxNLocator

    low, high = float(values.min()), float(values.max())
    margin = 0.02 * (high - low) or 1.0
    return [float(tick) for tick in MaxNLocator(nbins=6).tick_values(low - margin, high + margin)]
