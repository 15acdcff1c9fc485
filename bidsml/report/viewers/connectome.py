"""Edges between regions in a brain that can be turned.

nilearn's own ``view_connectome`` cannot stand in a page with a strict content-security policy: it brings plotly.js
1.50.1, which builds functions from text (``new Function``), and Chromium stops it with "Evaluating a string as
JavaScript violates the following Content Security Policy directive because 'unsafe-eval' is not an allowed source of
script". A sandboxed frame inherits the page's policy, so that the whole page would have to allow it. Its page also
asks a web server for an icon, weighs 2.5 MB, and needs WebGL. So a small script of our own turns the edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bidsml.records import FloatArray
from bidsml.report.blocks import Block, Table
from bidsml.report.viewers.glass import Edge
from bidsml.report.viewers.shell import brain_shell
from bidsml.report.wording import hide_folders


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
