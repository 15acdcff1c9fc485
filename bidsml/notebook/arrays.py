"""Arrays and data frames of a notebook, checked part by part: one row per participant, in one order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bidsml.errors import DataError, UsageError

TARGET = "target"
_TAKEN = (TARGET, "participant_id")
# Of numbers, more distinct ones than these are an outcome, not classes.
_MOST_CLASSES = 10


def read_features(X: ArrayLike | pd.DataFrame, participant_id: Sequence[Any] | None) -> pd.DataFrame:
    """Read features as a data frame of finite numbers or NaN, ``(n_participants, n_features)``, rows labelled.

    Raises
    ------
    UsageError
        There are not two dimensions, no feature, a cell that is no number, or two features of one name.
    DataError
        A feature is infinite.
    """
    frame = X.copy() if isinstance(X, pd.DataFrame) else _as_frame(X)
    frame.columns = pd.Index([str(column) for column in frame.columns])
    if not frame.shape[1]:
        raise UsageError(f"X has no features: its shape is {frame.shape}", hint="give one column per feature")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UsageError(f"X has more than one column {twice[0]!r}", hint="give each feature a name of its own")
    frame = pd.DataFrame({name: _as_numbers(cells) for name, cells in frame.items()}, index=frame.index)
    infinite = np.argwhere(np.isinf(frame.to_numpy()))
    if len(infinite):
        row, column = infinite[0]
        raise DataError(
            f"feature {frame.columns[column]!r} of row {frame.index[row]!r} of X is infinite",
            hint="correct it, or set it to NaN if it is unknown",
        )
    frame.index = pd.Index(_label_rows(frame, participant_id))
    return frame


def _as_frame(X: ArrayLike) -> pd.DataFrame:
    values = np.asarray(X)
    if values.ndim != 2:
        raise UsageError(
            f"X has the shape {values.shape}; expected are two dimensions, (n_participants, n_features)",
            hint="a single feature is X.reshape(-1, 1), a sparse matrix X.toarray()",
        )
    return pd.DataFrame(values, columns=[f"feature {number + 1}" for number in range(values.shape[1])])


def _as_numbers(cells: pd.Series) -> pd.Series:
    try:
        return cells.astype(float)
    except (TypeError, ValueError) as error:
        known = cells[cells.notna()]
        wrong = known[pd.to_numeric(known, errors="coerce").isna()]
        found = f": {wrong.iloc[0]!r} in row {wrong.index[0]!r}" if len(wrong) else ""
        raise UsageError(
            f"column {cells.name!r} of X is of type {cells.dtype}, not of numbers{found}",
            hint="turn it into numbers (pandas.get_dummies), leave it out, or give it as nuisance",
        ) from error


def _label_rows(frame: pd.DataFrame, participant_id: Sequence[Any] | None) -> list[str]:
    if participant_id is not None:
        if len(participant_id) != len(frame):
            raise UsageError(
                f"{len(participant_id)} participant_id for {len(frame)} rows of X", hint="give one label per row"
            )
        return [str(label) for label in participant_id]
    if _is_unlabelled(frame.index):
        return [f"{number + 1:04d}" for number in range(len(frame))]
    return [str(label) for label in frame.index]


def read_labels(y: ArrayLike) -> pd.Series:
    """Read labels or an outcome, ``(n_participants,)``, missing ones as pandas has them.

    Raises
    ------
    UsageError
        There is more than one dimension.
    """
    shape = np.shape(y)
    if len(shape) != 1:
        raise UsageError(
            f"y has the shape {shape}; expected is one dimension, (n_participants,)",
            hint="give one column of a data frame, or y.ravel() of a column",
        )
    cells = y.reset_index(drop=True) if isinstance(y, pd.Series) else pd.Series(np.asarray(y))
    return cells.infer_objects()


def guess_task(labels: pd.Series) -> str:
    """Take more than ten different numbers for an outcome, anything else for classes."""
    numeric = pd.api.types.is_numeric_dtype(labels) and not pd.api.types.is_bool_dtype(labels)
    return "regression" if numeric and labels.nunique() > _MOST_CLASSES else "classification"


def read_nuisance(nuisance: pd.DataFrame | pd.Series | None) -> dict[str, pd.Series]:
    """Read columns of no interest by name.

    Raises
    ------
    UsageError
        It is no data frame, or a name stands twice or is taken.
    """
    if nuisance is None:
        return {}
    named = isinstance(nuisance, pd.Series) and nuisance.name is not None
    frame = nuisance.to_frame() if isinstance(nuisance, pd.Series) and named else nuisance
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(
            f"nuisance is a {type(nuisance).__name__}; expected is a data frame, whose columns have names",
            hint='give pandas.DataFrame(nuisance, columns=["age", …])',
        )
    names = [str(name) for name in frame.columns]
    for number, name in enumerate(names):
        if name in _TAKEN or name in names[:number]:
            why = "is bidsml's own name for another column" if name in _TAKEN else "stands there twice"
            raise UsageError(f"nuisance has a column {name!r}, which {why}", hint="give it another name")
    return {name: cells for name, (_, cells) in zip(names, frame.items(), strict=True)}


def check_rows(X: ArrayLike | pd.DataFrame, parts: Mapping[str, Any], *, n: int) -> None:
    """Check that every part has the ``n`` rows of X, and in its order where both are labelled.

    Raises
    ------
    UsageError
        A part is longer or shorter, or its index has the labels of X's in another order, or others.
    """
    lengths = {"X": n} | {name: len(part) for name, part in parts.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"the parts differ in their rows: {lengths}", hint="give one row per participant in each")
    if not isinstance(X, pd.DataFrame):
        return
    for name, part in parts.items():
        if isinstance(part, pd.Series | pd.DataFrame) and not _fits(part.index, X.index):
            row = next(row for row in range(n) if part.index[row] != X.index[row])
            raise UsageError(
                f"row {row} is labelled {part.index[row]!r} in {name} and {X.index[row]!r} in X",
                hint=f"bring them into one order, {name}.loc[X.index]; if they are in one already, {name}.to_numpy()",
            )


def _fits(mine: pd.Index, other: pd.Index) -> bool:
    if mine.equals(other):
        return True
    # An index that merely counts says nothing of whose row it is, unless it counts the other's rows in another order.
    unlabelled = _is_unlabelled(mine) or _is_unlabelled(other)
    return unlabelled and set(mine) != set(other)


def _is_unlabelled(index: pd.Index) -> bool:
    return bool(index.equals(pd.RangeIndex(len(index))))


def as_text(values: Any) -> list[str | None]:
    """Cells as the participants table has them: numbers in full, nothing where nothing is."""
    cells = pd.Series(np.asarray(values))
    return [None if missing else as_cell(cell) for cell, missing in zip(cells.tolist(), cells.isna(), strict=True)]


def as_cell(value: Any) -> str:
    """One cell as text."""
    return repr(value) if isinstance(value, float) else str(value)


def name_class(value: Any, labels: pd.Series) -> str:
    """Text of the label that equals ``value``: ``1`` is the label 1.0 too."""
    equal = [label for label in labels.dropna().tolist() if label == value]
    return as_cell(equal[0]) if equal else str(value)
