"""Read TOML that a person wrote: errors say file and line, and name what is near."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bidsml.errors import AnalysisFileError, near_names

MAX_BYTES = 1_000_000


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a file as UTF-8 text and as TOML.

    Raises
    ------
    AnalysisFileError
        It is too large, not UTF-8, or not TOML.
    """
    if path.stat().st_size > MAX_BYTES:
        raise AnalysisFileError(f"{path} is larger than {MAX_BYTES} bytes", hint="such a file is a few kilobytes")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise AnalysisFileError(f"{path} is not UTF-8 text: {error}", hint="save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise AnalysisFileError(f"{path} is not valid TOML: {error}", hint="see toml.io for the syntax") from error


def explain(error: ValidationError, *, path: Path, text: str, model: type[BaseModel]) -> str:
    """Say each problem of a file that doesn't fit ``model``: where, what was found, and near names of a key.

    Parameters
    ----------
    text
        Content of the file, in which lines are looked up.
    """
    lines = []
    for problem in error.errors(include_url=False):
        location = problem["loc"]
        where = ".".join(str(part) for part in location) or "the file"
        line = _line_of(text, location)
        place = f"{path}:{line}" if line else str(path)
        if problem["type"] == "extra_forbidden":
            near = near_names(str(location[-1]), _keys_at(model, location[:-1]))
            lines.append(f"{place}: unknown key {where!r}; {near}")
        else:
            found = "" if problem["type"] in ("missing", "value_error") else f", found {problem['input']!r}"
            lines.append(f"{place}: {where}: {problem['msg']}{found}")
    return "\n".join(lines)


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> tuple[str, ...]:
    """Keys that the model takes at a place such as ``("features", 0)``."""
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return tuple(model.model_fields)


def _line_of(text: str, location: Sequence[str | int]) -> int | None:
    """Line (from 1) of a key in TOML text: the key itself, else its table's header."""
    keys = [part for part in location if isinstance(part, str)]
    index = next((part for part in location if isinstance(part, int)), 0)
    if not keys:
        return None
    table: list[str] = []
    seen = -1
    header_line = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[{1,2}\s*([A-Za-z0-9_.-]+)\s*\]{1,2}", line)
        if header:
            table = header[1].split(".")
            if line.lstrip().startswith("[[") and table == keys[: len(table)]:
                seen += 1
            if table == keys[: len(table)] and max(seen, 0) == index:
                header_line = number
            if table == keys and max(seen, 0) == index:
                return number
            continue
        assignment = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        if assignment and max(seen, 0) == index:
            full = [*table, *assignment[1].replace('"', "").replace("'", "").split(".")]
            if full == keys[: len(full)] and len(full) > len(table):
                return number
    return header_line
