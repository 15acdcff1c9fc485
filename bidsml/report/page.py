"""Put sections into one self-contained HTML page."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bidsml.report.blocks import Comparison, Figure, Section
from bidsml.report.wording import hide_folders


@dataclass(frozen=True)
class Page:
    """A finished page.

    ``figures`` maps a name to the text of an SVG, the same that ``html`` holds inline.
    """

    html: str
    figures: Mapping[str, str]


def _without_folders(value: object) -> object:
    return hide_folders(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bidsml.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_without_folders,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Drawings are made by our own code from escaped text; everything else that enters a template is escaped.
    environment.filters["drawing"] = Markup
    return environment


def make_page(sections: Sequence[Section], *, title: str, subtitle: str, version: str) -> Page:
    """Render sections in their order.

    Parameters
    ----------
    title, subtitle
        Heading of the page and the line under it, plain text.
    version
        Version of bidsml that made the content.

    Returns
    -------
    Page
        The same sections always give the same bytes.
    """
    slides = any(isinstance(block, Comparison) for section in sections for block in section.blocks)
    script = _script() if slides else ""
    html = (
        _environment()
        .get_template("page.html")
        .render(
            sections=sections,
            title=title,
            subtitle=subtitle,
            version=version,
            script=script,
            script_digest=_digest(script) if script else "",
        )
    )
    return Page(html=html, figures=dict(_drawings(sections)))


@cache
def _script() -> str:
    """Read the one script that a page may have: it moves the sliders."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), "compare.js")[0]


def _digest(script: str) -> str:
    """Digest of a script for the page's policy, which lets nothing else run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _drawings(sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    for block in (block for section in sections for block in section.blocks):
        if isinstance(block, Figure):
            yield block.name, block.svg
        elif isinstance(block, Comparison):
            yield f"{block.name}-lower", block.lower
            yield f"{block.name}-upper", block.upper
