"""What a section is made of: plain text and numbers. The page's template turns them into HTML and escapes them."""

from dataclasses import dataclass
from typing import ClassVar, Literal

Tone = Literal["plain", "good", "caution", "bad"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    kind: ClassVar[str] = "paragraph"
    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences, under a heading where one is given."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table of text cells; the first ``text_columns`` columns are words, the others numbers.

    A ``folded`` table hides behind its caption until it is opened.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1
    folded: bool = False


@dataclass(frozen=True)
class Figure:
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


@dataclass(frozen=True)
class Comparison:
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


@dataclass(frozen=True)
class Reference:
    """A source, and its DOI or the address of its page."""

    text: str
    doi: str = ""
    url: str = ""

    @property
    def address(self) -> str:
        """Where the link leads; empty when there is none."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url


@dataclass(frozen=True)
class References:
    """A list of sources."""

    kind: ClassVar[str] = "references"
    items: tuple[Reference, ...]


Block = Paragraph | Bullets | Facts | Table | Figure | Comparison | References


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
