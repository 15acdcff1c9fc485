"""Tables in Markdown."""

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_fit(cell) for cell in line) + " |" for line in lines) + "\n"


def code(text: object) -> str:
    """Mark text as code, as it is.

    >>> code("a|b")
    '`a|b`'
    """
    return f"`{text}`" if str(text) else ""


def _fit(cell: str) -> str:
    # Within code a bar ends no cell, and a backslash would be shown.
    parts = _CODE.split(cell)
    parts[::2] = [text.replace("|", "\\|") for text in parts[::2]]
    return " ".join("".join(parts).split())
