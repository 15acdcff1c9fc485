"""The participants table, as text."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from bidsml.bids.names import check_label
from bidsml.bids.textfiles import read_cells
from bidsml.errors import DataError, NothingSelectedError, near_names

ID = "participant_id"


@dataclass(frozen=True)
class Reconciliation:
    """Where the participants table and the folders disagree: labels without ``sub-``, sorted."""

    only_in_table: tuple[str, ...]
    only_in_folders: tuple[str, ...]

    @property
    def message(self) -> str:
        """One line per side that has something the other lacks; empty when they agree."""
        lines = []
        if self.only_in_table:
            lines.append(f"in participants.tsv without a folder: {_shortened(self.only_in_table)}")
        if self.only_in_folders:
            lines.append(f"with a folder but not in participants.tsv: {_shortened(self.only_in_folders)}")
        return "\n".join(lines)


def _shortened(labels: tuple[str, ...], limit: int = 10) -> str:
    rest = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(labels[:limit]) + rest


def read_participants(bids_dir: Path) -> pd.DataFrame:
    """Read the participants table of a dataset.

    Returns
    -------
    pandas.DataFrame
        Sorted by ``participant_id`` (text without ``sub-``, so that "007" stays "007"), which comes first. All cells
        are text; missing ones are ``None``. Without a participants.tsv, the labels of the ``sub-*`` folders.

    Raises
    ------
    DataError
        The table is not UTF-8 or not rectangular, has no ``participant_id``, a row without one, an impossible label,
        or two rows for one participant.
    """
    path = bids_dir / "participants.tsv"
    if not path.exists() and not path.is_symlink():
        return pd.DataFrame({ID: pd.Series(participant_folders(bids_dir), dtype=object)})
    # The content behind a link may be missing, which reading tells with what to do.
    status = path.stat() if path.exists() else path.lstat()
    return _read_table(path, (status.st_size, status.st_mtime_ns)).copy()


@lru_cache(maxsize=4)
def _read_table(path: Path, _version: tuple[int, int]) -> pd.DataFrame:
    """Read a table once: a job asks several times who there is, and there may be tens of thousands."""
    table = read_cells(path)
    if ID not in table:
        raise DataError(f"{path} has no column {ID!r}", hint=near_names(ID, table.columns))
    if table[ID].isna().any():
        row = int(table[ID].isna().to_numpy().argmax()) + 2
        raise DataError(f"{path}: row {row} has no {ID}", hint="fill it in or delete the row")
    labels = [check_label(value.removeprefix("sub-"), what=f"{path}: {ID}") for value in table[ID]]
    twice = sorted({label for label in labels if labels.count(label) > 1}) if len(set(labels)) < len(labels) else []
    if twice:
        raise DataError(
            f"{path} has more than one row for: {', '.join(twice)}",
            hint="one row per participant; what changes between sessions belongs in sessions.tsv or phenotype/",
        )
    table[ID] = pd.Series(labels, dtype=object)
    first = [ID, *(name for name in table.columns if name != ID)]
    return table[first].sort_values(ID, ignore_index=True)


def participant_folders(folder: Path) -> tuple[str, ...]:
    """Labels of the ``sub-*`` folders directly in ``folder``, sorted as text; none where there is no such folder."""
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if entry.name.startswith("sub-") and entry.is_dir()]
    return tuple(sorted(name.removeprefix("sub-") for name in found))


def known_participants(bids_dir: Path) -> set[str]:
    """Labels of everybody who is in the participants table or has a folder."""
    return set(read_participants(bids_dir)[ID]) | set(participant_folders(bids_dir))


def require_participants(
    labels: Iterable[str], *, known: Collection[str], bids_dir: Path, folders: Iterable[Path]
) -> None:
    """Check that the labels given with ``--participant-label`` are somebody's.

    Parameters
    ----------
    known
        From :func:`known_participants`.
    folders
        Datasets where a folder makes a participant known as well.

    Raises
    ------
    NothingSelectedError
        Some of them are nobody's.
    """
    roots = tuple(folders)
    unknown = [a for a in labels if a not in known and not any((root / f"sub-{a}").is_dir() for root in roots)]
    if unknown:
        raise NothingSelectedError(
            f"--participant-label: {bids_dir} has no participant {', '.join(unknown)}",
            hint=near_names(unknown[0], known)
            if len(known) < 50
            else "labels are compared as text; leading zeros count",
        )


def reconcile(table: pd.DataFrame, folders: Iterable[str]) -> Reconciliation:
    """Compare the participants of a table (see :func:`read_participants`) with the labels of folders."""
    listed, present = set(table[ID]), set(folders)
    return Reconciliation(tuple(sorted(listed - present)), tuple(sorted(present - listed)))
