"""Failures in words: the cause, what to do, and the command that repeats it."""

import shlex
from collections.abc import Sequence

from bidsml.records import Failure
from bidsml.report.blocks import Table

PLACEHOLDERS = (
    "Words in capitals stand for your own folders: BIDS_DIR, OUTPUT_DIR and WORK_DIR, and one for each folder given "
    "with --derivatives. With the same work folder, what is finished already is not computed again."
)


def say_command(failure: Failure) -> str:
    """Write the command that repeats it, as a shell takes it."""
    return shlex.join(failure.command)


def failures_table(failures: Sequence[Failure], *, name: str) -> Table:
    """List failures, one a row; ``name`` is the stem of the file that the table can be saved to."""
    columns = ("What", "Analysis", "Cause", "What to do", "To repeat")
    rows = [(one.what, one.analysis, one.reason, one.hint, say_command(one)) for one in failures]
    told = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    shown = tuple(tuple(row[index] or "n/a" for index in told) for row in rows)
    return Table("What failed", tuple(columns[index] for index in told), shown, text_columns=len(told), name=name)
