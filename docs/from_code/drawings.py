"""Drawings that bidsml made, put into a page as they are in its reports."""

import re
from collections.abc import Callable

_IMAGE = re.compile(r'<p><img alt="([^"]*)" src="([^":]+\.svg)"\s*/?></p>')


def put_drawings_in_place(html: str, *, read: Callable[[str], str]) -> str:
    """Replace each picture of an SVG file, alone in its paragraph, by the drawing itself; its text is the caption.

    Parameters
    ----------
    html
        A page.
    read
        Given a picture's address as the page has it, gives the file's text.
    """

    def draw(found: re.Match[str]) -> str:
        return f'<figure class="drawing">{read(found[2])}<figcaption>{found[1]}</figcaption></figure>'

    return _IMAGE.sub(draw, html)
