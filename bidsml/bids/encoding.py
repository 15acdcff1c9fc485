"""Columns of text as columns of numbers."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from bidsml.bids.tableformats import Table, load_table
from bidsml.errors import AnalysisFileError, MissingInputError, near_names
from bidsml.records import FloatArray
from bidsml.spec.patterns import matches_any, matches_pattern

_logger = logging.getLogger(__name__)

MAX_LEVELS = 20
# What R, SPSS exports and MRIQC write for a missing number; only read so in a column of numbers.
_NO_NUMBER = {"na", "null", "none", "."}


@dataclass(frozen=True)
class Encoded:
    """A table's chosen columns as numbers: ``values`` is ``(n_rows, n_names)``, NaN where missing."""

    table: Table
    names: tuple[str, ...]
    values: FloatArray


def encoded_table(
    path: Path, *, key: str, columns: tuple[str, ...], exclude: tuple[str, ...], leave_out: tuple[str, ...]
) -> Encoded:
    """Read a table and turn its chosen columns into numbers; the last ones are kept in memory.

    Files of one participant each may differ in their columns: there a name in ``columns`` that is absent becomes NaN,
    and a pattern that matches nothing is passed over. That it matches in somebody's file is checked elsewhere.

    Parameters
    ----------
    columns, exclude
        Names or shell patterns of columns; an empty ``columns`` means all.
    leave_out
        Names left out besides; they need not be there.

    Raises
    ------
    AnalysisFileError
        A pattern matches no column, or nothing is left.
    MissingInputError
        Nothing is left of one participant's own file.
    """
    status = path.stat()
    return _encode(path, key, columns, exclude, leave_out, (status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=64)
def _encode(
    path: Path,
    key: str,
    columns: tuple[str, ...],
    exclude: tuple[str, ...],
    leave_out: tuple[str, ...],
    _version: tuple[int, int],
) -> Encoded:
    table = load_table(path, key=key)
    chosen = _choose(table, columns=columns, exclude=exclude, leave_out=leave_out)
    verbose = _leave_text_out(table, chosen, named=columns)
    names: list[str] = []
    arrays: list[FloatArray] = []
    for name in chosen:
        if name in verbose:
            continue
        encoded = encode_column(table.cells.get(name, (None,)), name=name)
        names += encoded
        arrays += encoded.values()
    message = f"{path}: no column with numbers is left of {', '.join(chosen) or 'none'}"
    if table.ids is None and not any(np.isfinite(array).any() for array in arrays):
        raise MissingInputError(message, hint="see columns and exclude, or whether this participant's file is complete")
    if not names:
        raise AnalysisFileError(message, hint="see columns and exclude")
    return Encoded(table, tuple(names), np.column_stack(arrays))


def _choose(table: Table, *, columns: Sequence[str], exclude: Sequence[str], leave_out: Sequence[str]) -> list[str]:
    known = list(table.cells)
    wanted = _match(columns, table, what="columns") if columns else set(known)
    unwanted = _match(exclude, table, what="exclude") | set(leave_out)
    # Only one participant's own file may lack what the analysis names.
    absent = [name for name in columns if name not in known and not _is_pattern(name) and table.ids is None]
    return [name for name in (*known, *absent) if name in {*wanted, *absent} and name not in unwanted]


def _match(patterns: Iterable[str], table: Table, *, what: str) -> set[str]:
    known = list(table.cells)
    found: set[str] = set()
    for pattern in patterns:
        hits = {name for name in known if matches_pattern(name, pattern)}
        if not hits and table.ids is not None:
            raise AnalysisFileError(
                f"{what}: {pattern!r} matches no column of {table.path}", hint=near_names(pattern, known)
            )
        found |= hits
    return found


def choose_values(values: Mapping[str, float], *, columns: Sequence[str], exclude: Sequence[str]) -> dict[str, float]:
    """Take the values that ``columns`` means, all where it is empty, and ``exclude`` does not.

    Returns
    -------
    dict
        In the order of ``values``; then NaN for each name in ``columns`` that is no pattern and not there.
    """
    wanted = [n for n in values if not columns or matches_any(n, columns)]
    absent = [name for name in columns if name not in values and not _is_pattern(name)]
    kept = [n for n in (*wanted, *absent) if not matches_any(n, exclude)]
    return {name: values.get(name, float("nan")) for name in kept}


def _is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def _leave_text_out(table: Table, chosen: Sequence[str], *, named: Collection[str]) -> set[str]:
    """Columns of text that indicators serve badly, with a warning; those that the analysis names are kept."""
    text = {name for name in chosen if to_numbers(table.cells.get(name, ())) is None}
    if table.ids is None:
        asked = sorted(text & set(named))
        if asked:
            raise AnalysisFileError(
                f"{table.path}: {asked[0]!r} is text, and one participant's file does not know the others' levels",
                hint="name columns of numbers, or a table with a row per participant",
            )
        left_out, rule = text, "text in one participant's file"
    else:
        left_out = {name for name in text - set(named) if len({*table.cells[name]} - {None}) > MAX_LEVELS}
        rule = f"text with more than {MAX_LEVELS} levels (name one in columns to keep it)"
    if left_out:
        _logger.warning("%s: left out as %s: %s", table.path, rule, ", ".join(map(repr, sorted(left_out))))
    return left_out


def to_numbers(cells: Sequence[str | None]) -> FloatArray | None:
    """Numbers of a column, NaN where missing; ``None`` when a cell is neither."""
    try:
        return np.array([_number(cell) for cell in cells], dtype=float)
    except ValueError:
        return None


def _number(cell: str | None) -> float:
    if cell is None or cell.lower() in _NO_NUMBER:
        return float("nan")
    if "_" in cell:
        raise ValueError("Python reads 1_000 as a number, a table does not mean one")
    value = float(cell)
    return value if np.isfinite(value) else float("nan")


def encode_column(cells: Sequence[str | None], *, name: str) -> dict[str, FloatArray]:
    """One column of text as numbers.

    Returns
    -------
    dict
        The column itself when every cell is a number or missing. Else an indicator (1, 0, NaN where missing) named
        ``name[level]`` for each level in sorted order; with two levels only the last, whose opposite is the first.
    """
    numbers = to_numbers(cells)
    if numbers is not None:
        return {name: numbers}
    levels = sorted({cell for cell in cells if cell is not None})
    shown = levels[-1:] if len(levels) <= 2 else levels
    missing = np.array([cell is None for cell in cells])
    return {
        f"{name}[{level}]": np.where(missing, np.nan, np.array([cell == level for cell in cells], dtype=float))
        for level in shown
    }
