"""The events of one task run, checked."""

from pathlib import Path

import numpy as np
import pandas as pd

from bidsml.errors import DataError, MissingInputError, near_names

COLUMNS = ("onset", "duration", "trial_type")


def read_events(path: Path, *, scan_s: float) -> pd.DataFrame:
    """Read the events of one run.

    Rows whose ``trial_type`` is ``n/a`` are left out: they belong to no condition.

    Parameters
    ----------
    scan_s
        How long the run is, in s.

    Returns
    -------
    DataFrame
        ``onset`` and ``duration`` in s, ``trial_type``; in order of onset.

    Raises
    ------
    MissingInputError
        The file is not there.
    DataError
        A column is absent, a cell is no number, an event lies outside the run, or no event is left.
    """
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingInputError(f"{path} is not there", hint="restore the events of this run") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path} is not a readable UTF-8 table: {error}", hint="mend the file") from error
    for name in COLUMNS:
        if name not in table:
            raise DataError(
                f"{path} has no column {name!r}",
                hint=near_names(name, table.columns) + "; events.tsv of a task needs onset, duration and trial_type",
            )
    kept = table[~table["trial_type"].str.strip().isin(["", "n/a"])]
    if kept.empty:
        raise DataError(f"{path} has no event with a trial_type", hint="a contrast needs conditions")
    events = pd.DataFrame(
        {
            "onset": _numbers(kept["onset"], path=path),
            "duration": _numbers(kept["duration"], path=path),
            "trial_type": kept["trial_type"].str.strip(),
        }
    )
    _check_times(events, path=path, scan_s=scan_s)
    return events.sort_values("onset", kind="stable", ignore_index=True)


def _numbers(column: pd.Series, *, path: Path) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    broken = ~np.isfinite(values)
    if broken.any():
        row = int(column.index[broken][0])
        raise DataError(
            f"{path}:{row + 2}: {column.name} must be a number of seconds, found {column.loc[row]!r}",
            hint="mend the line, or set its trial_type to n/a to leave it out",
        )
    return values


def _check_times(events: pd.DataFrame, *, path: Path, scan_s: float) -> None:
    if (events["duration"] < 0).any():
        row = int(events.index[events["duration"] < 0][0])
        raise DataError(f"{path}:{row + 2}: the duration is negative", hint="durations are in seconds, 0 or more")
    late = events["onset"] >= scan_s
    if late.any():
        row = int(events.index[late][0])
        raise DataError(
            f"{path}:{row + 2}: onset {events.loc[row, 'onset']:g} s lies beyond the end of the run ({scan_s:g} s)",
            hint="onsets are in seconds (not milliseconds or volumes) after the first volume; is this the right run?",
        )
    ends = events["onset"] + events["duration"]
    if (ends < 0).any():
        row = int(events.index[ends < 0][0])
        raise DataError(f"{path}:{row + 2}: the event ends before the run begins", hint="mend or remove the line")
