"""The references of analysis.toml and study.toml, from the models that read them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bidsml.spec import AnalysisSpec, StudySpec, study_template
from from_code.tables import code, write_table

_ANALYSIS = """\
# analysis.toml

One file says what is predicted from what, for whom, how it is validated and how chance is judged. Give it by
`--analysis FILE`, or name one of the [ready-made analyses](../workflows.md). Any entry can be overridden on the command
line: `--set cv.outer.folds=5`, `--set features.0.atlas=dosenbach2010`.

A key that is not here, a value of another type, and a name that no catalog holds are errors
([exit code 78](faults.md)) that give the line and the nearest name. `bidsml schema` prints the JSON Schema of this
file, which editors complete and check by.

This page is made from the model that reads the file.
"""
_STUDY = """\
# study.toml

What software can't know of a study: ethics, funding, where the labels come from. The reports, the model card and the
TRIPOD+AI and CLAIM checklists take it from here; what is empty stands there as MISSING. All of it is optional.

```
bidsml schema --study-template > BIDS_DIR/code/study.toml
bidsml BIDS_DIR OUTPUT_DIR group --reports-only        # the pages again, with what was filled in
```

It is read from `--study FILE`, else from beside the analysis file, else from `BIDS_DIR/code/`. It is published with the
report: name no patient and no date of a scan.

This page is made from the model that reads the file.
"""


@dataclass(frozen=True)
class Key:
    """One key that a file may hold. ``table`` is its header, empty at the top: ``[target]``, ``[[features]]``."""

    table: str
    name: str
    kind: str
    default: str
    description: str


def write_analysis_page() -> str:
    """Write the reference of analysis.toml."""
    parts = [_ANALYSIS]
    for table, about, keys in _by_table(AnalysisSpec):
        parts.append(f"## {code(table) if table else 'At the top'}\n\n{about}\n")
        rows = [(code(key.name), key.kind, key.default, key.description) for key in keys]
        parts.append(write_table(("key", "value", "default", "what it says"), rows))
        if table == "[[features]]":
            parts.append("\nWhich keys a kind takes stands under [Feature kinds](../features/index.md).\n")
        if table == "[[estimators]]":
            parts.append("\nThe kinds and their grids stand under [Estimators and metrics](catalogs.md).\n")
    return "\n".join(parts)


def write_study_page() -> str:
    """Write the reference of study.toml, with the empty file at its end."""
    parts = [_STUDY]
    for table, about, keys in _by_table(StudySpec):
        parts.append(f"## {code(table) if table else 'At the top'}\n\n{about}\n")
        parts.append(write_table(("key", "what to tell"), [(code(key.name), key.description) for key in keys]))
    return "\n".join([*parts, "\n## The file, to fill in\n", f"```toml\n{study_template()}```\n"])


def list_keys(model: type[BaseModel]) -> Iterator[Key]:
    """Every key of a file, in its order."""
    for _, _, keys in _by_table(model):
        yield from keys


def _by_table(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, str, list[Key]]]:
    """Each table of a file: its header, what it is about, its own keys; then the tables inside of it."""
    own, inner = [], []
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        part, many = _section_of(field.annotation)
        if part is not None:
            path = f"{table.strip('[]')}.{name}".lstrip(".")
            inner.append((part, f"[[{path}]]" if many else f"[{path}]"))
        else:
            own.append(Key(table, name, _kind(properties[name]), _default(field), field.description or ""))
    if own:
        yield table, (model.__doc__ or "").partition("\n\n")[0], own
    for part, path in inner:
        yield from _by_table(part, path)


def _section_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Give the model of a table, or of each table of a list; ``None`` for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner, get_origin(annotation) in (tuple, list)
    return None, False


_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": ""}


def _kind(schema: dict[str, Any]) -> str:
    """Say what values a key takes, from its JSON Schema."""
    if "anyOf" in schema:
        return " or ".join(filter(None, dict.fromkeys(map(_kind, schema["anyOf"]))))
    if "enum" in schema or "const" in schema:
        return ", ".join(code(json.dumps(value)) for value in schema.get("enum", [schema.get("const")]))
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])}: {', '.join(map(_kind, schema['prefixItems']))}"
    inner = {"array": ("list of", "items"), "object": ("table of", "additionalProperties")}.get(schema.get("type", ""))
    if inner:
        return f"{inner[0]} {_kind(schema.get(inner[1], {}))}"
    limits = [
        f"{sign} {schema[key]:,}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in schema
    ]
    return " ".join([_KINDS.get(schema.get("type", ""), "value"), ", ".join(limits)]).strip()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    if field.default is None or field.default in ((), {}):
        return ""
    return code(json.dumps(field.default))
