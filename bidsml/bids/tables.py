"""Columns and rows of tables, joined on the participant label as text."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bidsml.bids.encoding import Encoded, encoded_table
from bidsml.bids.items import PARTICIPANTS, item_files, read_items, read_texts
from bidsml.bids.names import check_label
from bidsml.bids.participantfiles import ParticipantFiles
from bidsml.bids.participants import ID
from bidsml.bids.references import ColumnReference, is_per_participant, parse_reference, resolve_file
from bidsml.bids.tableformats import Table, load_table
from bidsml.bids.textfiles import require_content
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, near_names
from bidsml.spec import FeatureSpec

__all__ = [
    "ColumnReference",
    "check_columns",
    "check_features",
    "parse_reference",
    "read_columns",
    "read_row",
    "table_files",
]


def read_columns(
    references: Iterable[str], participants: pd.DataFrame, *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> pd.DataFrame:
    """Join the referenced columns of other files onto the participants table.

    Parameters
    ----------
    references
        ``column`` or ``FILE:column``; a joined column is named by what follows the colon. FILE is a table with a row
        per participant or, with ``{participant}`` in it, one file per participant.
    participants
        As :func:`bidsml.bids.participants.read_participants` gives it.

    Returns
    -------
    pandas.DataFrame
        Same rows in the same order; text cells, ``None`` where missing, where FILE lacks the participant, or where
        the participant has no FILE.

    Raises
    ------
    AnalysisFileError
        A column is not there (of files per participant: in none of them), or two files would give one column name.
    MissingInputError
        The file is not there (of files per participant: none of them), or its content is not on this machine.
    DataError
        No participant of FILE is known, or one participant has several rows that differ.
    """
    joined = participants.copy()
    for file, columns in _columns_by_file(references, participants, bids_dir=bids_dir).items():
        if is_per_participant(file):
            files = ParticipantFiles(file, bids_dir=bids_dir, derivatives=derivatives)
            cells = files.read_entries(columns, participants[ID].tolist())
        else:
            path = resolve_file(file, bids_dir=bids_dir, derivatives=derivatives)
            cells = {column: _join(path, column, participants[ID]) for column in columns}
        for column in columns:
            joined[column] = pd.Series(cells[column], index=participants.index, dtype=object)
    return joined


def check_columns(
    references: Iterable[str],
    participants: pd.DataFrame,
    *,
    bids_dir: Path,
    derivatives: Mapping[str, Path],
    selected: Sequence[str] = (),
) -> None:
    """Find what would keep :func:`read_columns` from its columns, without reading everyone's own file.

    Parameters
    ----------
    selected
        Labels whose own files are looked into first; as soon as an entry is found, no other file is opened.

    Raises
    ------
    BidsmlError
        As :func:`read_columns`.
    """
    listed = list(references)
    shared = [reference for reference in listed if not is_per_participant(parse_reference(reference).file or "")]
    read_columns(shared, participants, bids_dir=bids_dir, derivatives=derivatives)
    for file, columns in _columns_by_file(listed, participants, bids_dir=bids_dir).items():
        if is_per_participant(file):
            files = ParticipantFiles(file, bids_dir=bids_dir, derivatives=derivatives)
            files.require_names(columns, dict.fromkeys([*selected, *participants[ID]]))


def _columns_by_file(
    references: Iterable[str], participants: pd.DataFrame, *, bids_dir: Path
) -> dict[str, tuple[str, ...]]:
    """Columns to join by the file they come from; those of participants.tsv are there already."""
    origin: dict[str, str] = {}
    for reference in map(parse_reference, references):
        if reference.file in (None, PARTICIPANTS):
            _require_column(reference.column, participants.columns, file=bids_dir / PARTICIPANTS)
            continue
        assert reference.file is not None
        if reference.column in participants or origin.get(reference.column, reference.file) != reference.file:
            raise AnalysisFileError(
                f"two columns are named {reference.column!r}: one of them in {reference.file}",
                hint="rename one of the columns in its table",
            )
        origin[reference.column] = reference.file
    return {file: tuple(c for c, f in origin.items() if f == file) for file in dict.fromkeys(origin.values())}


def _require_column(column: str, known: Iterable[str], *, file: Path) -> None:
    names = list(known)
    if column not in names:
        raise AnalysisFileError(f"{file} has no column {column!r}", hint=near_names(column, names))


def _require_shared(table: Table) -> None:
    """One participant's file, read for everyone, would give all the same values."""
    if table.ids is None:
        raise AnalysisFileError(
            f"{table.path} is one participant's file, and the analysis names it for all participants",
            hint="write {participant} in place of the label, or name a table with a row per participant",
        )


def _join(path: Path, column: str, labels: pd.Series) -> list[str | None]:
    table = load_table(require_content(path), key=ID)
    _require_shared(table)
    _require_column(column, table.cells, file=path)
    matched = any(table.rows_of(label) for label in labels)
    if not matched and len(labels):
        raise DataError(
            f"no participant of {path} is known: it has {_some(table.ids or ())}; the dataset has {_some(labels)}",
            hint="labels are compared as text, with or without sub-; leading zeros count",
        )
    return [table.cell(column, label) for label in labels]


def _some(labels: Iterable[str]) -> str:
    listed = list(labels)
    return ", ".join(listed[:3]) + (" …" if len(listed) > 3 else "")


def check_features(
    feature: FeatureSpec, participants: Iterable[str], *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> None:
    """Check a table block that has one file per participant: each name or pattern occurs in somebody's file.

    Where all participants share a file, :func:`read_row` finds that out with the first of them.

    Parameters
    ----------
    participants
        Labels without ``sub-``, those of interest first; no more files are opened than needed.

    Raises
    ------
    AnalysisFileError
        ``columns`` or ``exclude`` has a name or pattern that is in nobody's file.
    MissingInputError
        Nobody has the file.
    """
    template = feature.file or PARTICIPANTS
    if is_per_participant(template):
        files = ParticipantFiles(template, bids_dir=bids_dir, derivatives=derivatives, key=feature.key)
        files.require_names((*feature.columns, *feature.exclude), tuple(participants), patterns=True)


def table_files(
    feature: FeatureSpec, participant_id: str, *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> tuple[Path, ...]:
    """Files that :func:`read_row` reads: what a node must hash."""
    if feature.kind == "questionnaire":
        return item_files(feature, bids_dir=bids_dir, derivatives=derivatives)
    file = feature.file or PARTICIPANTS
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
        Number by column, NaN where missing. Of a questionnaire, its items as they stand; of free text, whose content
        is for :func:`~bidsml.bids.items.read_texts` alone, nothing. Any other text column becomes indicators named
        ``column[level]``, one for each level of the whole table (with two levels: the last alone), NaN where the cell
        is missing.

    Raises
    ------
    MissingInputError
        The file is not there, the participant is not in it, or the participant's own file has none of the columns.
    AnalysisFileError
        The key column is not there, a pattern matches no column of a table of all participants, or no column with
        numbers is left; the table is one participant's, and named for all.
    DataError
        The participant has several rows that differ.
    """
    check_label(participant_id, what="a participant label")
    if feature.kind == "text":
        read_texts(feature, participant_id, bids_dir=bids_dir, derivatives=derivatives)
        return {}
    if feature.kind == "questionnaire":
        items = read_items(feature, participant_id, bids_dir=bids_dir, derivatives=derivatives, exclude=tuple(exclude))
        return dict(items.values)
    (path,) = table_files(feature, participant_id, bids_dir=bids_dir, derivatives=derivatives)
    require_content(path, what=f"the table of participant {participant_id},")
    encoded = encoded_table(
        path, key=feature.key, columns=feature.columns, exclude=feature.exclude, leave_out=tuple(exclude)
    )
    if not is_per_participant(feature.file or ""):
        _require_shared(encoded.table)
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
