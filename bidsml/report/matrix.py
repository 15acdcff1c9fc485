"""Draw a region-by-region matrix as a small picture inside an SVG: fast for hundreds of regions."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from bidsml.records import FloatArray
from bidsml.report.blocks import Table
from bidsml.report.pictures import png_address
from bidsml.report.wording import hide_folders, number

_MISSING_RGB = (190, 190, 190)
_FULL_TABLE = 25
"""Up to so many regions the whole matrix is put behind the picture, above it only the strongest cells."""
_STRONGEST = 30


@cache
def _colours() -> NDArray[np.uint8]:
    """Blue for negative, white for zero, red for positive: ``(256, 3)``. Told apart with any colour vision."""
    from matplotlib import colormaps

    rgb: NDArray[np.uint8] = (colormaps["RdBu_r"](np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8)
    return rgb


def matrix_image(matrix: FloatArray, *, label: str, name: str, alt: str) -> str:
    """Draw a matrix with a colour bar; missing cells are grey.

    Parameters
    ----------
    matrix
        ``(n_regions, n_regions)``; the colours span ± the largest absolute value.
    label
        What a cell is, written beside the colour bar.
    """
    finite = np.abs(matrix[np.isfinite(matrix)])
    top = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    index = np.round(127.5 + 127.5 * np.nan_to_num(matrix) / top).astype(np.uint8)
    rgb = _colours()[index]
    rgb[~np.isfinite(matrix)] = _MISSING_RGB
    bar = _colours()[np.arange(255, -1, -1)][:, np.newaxis, :]
    picture = 'preserveAspectRatio="none" style="image-rendering: pixelated"'
    text = 'font-family="\'DejaVu Sans\', Verdana, sans-serif" font-size="9" fill="#222222"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" version="1.1" viewBox="0 0 374 300" class="adapts" role="img" '
        f'id="{name}-drawing" aria-label={quoteattr(hide_folders(alt))}>\n'
        '<rect width="374" height="300" fill="#ffffff"/>\n'
        f'<image x="2" y="2" width="296" height="296" {picture} href="{png_address(rgb)}"/>\n'
        '<rect x="2" y="2" width="296" height="296" fill="none" stroke="#767676" stroke-width="0.8"/>\n'
        f'<image x="310" y="20" width="12" height="250" {picture} href="{png_address(bar)}"/>\n'
        '<rect x="310" y="20" width="12" height="250" fill="none" stroke="#767676" stroke-width="0.8"/>\n'
        f'<text x="374" y="12" text-anchor="end" {text}>{escape(label)}</text>\n'
        f'<text x="326" y="26" {text}>{number(top, 2)}</text>\n'
        f'<text x="326" y="148" {text}>0</text>\n'
        f'<text x="326" y="270" {text}>{number(-top, 2)}</text>\n'
        f'<rect x="310" y="280" width="12" height="12" fill="rgb{_MISSING_RGB}"/>\n'
        f'<text x="326" y="289" {text}>missing</text>\n'
        "</svg>\n"
    )


def matrix_table(matrix: FloatArray, nodes: Sequence[str], *, what: str) -> Table:
    """Put the numbers behind a matrix into a table: all of a small one, the strongest pairs of a large one."""
    if len(nodes) <= _FULL_TABLE:
        rows: Any = ((node, *(number(v) for v in row)) for node, row in zip(nodes, matrix, strict=True))
        return Table(caption=f"{what}, all regions", columns=("Region", *nodes), rows=tuple(rows))
    upper = np.triu_indices(len(nodes), k=1)
    strength = np.nan_to_num(np.abs(matrix[upper]), nan=-1.0)
    order = np.argsort(-strength, kind="stable")[:_STRONGEST]
    return Table(
        caption=f"{what}, the {_STRONGEST} strongest pairs of {len(nodes)} regions",
        columns=("Region", "Region", what),
        rows=tuple(
            (nodes[upper[0][i]], nodes[upper[1][i]], number(matrix[upper][i])) for i in order if strength[i] >= 0
        ),
        text_columns=2,
    )
