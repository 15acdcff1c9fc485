"""Failures in words: the cause, what to do, and the command that repeats it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bidsml.records import Failure
from bidsml.report.blocks import Block, Cell, Link, Paragraph, Table

_PLACEHOLDERS = (
    "Words in capitals stand for your own folders: BIDS_DIR, OUTPUT_DIR and WORK_DIR, and one for each folder given "
    "with --derivatives. With the same work folder, what is finished already is not computed again."
)
_LABEL = "--participant-label"


@dataclass(frozen=True)
class Command(Block):
    """A command line, word by word, under what it does."""

    kind: ClassVar[str] = "command"
    caption: str
    words: tuple[str, ...]


def show_failures(failures: Sequence[Failure], *, name: str) -> tuple[Block, ...]:
    """List failures, one a row, and the commands that repeat them; ``name`` is the stem of the table's file."""
    hints = any(one.hint for one in failures)
    columns = ("What", "Analysis", "Cause", *(("What to do",) if hints else ()))
    rows = tuple((_what(one), one.analysis, one.reason, *((one.hint or "n/a",) if hints else ())) for one in failures)
    table = Table("What failed", columns, rows, text_columns=len(columns), name=name)
    return (table, *show_commands(failures))


def _what(failure: Failure) -> Cell:
    return Link(failure.what, failure.page) if failure.page else failure.what


def show_commands(failures: Sequence[Failure]) -> tuple[Block, ...]:
    """Write the commands that repeat failures, those that differ in the participant alone as one."""
    labels: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for one in failures:
        if one.command:
            before, label, after = _split(one.command)
            labels.setdefault((before, after), []).extend(label)
    commands = [
        Command("To repeat", tuple(shlex.quote(word) for word in (*before, *found, *after)))
        for (before, after), found in labels.items()
    ]
    return (*commands, Paragraph(_PLACEHOLDERS)) if commands else ()


def _split(command: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Part a command of one participant before and after the label."""
    words = tuple(command)
    if _LABEL not in words:
        return words, (), ()
    place = words.index(_LABEL) + 1
    return words[:place], words[place : place + 1], words[place + 1 :]
