"""Which process wrote something, and whether it is still there."""

import hashlib
import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path


@cache
def this_place() -> str:
    """Name host, start of the machine and process namespace: where two agree, process numbers mean the same."""
    parts = [platform.node()]
    with suppress(OSError):  # elsewhere than on Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


@cache
def place_token() -> str:
    """Shorten :func:`this_place` to what a file name can carry."""
    return hashlib.sha256(this_place().encode()).hexdigest()[:8]


def is_running(pid: int) -> bool:
    """Whether there is such a process here."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return True


def started_at(pid: int) -> str:
    """When a process began, in the kernel's ticks: a number used again is another process. Empty where unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]  # field 22; the second, the name, may hold anything
