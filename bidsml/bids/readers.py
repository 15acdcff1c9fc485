"""Read ready-made matrices and time series of any dialect: with or without a header, row labels, a table of names."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from bidsml.bids.encoding import to_numbers
from bidsml.bids.textfiles import read_cells, read_text
from bidsml.errors import DataError
from bidsml.records import FloatArray, Scan

SYMMETRY_TOLERANCE = 1e-3
_MISSING = ("n/a", "N/A", "nan", "NaN", "NA", "")


def read_matrix(scan: Scan) -> tuple[tuple[str, ...], FloatArray]:
    """Region names and values of a ready-made matrix.

    Returns
    -------
    names, matrix
        ``(n_regions,)`` names from the header, the row labels or ``scan.nodes``, else ``region-001`` …; and
        ``(n_regions, n_regions)``, NaN where missing. A dead region is NaN off the diagonal.

    Raises
    ------
    DataError
        The matrix is not square or not symmetric, holds text or infinities, has fewer than two regions, or its names
        do not fit.
    """
    names, values = _read_numbers(scan.path, may_have_row_labels=True)
    if values.shape[0] != values.shape[1] or len(values) < 2:
        raise DataError(
            f"{scan.path} must hold a square matrix, found {values.shape[0]} × {values.shape[1]}",
            hint="a dense relationship matrix of one participant is read",
        )
    gap = np.abs(values - values.T)
    one_sided = np.isnan(values) != np.isnan(values.T)
    if one_sided.any() or (np.nan_to_num(gap) > SYMMETRY_TOLERANCE).any():
        row, column = np.argwhere(one_sided | (np.nan_to_num(gap) > SYMMETRY_TOLERANCE))[0]
        raise DataError(
            f"{scan.path} is not symmetric: [{row + 1}, {column + 1}] is {values[row, column]:g}, "
            f"[{column + 1}, {row + 1}] is {values[column, row]:g}",
            hint="directed connectivity is not supported",
        )
    return _region_names(scan, names, n_regions=len(values)), (values + values.T) / 2


def read_timeseries(scan: Scan) -> tuple[tuple[str, ...], FloatArray]:
    """Region names and values of ready-made region time series.

    Returns
    -------
    names, signals
        ``(n_regions,)`` and ``(n_volumes, n_regions)``, NaN where missing.

    Raises
    ------
    DataError
        The table holds text or infinities, has fewer than two volumes, or its names do not fit.
    """
    names, values = _read_numbers(scan.path, may_have_row_labels=False)
    if len(values) < 2:
        raise DataError(f"{scan.path} has {len(values)} volumes", hint="time series have one row per volume")
    return _region_names(scan, names, n_regions=values.shape[1]), values


def _read_numbers(path: Path, *, may_have_row_labels: bool) -> tuple[tuple[str, ...], FloatArray]:
    """Header (empty where there is none) and numbers of a tab-separated table."""
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty", hint="restore the file")
    first = tuple(cell.strip().strip('"') for cell in lines[0].split("\t"))
    has_header = _is_header(first, n_rows=len(lines), square=may_have_row_labels)
    body = lines[1:] if has_header else lines
    if not body:
        raise DataError(f"{path} has a header and nothing below it", hint="restore the file")
    try:
        table = pd.read_csv(
            io.StringIO("\n".join(body)),
            sep="\t",
            header=None,
            names=range(len(first)),
            index_col=False,
            na_values=_MISSING,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}", hint="a tab-separated table is read") from error
    header = first if has_header else ()
    if may_have_row_labels and has_header and len(first) == len(table) + 1:
        header, table = header[1:], table.iloc[:, 1:]
    return header, _as_numbers(table, path=path, first_line=2 if has_header else 1)


def _is_header(first: tuple[str, ...], *, n_rows: int, square: bool) -> bool:
    """Whether the first row names the columns: text in it, a row too many, or 0, 1, 2 … / 1, 2, 3 …."""
    if to_numbers([None if cell in _MISSING else cell for cell in first]) is None:
        return True
    if square:
        return n_rows == len(first) + 1 or (n_rows == len(first) and first[0] == "")
    counted = [tuple(str(start + i) for i in range(len(first))) for start in (0, 1)]
    return len(first) > 1 and first in counted


def _as_numbers(table: pd.DataFrame, *, path: Path, first_line: int) -> FloatArray:
    kinds = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in table.dtypes]
    if not all(kinds):
        place = kinds.index(False)
        column = table.iloc[:, place]
        texts = pd.to_numeric(column, errors="coerce").isna() & column.notna()
        row = int(texts.to_numpy().argmax())
        raise DataError(
            f"{path}:{first_line + row} column {place + 1} holds {column.iloc[row]!r}", hint="numbers or n/a are read"
        )
    values: FloatArray = table.to_numpy(dtype=float)
    if np.isinf(values).any():
        row, place = (int(number) for number in np.argwhere(np.isinf(values))[0])
        raise DataError(
            f"{path}:{first_line + row} column {place + 1} is infinite", hint="write n/a where a value is missing"
        )
    return values


def _region_names(scan: Scan, header: tuple[str, ...], *, n_regions: int) -> tuple[str, ...]:
    names = header
    source = scan.path
    if scan.nodes is not None and not _says_something(header):
        names, source = _node_names(scan.nodes), scan.nodes
    if not names:
        width = max(3, len(str(n_regions)))
        return tuple(f"region-{number:0{width}d}" for number in range(1, n_regions + 1))
    if len(names) != n_regions:
        raise DataError(
            f"{source} names {len(names)} regions, {scan.path} has {n_regions}", hint="check that both belong together"
        )
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"{source} names a region twice: {', '.join(twice[:5])}", hint="rename one of them")
    return names


def _says_something(header: tuple[str, ...]) -> bool:
    """Whether a header holds names, not only numbers."""
    return bool(header) and to_numbers(header) is None


def _node_names(path: Path) -> tuple[str, ...]:
    table = read_cells(path)
    if "index" in table and (numbers := to_numbers(list(table["index"]))) is not None:
        table = table.iloc[np.argsort(numbers, kind="stable")]
    column = next((c for c in ("name", "label", "region") if c in table), None)
    if column is None:
        raise DataError(f"{path} has no column 'name'", hint=f"it has: {', '.join(table.columns)}")
    return tuple(str(name) for name in table[column])
