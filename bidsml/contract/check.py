"""One check, and how many are run."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass


class BrokenContractError(Exception):
    """A check found something else than it must; the message says what."""


@dataclass(frozen=True)
class Check:
    """What one check came to; ``found`` says what was found, or why it failed."""

    name: str
    passed: bool
    found: str


def run_checks(checks: Mapping[str, Callable[[], str]], *, of: str = "") -> list[Check]:
    """Run checks by name; each returns what it found, and one that raises has failed.

    Parameters
    ----------
    of
        What is checked, for the names, as in ``from signals: deterministic``.
    """
    done = []
    for name, check in checks.items():
        full = f"{of}: {name}" if of else name
        try:
            done.append(Check(full, True, check()))
        except BrokenContractError as broken:
            done.append(Check(full, False, str(broken)))
        except Exception as error:
            # Whatever other people's code raises is what the check has found.
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}, line {where.lineno}"
            done.append(Check(full, False, f"{type(error).__name__}: {error} ({place})"))
    return done


def require(condition: object, message: str) -> None:
    """Fail the check with a message unless a condition holds."""
    if not condition:
        raise BrokenContractError(message)
