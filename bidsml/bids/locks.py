"""One job at a time on one participant: locks that name their holder, and that a dead holder leaves to others.

A lock is a file ``<name>.lock`` that says who holds it. Only while such files are looked through and made is a lock of
the file system held, for milliseconds: file systems of clusters keep those badly, thousands of them would be more
than a process may have open, and they can't tell who holds them.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from errno import ENOLCK, EOPNOTSUPP
from pathlib import Path
from tempfile import mkstemp

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from bidsml.bids.processes import is_running, started_at, this_place
from bidsml.bids.store import disk_error, write_json
from bidsml.errors import InterruptedRunError

HEARTBEAT_S = 30.0
STALE_S = 15 * 60.0
"""How long a holder on another machine may give no sign of life: a registration keeps its interpreter for minutes."""
_GUARD_S = 60.0


@dataclass(frozen=True)
class Owner:
    """Who holds a lock.

    Attributes
    ----------
    place
        See :func:`bidsml.bids.processes.this_place`.
    started
        See :func:`bidsml.bids.processes.started_at`.
    claim
        File beside the lock that its holder touches every half minute.
    """

    host: str
    place: str
    pid: int
    started: str
    since: str
    claim: str


_OWNER = TypeAdapter(Owner)


@contextmanager
def hold_locks(folder: Path, names: Sequence[str], *, what: str) -> Iterator[None]:
    """Hold a lock for each name while the block runs.

    Parameters
    ----------
    folder
        Where the lock files lie; made where it is not there.
    what
        What is locked, for the message: ``the output folder /data/out``.

    Raises
    ------
    InterruptedRunError
        Another job holds one of them; the message names its host and process. None is held then.
    DiskError
        Lock files cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = _make_claim(folder)
    except OSError as error:
        raise disk_error(error, folder / "lock", needed="some hundred bytes are needed") from error
    stop = threading.Event()
    beat = threading.Thread(target=_touch_until, args=(claim, stop), daemon=True)
    beat.start()
    try:
        with _guard(folder, what):
            _require_free(folder, names, claim, what=what)
            for name in names:
                _place(folder / f"{name}.lock", claim)
        yield
    finally:
        stop.set()
        beat.join()
        for name in names:
            path = folder / f"{name}.lock"
            if _read(path) == _read(claim):
                path.unlink(missing_ok=True)
        claim.unlink(missing_ok=True)


def _make_claim(folder: Path) -> Path:
    descriptor, name = mkstemp(dir=folder, prefix="job-", suffix=".claim")
    os.close(descriptor)
    owner = Owner(
        host=socket.gethostname(),
        place=this_place(),
        pid=os.getpid(),
        started=started_at(os.getpid()),
        since=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        claim=Path(name).name,
    )
    return write_json(Path(name), asdict(owner))


def _touch_until(claim: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        with suppress(OSError):  # A file server that is away for a while: the next beat may reach it.
            os.utime(claim)


@contextmanager
def _guard(folder: Path, what: str) -> Iterator[None]:
    lock: BaseFileLock = FileLock(folder / ".guard", timeout=_GUARD_S)
    try:
        try:
            lock.acquire()
        except OSError as error:
            if error.errno not in (ENOLCK, EOPNOTSUPP):
                raise
            lock = SoftFileLock(folder / ".guard-file", timeout=_GUARD_S)
            lock.acquire()
    except Timeout as error:
        raise InterruptedRunError(
            f"{what} could not be locked in {_GUARD_S:.0f} s: {lock.lock_file} is held", hint="run the command again"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _require_free(folder: Path, names: Sequence[str], claim: Path, *, what: str) -> None:
    """Raise where a living job holds one of the locks; take away those of the dead."""
    os.utime(claim)  # By the clock of the file server, whose times are compared.
    for name in names:
        path = folder / f"{name}.lock"
        owner = _read(path)
        if owner is not None and _is_alive(owner, folder, now=claim.stat().st_mtime):
            raise InterruptedRunError(
                f"another job is at work on {name} in {what}: process {owner.pid} on host {owner.host}, "
                f"since {owner.since}",
                hint="wait for it or stop it, then run the same command again; the lock of a job that is gone is "
                f"taken over, from another machine {STALE_S / 60:.0f} minutes after its last sign of life",
            )
        path.unlink(missing_ok=True)
        if owner is not None:
            (folder / owner.claim).unlink(missing_ok=True)


def _place(path: Path, claim: Path) -> None:
    try:
        os.link(claim, path)
    except OSError:  # A file system without hard links.
        write_json(path, json.loads(claim.read_text(encoding="utf-8")))


def _read(path: Path) -> Owner | None:
    """Read who holds a lock; ``None`` where nobody does, or where the file says nothing."""
    try:
        owner = _OWNER.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return owner if Path(owner.claim).name == owner.claim else None


def _is_alive(owner: Owner, folder: Path, *, now: float) -> bool:
    if owner.place == this_place():
        return is_running(owner.pid) and started_at(owner.pid) == owner.started
    try:
        return now - (folder / owner.claim).stat().st_mtime < STALE_S
    except FileNotFoundError:
        return False
