"""The columns of the tables that an analysis leaves, from the sidecars of the demo's."""

import json
from pathlib import Path

from from_code.tables import code, write_table

PLACE = "<!-- columns of the tables -->"


def put_columns_in_place(markdown: str, *, derivatives: Path) -> str:
    """Replace the mark in a page by one table for each table of the demo."""
    return markdown.replace(PLACE, write_columns(derivatives)) if PLACE in markdown else markdown


def write_columns(derivatives: Path) -> str:
    """Write a table of columns for each TSV of ``group/demo`` and for participants.tsv."""
    group = derivatives / "group" / "demo"
    parts = []
    for table in [derivatives / "participants.tsv", *sorted(group.glob("*.tsv"))]:
        names = table.read_text(encoding="utf-8").partition("\n")[0].split("\t")
        sidecar = table.with_suffix(".json")
        told = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.is_file() else {}
        rows = [(code(name), _describe(told.get(name, {}))) for name in names]
        if any(text for _, text in rows):
            parts.append(f"### {code(table.name)}\n\n" + write_table(("column", "holds"), rows))
        else:
            parts.append(f"### {code(table.name)}\n\n" + ", ".join(name for name, _ in rows) + "\n")
    return "\n".join(parts)


def _describe(told: object) -> str:
    if not isinstance(told, dict):
        return ""
    unit = told.get("Units")
    return str(told.get("Description", "")) + (f" ({unit})" if unit else "")
