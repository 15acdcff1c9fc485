"""The law of fuzzing: whatever a file holds, it is read, or refused in words; never slowly, never with much memory."""

import logging
import os
import resource
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import settings

from bidsml.errors import BidsmlError

FACTOR = int(os.environ.get("BIDSML_FUZZ", "1"))
"""How many times as many examples; above 1 they are drawn anew each time (``BIDSML_FUZZ=50 pytest tests/fuzz``)."""

SECONDS = 60
# Real time on a machine that others use too; alone, an example takes milliseconds.
MEGABYTES = 200
TIMES_THE_FILE = 10


class Hang(BaseException):
    """An example did not end. Not an Exception: no ``except Exception`` may swallow it."""


def fuzz(examples: int) -> Callable[[Any], Any]:
    """Decorate a ``@given`` test with the profile of tests/fuzz/conftest.py and a number of examples."""
    return settings(settings.get_profile("fuzz" if FACTOR == 1 else "fuzz-deep"), max_examples=examples * FACTOR)


def lawful(read: Callable[[], Any], *, size: int = 0) -> Any:
    """Call ``read`` under the law; give back what was read, or the BidsmlError.

    Parameters
    ----------
    size
        Bytes of the input.

    Raises
    ------
    AssertionError
        The error says nothing, or not what to do.
    Hang
        It took too long.
    Exception
        What should not have come out of ``read``: a MemoryError where it wanted more than its share.
    """
    try:
        with _limits(size):
            return read()
    except BidsmlError as error:
        assert error.message.strip() and error.hint.strip(), f"no word on what to do: {error!r}"
        assert "Traceback" not in str(error), str(error)
        return error


def lawful_file(read: Callable[[Path], Any], path: Path) -> Any:
    """Call ``read`` with a file, as :func:`lawful`; an error must name the file."""
    found = lawful(lambda: read(path), size=path.stat().st_size)
    if isinstance(found, BidsmlError):
        assert path.name in found.message, f"the file is not named: {found}"
    return found


@contextmanager
def _limits(size: int) -> Iterator[None]:
    """Limit time and address space; warnings of what broken numbers lead to are not looked at."""
    assert threading.current_thread() is threading.main_thread(), "alarms reach the main thread only"
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    allowed = pages * resource.getpagesize() + (MEGABYTES << 20) + TIMES_THE_FILE * size
    previous = signal.signal(signal.SIGALRM, _stop)
    level = logging.root.manager.disable
    try:
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
        logging.disable(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        logging.disable(level)


def _stop(*_: Any) -> None:
    raise Hang(f"no end after {SECONDS} s")


def entries(content: Any) -> list[tuple[Any, Any]]:
    """Every entry of a JSON value at any depth, as the object or list that holds it and its key there."""
    found, todo = [], [content]
    while todo:
        holder = todo.pop()
        for key, inner in holder.items() if isinstance(holder, dict) else enumerate(holder):
            found.append((holder, key))
            if isinstance(inner, dict | list):
                todo.append(inner)
    return found


def write_file(path: Path, content: bytes) -> Path:
    """Write an example, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
