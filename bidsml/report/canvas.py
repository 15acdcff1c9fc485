"""Draw on matplotlib without its global state, and hand the drawing back as SVG that may share a page."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

from bidsml.report.wording import hide_folders

BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, INK, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#222222",
    "#767676",
)
"""Okabe and Ito's colours, told apart by people with any common colour vision, and two greys."""
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and selected
    "svg.hashsalt": "bidsml",  # ids come from the content alone
    "text.parse_math": False,  # a region named a$b$c is no formula
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
}
_WIDTH_IN = 5.2


def paint_svg(
    name: str,
    paint: Callable[[Any], None],
    *,
    alt: str,
    height_in: float = 3.2,
    panels: int = 1,
    ratios: Sequence[float] | None = None,
) -> str:
    """Draw one figure and return it as SVG.

    Parameters
    ----------
    name
        Prefix of every id in the drawing, so that several may stand in one page.
    paint
        Given one matplotlib axes, or an array of ``panels`` axes that share their x axis.
    ratios
        Heights of the panels to each other; equal without it.
    alt
        What the figure shows, in words and numbers.

    Returns
    -------
    str
        The same drawing gives the same text.
    """

    def paint_axes(figure: Any) -> None:
        paint(figure.subplots(panels, 1, sharex=True, height_ratios=ratios) if panels > 1 else figure.subplots())

    return paint_figure(name, paint_axes, alt=alt, height_in=height_in, layout="constrained", adapts=True)


def paint_figure(
    name: str,
    paint: Callable[[Any], None],
    *,
    alt: str,
    height_in: float,
    layout: Literal["constrained"] | None = None,
    adapts: bool = False,
) -> str:
    """Draw on a whole matplotlib figure, for those who arrange its axes themselves; otherwise as :func:`paint_svg`."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # a reader's own matplotlibrc must not change the bytes
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout=layout)
        paint(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return embed_svg(buffer.getvalue(), name=name, alt=alt, adapts=adapts)


_PROLOG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_STYLE_SHEET = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_TAG = re.compile(r"<[^!/][^>]*>")
_ID = re.compile(r'\sid="([^"]*)"')
_GOAL = re.compile(r'(?:="#|url\(#)([^")]+)')
_IDS = re.compile(r'(\bid="|="#|url\(#)')
_SIZE = re.compile(r'\s(?:width|height)="[^"]*"')


def embed_svg(svg: str, *, name: str, alt: str, adapts: bool = False) -> str:
    """Make an SVG file fit to stand inside an HTML page beside others.

    Ids get the prefix ``name``; those that nothing inside refers to go, since some stand on many parts. The style
    sheet (it would rule the whole page) becomes attributes; the drawing takes its size from the page; ``alt`` becomes
    its accessible name. One that ``adapts`` has no other colours of paper, text and axes than white, ``INK`` and
    ``GREY``, which a dark page turns round; any other drawing stays on a white card.
    """
    svg = _METADATA.sub("", _STYLE_SHEET.sub("", _PROLOG.sub("", svg)))
    goals = set(_GOAL.findall(svg))
    svg = _TAG.sub(lambda tag: _ID.sub(lambda found: found[0] if found[1] in goals else "", _fall_back(tag[0])), svg)
    svg = _TAG.sub(lambda tag: _IDS.sub(lambda match: f"{match[1]}{name}-", tag[0]), svg)
    end = svg.index(">")
    head = _SIZE.sub("", svg[:end])
    kind = ' class="adapts"' if adapts else ""
    label = quoteattr(hide_folders(alt))
    return f'{head}{kind} role="img" aria-label={label} stroke-linejoin="round"{svg[end:]}'.strip() + "\n"


def _fall_back(tag: str) -> str:
    # A reader without this font would get the browser's serif face.
    return tag.replace("font-family: 'DejaVu Sans'", "font-family: 'DejaVu Sans', Verdana, sans-serif")
