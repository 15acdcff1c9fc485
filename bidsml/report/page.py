"""Put sections into one self-contained HTML page."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bidsml.report.blocks import Block, Section
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


def render_template(name: str, **values: object) -> str:
    """Fill one of ``templates/``, escaping whatever is put in."""
    return _environment().get_template(name).render(**values)


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
        The same sections always give the same bytes. It runs the scripts that its blocks name, and no other.
    """
    blocks = [block for section in sections for block in section.blocks]
    html = (
        _environment()
        .get_template("page.html")
        .render(sections=sections, title=title, subtitle=subtitle, version=version, scripts=list(_scripts(blocks)))
    )
    return Page(html=html, figures={name: svg for block in blocks for name, svg in block.drawings.items()})


@dataclass(frozen=True)
class _Script:
    """A script as it stands between its tags."""

    text: str

    @property
    def digest(self) -> Markup:
        """What the page's policy knows it by. Its slashes are no folders to hide."""
        return Markup(base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode("ascii"))


def _scripts(blocks: Sequence[Block]) -> Iterator[_Script]:
    """Give each script that the page or one of its blocks needs, once: libraries first."""
    for library in dict.fromkeys(library for block in blocks for library in block.libraries):
        yield _Script(_fit(library))
    for name in dict.fromkeys(["page.js", *(name for block in blocks for name in block.scripts)]):
        # Braces keep the names of one script from those of the next.
        yield _Script(_fit(f"{{\n{_read_template(name)}}}"))


def _fit(script: str) -> str:
    """Make a script fit to stand in HTML: nothing in it ends it, and its bytes are those that a browser digests."""
    unix = script.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\\0")
    return re.sub(r"<(?=/script|!--)", r"\\x3c", unix, flags=re.IGNORECASE)


@cache
def _read_template(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]
