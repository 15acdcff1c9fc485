"""Drawings that bidsml made, put into a page as they are in its reports."""

import re
from pathlib import Path

_IMAGE = re.compile(r'<p><img alt="([^"]*)" src="([^":]+\.svg)"\s*/?></p>')


def put_drawings_in_place(html: str, *, folder: Path) -> str:
    """Replace each picture of an SVG file, alone in its paragraph, by the drawing itself; its text is the caption.

    Parameters
    ----------
    html
        A page.
    folder
        The folder of the page's source, from which the picture's address counts.
    """

    def draw(found: re.Match[str]) -> str:
        svg = (folder / found[2]).read_text(encoding="utf-8")
        return f'<figure class="drawing">{svg}<figcaption>{found[1]}</figcaption></figure>'

    return _IMAGE.sub(draw, html)
