"""Columns and rows of tables, joined on the participant label as text."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bidsml.bids.encoding import Encoded, encoded_table
from bidsml.bids.names import check_label
from bidsml.bids.participants import ID
from bidsml.bids.references import ColumnReference, parse_reference, resolve_file
from bidsml.bids.tableformats import load_table
from bidsml.bids.textfiles import require_content
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, near_names
from bidsml.spec import FeatureSpec

__all__ = ["ColumnReference", "parse_reference", "read_columns", "read_row", "table_files"]

_PARTICIPANTS = "participants.tsv"


def read_columns(
    references: Iterable[str], participants: pd.DataFrame, *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> pd.DataFrame:
    """Join the referenced columns of other files onto the participants table.

    Parameters
    ----------
    references
        ``column`` or ``FILE:column``; a joined column is named by what follows the colon.
    participants
        As :func:`bidsml.bids.participants.read_participants` gives it.

    Returns
    -------
    pandas.DataFrame
        Same rows in the same order; text cells, ``None`` where missing or where FILE lacks the participant.

    Raises
    ------
    AnalysisFileError
        A column is not there, or two files would give one column name.
    DataError
        No participant of FILE is known, or one participant has several rows that differ.
    """
    joined = participants.copy()
    origin: dict[str, str] = {}
    for reference in map(parse_reference, references):
        if reference.file in (None, _PARTICIPANTS):
            _require_column(reference.column, participants.columns, file=bids_dir / _PARTICIPANTS)
            continue
        assert reference.file is not None
        if reference.column in participants or origin.get(reference.column, reference.file) != reference.file:
            raise AnalysisFileError(
                f"two columns are named {reference.column!r}: one of them in {reference.file}",
                hint="rename one of the columns in its table",
            )
        origin[reference.column] = reference.file
        path = resolve_file(reference.file, bids_dir=bids_dir, derivatives=derivatives)
        joined[reference.column] = _join(path, reference.column, participants[ID])
    return joined


def _require_column(column: str, known: Iterable[str], *, file: Path) -> None:
    names = list(known)
    if column not in names:
        raise AnalysisFileError(f"{file} has no column {column!r}", hint=near_names(column, names))


def _join(path: Path, column: str, labels: pd.Series) -> pd.Series:
    table = load_table(require_content(path), key=ID)
    _require_column(column, table.cells, file=path)
    values = table.cells[column]
    cells: list[str | None] = []
    matched = 0
    for label in labels:
        rows = table.rows_of(label)
        matched += bool(rows)
        if len({values[row] for row in rows}) > 1:
            raise DataError(
                f"{path} has {len(rows)} rows for participant {label} that differ in {column!r}",
                hint="keep one row per participant, for example one session",
            )
        cells.append(values[rows[0]] if rows else None)
    if not matched and len(labels):
        raise DataError(
            f"no participant of {path} is known: it has {_some(table.ids or ())}; the dataset has {_some(labels)}",
            hint="labels are compared as text, with or without sub-; leading zeros count",
        )
    return pd.Series(cells, index=labels.index, dtype=object)


def _some(labels: Iterable[str]) -> str:
    listed = list(labels)
    return ", ".join(listed[:3]) + (" …" if len(listed) > 3 else "")


def table_files(
    feature: FeatureSpec, participant_id: str, *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> tuple[Path, ...]:
    """Files that :func:`read_row` reads: what a node must hash."""
    file = feature.file or _PARTICIPANTS
    return (resolve_file(file, bids_dir=bids_dir, derivatives=derivatives, participant_id=participant_id),)


def read_row(
    feature: FeatureSpec,
    participant_id: str,
    *,
    bids_dir: Path,
    derivatives: Mapping[str, Path],
    exclude: Iterable[str] = (),
) -> dict[str, float]:
    """One participant's numbers from the table a feature block names.

    Parameters
    ----------
    participant_id
        Label without ``sub-``.
    exclude
        Columns left out by the caller, the target for one; names that are not there are no error.

    Returns
    -------
    dict
        Number by column, NaN where missing. A text column becomes indicators named ``column[level]``, one for each
        level of the whole table (with two levels: the last alone), NaN where the cell is missing.

    Raises
    ------
    MissingInputError
        The file is not there, or the participant is not in it.
    AnalysisFileError
        The key column is not there, a pattern matches no column, or no column with numbers is left.
    DataError
        The participant has several rows that differ.
    """
    check_label(participant_id, what="a participant label")
    (path,) = table_files(feature, participant_id, bids_dir=bids_dir, derivatives=derivatives)
    require_content(path, what=f"the table of participant {participant_id},")
    encoded = encoded_table(
        path, key=feature.key, columns=feature.columns, exclude=feature.exclude, leave_out=tuple(exclude)
    )
    rows = encoded.table.rows_of(participant_id)
    if not rows:
        raise MissingInputError(
            f"participant {participant_id} is not in {path}, which has {_some(encoded.table.ids or ())}",
            hint=f"labels in column {encoded.table.key!r} are compared as text; leading zeros count",
        )
    return dict(zip(encoded.names, _one(encoded, rows, label=participant_id, path=path), strict=True))


def _one(encoded: Encoded, rows: tuple[int, ...], *, label: str, path: Path) -> list[float]:
    values = encoded.values[list(rows)]
    if not np.array_equal(values, np.broadcast_to(values[:1], values.shape), equal_nan=True):
        raise DataError(
            f"{path} has {len(rows)} rows for participant {label} that differ",
            hint="keep one row per participant, for example one session",
        )
    return [float(value) for value in values[0]]
