"""See what a function reaches for beside what it is given: files, other programs, the network, pickles."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

_REFUSED = {
    "pickle.find_class": "reads a pickle",
    "socket.connect": "connects to the network",
    "socket.getaddrinfo": "asks for an address in the network",
    "subprocess.Popen": "starts another program",
    "os.system": "starts another program",
    "os.remove": "deletes a file",
    "os.rename": "renames a file",
    "shutil.rmtree": "deletes a folder",
}
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/")

_seen: ContextVar[list[str] | None] = ContextVar("_seen", default=None)


@contextmanager
def watch() -> Iterator[list[str]]:
    """Collect what happens inside that a measure of one person has no business with, in words.

    Reading what is installed (a package's own data too) is none of it.
    """
    _install()
    found: list[str] = []
    _places.cache_clear()
    token = _seen.set(found)
    try:
        yield found
    finally:
        _seen.reset(token)
        found[:] = dict.fromkeys(found)


@cache
def _install() -> None:
    """Add the hook to Python's audit events, once: a hook stays as long as the process."""
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    found = _seen.get()
    if found is None:
        return
    if event in _REFUSED:
        what = next((str(one) for one in arguments if isinstance(one, str | os.PathLike)), "")
        found.append(f"{_REFUSED[event]} ({what})" if what else _REFUSED[event])
    elif event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = os.path.abspath(os.fspath(arguments[0]))
        writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if path.startswith(_SYSTEM) or (path.startswith(_places()) and (path.endswith(".pyc") or not writes)):
            return
        found.append(f"{'writes' if writes else 'reads'} the file {path}")


@cache
def _places() -> tuple[str, ...]:
    """Folders of what is installed."""
    folders = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    folders |= {path for path in sys.path if path and os.path.abspath(path) != os.getcwd()}
    return tuple(os.path.abspath(folder) + os.sep for folder in folders)
