"""Read the formats of tables: TSV, CSV, flat JSON, FreeSurfer ``.stats``, FreeSurfer ``stats2table`` output."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bidsml.bids.freesurfer import read_stats
from bidsml.bids.textfiles import is_number, read_cells, read_json, read_text
from bidsml.errors import AnalysisFileError, DataError, near_names

DEFAULT_KEY = "participant_id"

# First header cell of aparcstats2table (lh.aparc.thickness) and asegstats2table (Measure:volume).
_STATS2TABLE = re.compile(r"(lh|rh)\.\S+|Measure:\S+")


@dataclass(frozen=True)
class Table:
    """A table as text.

    ``cells`` maps a column to one text per row (``None`` where missing), without the key column. ``ids`` are the
    participant labels of the rows without ``sub-``, or ``None`` when the whole file is one participant's.
    """

    path: Path
    key: str
    ids: tuple[str, ...] | None
    cells: Mapping[str, tuple[str | None, ...]]
    _rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def rows_of(self, participant_id: str) -> tuple[int, ...]:
        """Numbers of the rows of one participant: exact text, or the label that the text becomes in BIDS."""
        return (0,) if self.ids is None else self._rows.get(participant_id, ())

    def cell(self, column: str, participant_id: str) -> str | None:
        """One participant's cell; ``None`` where it is missing or the participant is not in the table.

        Raises
        ------
        DataError
            The participant has several rows that differ in this column.
        """
        rows = self.rows_of(participant_id)
        values = self.cells[column]
        if len({values[row] for row in rows}) > 1:
            raise DataError(
                f"{self.path} has {len(rows)} rows for participant {participant_id} that differ in {column!r}",
                hint="keep one row per participant, for example one session",
            )
        return values[rows[0]] if rows else None


def load_table(path: Path, *, key: str) -> Table:
    """Read a table; the last ones read are kept as long as the file's size and time do not change.

    Parameters
    ----------
    key
        Column that holds the participant labels. A table without it is accepted when it is FreeSurfer's
        ``stats2table`` output (its first column) or has one row and no ``participant_id``.

    Raises
    ------
    AnalysisFileError
        The format is not known, or the key column is not there.
    DataError
        The content is malformed.
    """
    status = path.stat()
    return _load(path, key, (status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=64)
def _load(path: Path, key: str, _version: tuple[int, int]) -> Table:
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise AnalysisFileError(
            f"{path}: tables with the suffix {path.suffix!r} cannot be read", hint=near_names(suffix, _READERS)
        )
    return _READERS[suffix](path, key)


def _read_delimited(path: Path, key: str) -> Table:
    table = read_cells(path, separator=_separator(path))
    names = list(table.columns)
    if key not in names:
        if key == DEFAULT_KEY and _STATS2TABLE.fullmatch(names[0]):
            key = names[0]
        elif key == DEFAULT_KEY and len(table) == 1:
            return Table(path, key, None, {name: (table[name].iloc[0],) for name in names})
        else:
            raise AnalysisFileError(
                f"{path} has no column {key!r} to join participants on",
                hint=f"name it with features.key; {near_names(key, names)}",
            )
    if table[key].isna().any():
        row = int(table[key].isna().to_numpy().argmax()) + 2
        raise DataError(f"{path}: row {row} has nothing in the key column {key!r}", hint="fill it in or delete the row")
    ids = tuple(str(value).removeprefix("sub-") for value in table[key])
    cells = {name: tuple(table[name]) for name in names if name != key}
    return Table(path, key, ids, cells, _rows_by_label(ids))


def _rows_by_label(ids: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    rows: dict[str, tuple[int, ...]] = {}
    for number, label in enumerate(ids):
        rows[label] = (*rows.get(label, ()), number)
    # A BIDS label cannot hold what other tables do ("CMU_a_0050642"); such text stands for the label without it.
    forms: dict[str, tuple[int, ...]] = {}
    for label, numbers in rows.items():
        form = re.sub(r"[^0-9A-Za-z+]", "", label)
        if form not in rows:
            forms[form] = (*forms.get(form, ()), *numbers)
    return rows | forms


def _separator(path: Path) -> str:
    """Tab for ``.tsv``; else the separator that the header holds most of."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    header = next(iter(read_text(path).splitlines()), "")
    return max(",;\t", key=header.count)


def _read_json(path: Path, key: str) -> Table:
    content = read_json(path)
    numbers = {
        name: (repr(value) if is_number(value) else None,)
        for name, value in content.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    if not numbers:
        raise DataError(f"{path} has no entry that is a number", hint="flat JSON is read, such as MRIQC's")
    return Table(path, key, None, numbers)


def _read_stats(path: Path, key: str) -> Table:
    return Table(path, key, None, {name: (text,) for name, text in read_stats(path).items()})


_READERS: Mapping[str, Callable[[Path, str], Table]] = {
    ".tsv": _read_delimited,
    ".csv": _read_delimited,
    ".txt": _read_delimited,
    ".dat": _read_delimited,
    ".table": _read_delimited,
    ".json": _read_json,
    ".stats": _read_stats,
}
