"""Read text, JSON and tables with errors that say where: byte, line, column."""

import csv
import io
import json
import math
import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

import pandas as pd
import yaml

from bidsml.errors import DataError, MissingInputError

_ANNEX_POINTER = b"/annex/objects/"
_MISSING = {"", "n/a", "nan"}

MAX_TEXT_BYTES = 1_000_000_000
"""Of a table: ten thousand people with ten thousand columns are less."""
MAX_JSON_BYTES = 100_000_000
MAX_YAML_BYTES = 100_000
"""Of a plugin file, which has a few lines: a megabyte takes the parser up to a minute."""


def require_content(path: Path, *, what: str = "the file") -> Path:
    """Give ``path`` back when its content is on this machine.

    Raises
    ------
    MissingInputError
        There is no such file, or only git-annex's link or pointer to it.
    DataError
        It is a device or a pipe, which may never end, or wait for ever.
    """
    if not os.path.lexists(path):
        raise MissingInputError(f"{what} {path} is not there", hint="check the name and the folder")
    link = path.is_symlink() and not path.exists()
    if not link and not S_ISREG(mode := path.stat().st_mode) and not S_ISDIR(mode):
        raise DataError(f"{path} is not a file", hint="a device or a pipe was given where a file was expected")
    if link or (path.stat().st_size < 1000 and _starts_as_pointer(path)):
        raise MissingInputError(
            f"the content of {what} {path} is not on this machine, only a link to it", hint=f"datalad get {path}"
        )
    return path


def _starts_as_pointer(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(len(_ANNEX_POINTER)) == _ANNEX_POINTER


def read_text(path: Path, *, limit: int = MAX_TEXT_BYTES) -> str:
    """Read the UTF-8 text of a file; a byte-order mark is accepted and removed.

    Parameters
    ----------
    limit
        Largest size in bytes.

    Raises
    ------
    MissingInputError
        The file or its content is not there.
    DataError
        The file is not UTF-8 (the message says which byte), is larger than the limit, or is no file: a device or a
        pipe never ends.
    """
    state = require_content(path).stat()
    if not S_ISREG(state.st_mode):
        raise DataError(f"{path} is not a file", hint="a device, a pipe or a folder was given where text was expected")
    if state.st_size > limit:
        raise DataError(f"{path} has {state.st_size} bytes; {limit} is the most that is read", hint="see what it holds")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line} is not UTF-8 text: byte 0x{content[error.start]:02x} at position {error.start}",
            hint=f"probably Latin-1; convert it: iconv -f LATIN1 -t UTF-8 '{path.name}'",
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DataError
        The file is malformed (the message gives the line) or holds something other than an object.
    """
    content = read_json_value(path)
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold a JSON object, found {type(content).__name__}", hint="mend the file")
    return content


def read_json_value(path: Path) -> Any:
    """Read JSON of any kind.

    Raises
    ------
    DataError
        The file is malformed (the message gives the line), is nested too deeply, has a whole number of thousands of
        digits or a text that is not Unicode.
    """
    text = read_text(path, limit=MAX_JSON_BYTES)
    try:
        content = json.loads(text)
        # An escape may spell half a character, which nothing can write down again.
        if "\\ud" in text.lower():
            json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno} is not valid JSON: {error.msg} (column {error.colno})", hint="mend the file"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply to be read", hint="mend the file") from error
    except ValueError as error:
        raise DataError(f"{path} is not usable JSON: {error}", hint="mend the file") from error
    return content


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, finite and no larger than a float can be."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def read_yaml(path: Path) -> Any:
    """Read YAML of plain values: no tags that make objects, no aliases, which unfold to any size.

    Raises
    ------
    DataError
        The file is malformed, has an alias, is nested too deeply or larger than a tenth of a megabyte.
    """
    try:
        return yaml.load(read_text(path, limit=MAX_YAML_BYTES), Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{path} is not YAML: {error}", hint="mend the file") from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply to be read", hint="mend the file") from error


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Takes no alias: ten lines of them stand for a billion entries."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse an alias, else go on."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, f"alias *{event.anchor} is not taken", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def read_cells(path: Path, *, separator: str = "\t") -> pd.DataFrame:
    """Read a table with a header, every cell as text; ``n/a``, ``NaN`` and empty cells are ``None``.

    Raises
    ------
    DataError
        No header, a column named twice, or a row with another number of cells; the message gives the line.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=None), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num} cannot be read as a table: {error}", hint="mend the file") from error
    if not rows:
        raise DataError(f"{path} is empty: a header line was expected", hint="restore the file")
    header = [cell.strip() for cell in rows[0][1]]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path}: columns named more than once: {', '.join(twice)}", hint="rename them")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}:{line} has {len(row)} cells, the header has {len(header)}",
                hint="mend the line; missing values are written n/a",
            )
    cells = [[_cell(value) for value in row] for _, row in rows[1:]]
    return pd.DataFrame(cells, columns=header, dtype=object)


def _cell(value: str) -> str | None:
    stripped = value.strip()
    return None if stripped.lower() in _MISSING else stripped
