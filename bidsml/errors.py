"""The error tree: every failure bidsml can explain, with its exit code.

    BidsmlError
    ├── UsageError            64  the command line is wrong
    ├── UnknownLevelError     17  the analysis level is neither participant nor group
    ├── ValidationError       16  the input dataset is not valid BIDS
    ├── NothingSelectedError  18  the filters selected no file
    ├── DataError             65  a file's content is wrong
    ├── MissingInputError     66  a file that is needed is not there
    ├── OutputError           73  the output cannot be created
    ├── DiskError             74  reading or writing failed, disk full
    ├── InterruptedRunError   75  stopped from outside; run again to resume
    ├── AnalysisFileError     78  analysis.toml is wrong
    └── PartialFailureError    1  some participants failed, the others are finished

Anything else that escapes is a bug in bidsml and exits with 70.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

EXIT_OK = 0
EXIT_BUG = 70
EXIT_CTRL_C = 130


# Controls but line ends and tabs, marks that turn the direction of text, bytes of file names that are no text.
_UNSEEN = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


class BidsmlError(Exception):
    """A failure with a cause the user can act on.

    Parameters
    ----------
    message
        What was expected, what was found, and where (file, participant, line).
    hint
        What to do about it.
    """

    exit_code = EXIT_BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        # A message quotes what files hold; shown as it is, that could move a terminal's cursor, or hide its end.
        message, hint = (_UNSEEN.sub(_spell, text) for text in (message, hint))
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Workers hand errors back pickled; a keyword-only argument is lost without this.
        return (_rebuild, (type(self), self.message, self.hint))


def _spell(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode("ascii")


def _rebuild(kind: type[BidsmlError], message: str, hint: str) -> BidsmlError:
    return kind(message, hint=hint)


class PartialFailureError(BidsmlError):
    """Some participants failed or are missing; the others are finished."""

    exit_code = 1


class ValidationError(BidsmlError):
    """The input dataset is not valid BIDS."""

    exit_code = 16


class UnknownLevelError(BidsmlError):
    """The analysis level is neither ``participant`` nor ``group``."""

    exit_code = 17


class NothingSelectedError(BidsmlError):
    """The selection options matched no input."""

    exit_code = 18


class UsageError(BidsmlError):
    """The command line cannot be understood."""

    exit_code = 64


class DataError(BidsmlError):
    """The content of an input file is wrong."""

    exit_code = 65


class MissingInputError(BidsmlError):
    """A file that is needed is not there."""

    exit_code = 66


class PluginError(BidsmlError):
    """A package that extends bidsml cannot be used, or two offer the same name."""

    exit_code = 69


class OutputError(BidsmlError):
    """The output or work folder cannot be created or written."""

    exit_code = 73


class DiskError(BidsmlError):
    """Reading or writing failed, for example because the disk is full."""

    exit_code = 74


class InterruptedRunError(BidsmlError):
    """The run was stopped from outside; run it again to resume."""

    exit_code = 75


class AnalysisFileError(BidsmlError):
    """The analysis file is wrong, or asks for something that cannot work."""

    exit_code = 78


def near_names(found: str, known: Iterable[str]) -> str:
    """Say which known names are close to ``found``, or list them all when none is.

    Returns
    -------
    str
        For example ``"did you mean 'atlas'?"``, or ``"known: a, b, c"``.

    Examples
    --------
    >>> near_names("altas", ["atlas", "measure"])
    "did you mean 'atlas'?"
    >>> near_names("xyz", ["atlas", "measure"])
    'known: atlas, measure'
    """
    names = sorted(str(name) for name in known)
    begun = [name for name in names if len(found.strip("-")) > 2 and name.startswith(found)]
    close = begun[:3] or get_close_matches(found, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    return "known: " + ", ".join(names)
