"""Edges between regions in a brain that can be turned.

nilearn's own ``view_connectome`` cannot stand in a page with a strict content-security policy: it brings plotly.js
1.50.1, which builds functions from text (``new Function``), and Chromium stops it with "Evaluating a string as
JavaScript violates the following Content Security Policy directive because 'unsafe-eval' is not an allowed source of
script". A sandboxed frame inherits the page's policy, so that the whole page would have to allow it. Its page also
asks a web server for an icon, weighs 2.5 MB, and needs WebGL. So nilearn draws the still picture here, and a small
script of our own turns the same edges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bidsml.records import FloatArray
from bidsml.report.blocks import Block, Table
from bidsml.report.canvas import paint_figure
from bidsml.report.viewers.shell import brain_shell
from bidsml.report.wording import hide_folders

_HEIGHT_IN = 2.3
_COLOURS = "RdBu_r"
_SMALL = 8


@dataclass(frozen=True)
class Edge:
    """A pair of regions by their numbers, its value, and whether it stands after correction."""

    first: int
    second: int
    value: float
    note: str = ""
    """What the reader is told of it beside its value, e.g. its corrected p."""
    sure: bool = False


@dataclass(frozen=True)
class Connectome(Block):
    """Edges between regions, strongest first, as a still drawing and as a brain to turn.

    ``coordinates_mm`` is ``(n_regions, 3)`` in MNI space, NaN where a region has no place; ``regions`` and ``networks``
    (may be empty) name them. ``quantity`` says what an edge's value is, ``high`` and ``low`` what its sign means.
    """

    kind: ClassVar[str] = "connectome"
    name: str
    alt: str
    table: Table
    svg: str
    edges: tuple[Edge, ...]
    regions: tuple[str, ...]
    coordinates_mm: FloatArray
    quantity: str
    high: str
    low: str
    networks: tuple[str, ...] = field(default=())

    @property
    def scripts(self) -> tuple[str, ...]:
        """The brain turns, and the numbers can be saved."""
        return ("connectome.js", "table.js")

    @property
    def drawings(self) -> Mapping[str, str]:
        """The still drawing."""
        return {self.name: self.svg}

    @property
    def content(self) -> dict[str, Any]:
        """What the script draws; regions without a place, and their edges, are left out."""
        placed = np.flatnonzero(np.isfinite(self.coordinates_mm).all(axis=1))
        number = {int(region): index for index, region in enumerate(placed)}
        networks = self.networks or ("",) * len(self.regions)
        vertices, faces = brain_shell()
        return {
            "nodes": [
                [*(round(float(x), 1) for x in self.coordinates_mm[i]), hide_folders(self.regions[i]), networks[i]]
                for i in placed
            ],
            "edges": [
                [number[edge.first], number[edge.second], float(f"{edge.value:.4g}"), edge.note, int(edge.sure)]
                for edge in self.edges
                if edge.first in number and edge.second in number
            ],
            "vertices": vertices.ravel().tolist(),
            "faces": faces.ravel().tolist(),
            "quantity": self.quantity,
            "high": self.high,
            "low": self.low,
        }


def draw_connectome(edges: Sequence[Edge], coordinates_mm: FloatArray, *, label: str, name: str, alt: str) -> str:
    """Draw edges in nilearn's glass brain, from the left, the back, the right and above.

    Parameters
    ----------
    edges
        Those to draw; only the regions that they join are drawn.
    coordinates_mm
        ``(n_regions, 3)`` in MNI space.
    label
        What the colour means, written beside the scale.

    Returns
    -------
    str
        An SVG.
    """
    ends = [(edge.first, edge.second) for edge in edges]
    used = sorted({end for pair in ends for end in pair if np.isfinite(coordinates_mm[end]).all()})
    place = {region: index for index, region in enumerate(used)}
    matrix = np.zeros((len(used), len(used)))
    for edge, (a, b) in zip(edges, ends, strict=True):
        if a in place and b in place:
            matrix[place[a], place[b]] = matrix[place[b], place[a]] = edge.value

    def paint(figure: Any) -> None:
        from nilearn.plotting import plot_connectome

        display = plot_connectome(
            matrix, coordinates_mm[used], figure=figure, display_mode="lyrz", colorbar=True, edge_cmap=_COLOURS,
            node_size=6, node_color="#222222", edge_kwargs={"linewidth": 1.1}, annotate=False,
        )  # fmt: skip
        display.annotate(size=_SMALL)
        for axes in figure.axes:
            axes.tick_params(labelsize=_SMALL)
        figure.text(0.5, 0.02, f"Colour: {label}", ha="center", va="bottom", fontsize=8)

    return paint_figure(name, paint, alt=alt, height_in=_HEIGHT_IN)
