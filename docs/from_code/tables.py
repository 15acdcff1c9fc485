"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


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
    return " ".join(cell.replace("|", "\\|").split())
