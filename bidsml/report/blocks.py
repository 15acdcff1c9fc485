"""What a section is made of: plain text and numbers. The page's templates turn them into HTML and escape them.

A kind of block is a class here, or in ``viewers/``, and the template ``templates/blocks/<kind>.html``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from bidsml.errors import BidsmlError

Tone = Literal["plain", "good", "caution", "bad"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SAFE = re.compile(r"[!-~]+")  # printable ASCII without blanks: what an address may hold


def safe_address(href: str) -> str:
    """Make the address of a link that cannot run anything and does not leave the output folder upwards.

    Parameters
    ----------
    href
        A path relative to the page, as it is on disk, with an anchor where wanted (``sub-01.html#motion``);
        ``#anchor`` alone; or an ``https://`` address, which must be encoded already.

    Returns
    -------
    str
        The path percent-encoded; an https address as it came.

    Raises
    ------
    BidsmlError
        If it has another scheme, is absolute, climbs with ``..``, or is empty.

    Examples
    --------
    >>> safe_address("group/my analysis/weights.tsv")
    'group/my%20analysis/weights.tsv'
    """
    if href.startswith("https://"):
        if _SAFE.fullmatch(href) and len(href) > len("https://"):
            return href
        raise _refuse(href, "an https address without blanks, percent-encoded")
    path, _, anchor = href.partition("#")
    if not href or _SCHEME.match(href) or "\\" in path or any(ord(character) < 32 for character in href):
        raise _refuse(href, "a path relative to the page, or an https address")
    if path.startswith("/") or ".." in path.split("/"):
        raise _refuse(href, "a path that stays in the output folder")
    return quote(path, safe="/") + (f"#{quote(anchor)}" if anchor else "")


def _refuse(href: str, wanted: str) -> BidsmlError:
    return BidsmlError(
        f"a link in a report must be {wanted}; found {href!r}",
        hint="name the file without folders above the page's own",
    )


@dataclass(frozen=True)
class Link:
    """Text that leads somewhere: to another file of the output folder, to a part of a page, or to an https address.

    ``href`` is as ``safe_address`` takes it; one that it refuses makes no link.
    """

    text: str
    href: str

    def __post_init__(self) -> None:
        safe_address(self.href)

    @property
    def address(self) -> str:
        """What the page puts into ``href``."""
        return safe_address(self.href)


Cell = str | Link
"""Plain text, or a link."""


class Block:
    """Part of a section.

    A new kind inherits from this, names itself by ``kind``, and adds ``templates/blocks/<kind>.html``, which gets it
    as ``block``. Whatever else it needs, it says by these properties; what a page's blocks don't name does not run.
    """

    kind: ClassVar[str]

    @property
    def scripts(self) -> tuple[str, ...]:
        """Files of ``templates/`` that the page must run for this block, each embedded once, in their order."""
        return ()

    @property
    def libraries(self) -> tuple[str, ...]:
        """Texts of third-party scripts, read from an installed package, that must run before ``scripts``."""
        return ()

    @property
    def drawings(self) -> Mapping[str, str]:
        """SVGs that are also published as files, by the stem of the file's name."""
        return {}


@dataclass(frozen=True)
class Paragraph(Block):
    """A paragraph of plain text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Bullets(Block):
    """A list of sentences, under a heading where one is given."""

    kind: ClassVar[str] = "bullets"
    items: tuple[Cell, ...]
    heading: str = ""


@dataclass(frozen=True)
class Facts(Block):
    """Names with their values."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True)
class Table(Block):
    """A table of cells; the first ``text_columns`` columns are words, the others numbers.

    A ``folded`` table hides behind its caption until it is opened. ``sortable`` puts a button on each column.
    ``filters`` names columns by which rows can be chosen. ``name`` is the stem of the file that the reader can save it
    to; without one, a table that stands alone cannot be saved.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    text_columns: int = 1
    folded: bool = False
    name: str = ""
    sortable: bool = False
    filters: tuple[str, ...] = ()

    @property
    def scripts(self) -> tuple[str, ...]:
        """Sorting, filters and saving need the script of tables."""
        return ("table.js",) if self.sortable or self.filters or self.name else ()


@dataclass(frozen=True)
class Figure(Block):
    """A drawing, the finding it shows, and the numbers behind it.

    ``name`` is the file's stem and the prefix of every id inside the drawing. ``alt`` states the finding
    with its numbers; it is part of ``svg`` as the label that a screen reader says.
    """

    kind: ClassVar[str] = "figure"
    name: str
    svg: str
    alt: str
    table: Table
    wide: bool = False
    """Whether it may take the whole width of the page's column."""

    @property
    def scripts(self) -> tuple[str, ...]:
        """The numbers can be saved."""
        return ("table.js",)

    @property
    def drawings(self) -> Mapping[str, str]:
        """The one drawing."""
        return {self.name: self.svg}


@dataclass(frozen=True)
class Comparison(Block):
    """Two drawings of the same size that should look alike, one over the other behind a slider.

    Without scripts, and on paper, they stand one under the other. ``lower`` and ``upper`` are drawings with labels of
    their own; ``alt`` states the finding.
    """

    kind: ClassVar[str] = "comparison"
    name: str
    lower: str
    lower_name: str
    upper: str
    upper_name: str
    alt: str
    table: Table

    @property
    def scripts(self) -> tuple[str, ...]:
        """The slider moves, and the numbers can be saved."""
        return ("compare.js", "table.js")

    @property
    def drawings(self) -> Mapping[str, str]:
        """Both drawings."""
        return {f"{self.name}-lower": self.lower, f"{self.name}-upper": self.upper}


@dataclass(frozen=True)
class Reference:
    """A source, and its DOI or the address of its page."""

    text: str
    doi: str = ""
    url: str = ""

    @property
    def address(self) -> str:
        """Where the link leads; empty when there is none."""
        return f"https://doi.org/{quote(self.doi)}" if self.doi else safe_address(self.url) if self.url else ""


@dataclass(frozen=True)
class References(Block):
    """A list of sources."""

    kind: ClassVar[str] = "references"
    items: tuple[Reference, ...]


@dataclass(frozen=True)
class Rating(Block):
    """A box in which a reader judges what the page shows, and saves the judgement as JSON.

    The page keeps what was entered in the browser's local storage, where it may, under ``name``; it sends nothing.

    Parameters
    ----------
    name
        Stem of the file that is saved.
    record
        What goes into the file beside the reader's words: whom and what the judgement is about, and the versions
        that made it. JSON values.
    """

    kind: ClassVar[str] = "rating"
    name: str
    record: Mapping[str, Any]

    @property
    def scripts(self) -> tuple[str, ...]:
        """Nothing can be entered without a script that keeps it."""
        return ("rating.js",)


@dataclass(frozen=True)
class Section:
    """One part of a page.

    ``lead`` is one sentence: what the reader sees and what it means. ``badge`` is a short verdict in words,
    coloured by ``tone``; the colour never says anything that the words don't.
    """

    anchor: str
    title: str
    lead: str
    blocks: tuple[Block, ...] = ()
    badge: str = ""
    tone: Tone = "plain"
