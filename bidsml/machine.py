"""What a run may use of this machine: memory that is free, and not more than a container or a cluster job is given.

Docker, Kubernetes and SLURM limit memory by control groups, of which ``free`` and ``sysconf`` know nothing: who plans
by the machine's memory is killed. See "Control Group v2" and "Memory Resource Controller" in the kernel's
documentation.
"""

from collections.abc import Iterator
from pathlib import Path

_KIB = 1024
# Limit, use, and the part of the use that the kernel gives back when it is needed, for both layouts of control groups.
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = ("memory.max", "memory.current", "inactive_file")


def free_memory_gb(root: Path = Path("/")) -> float:
    """Memory that this process may still take, in GB (1e9 bytes).

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` are; another folder for tests.

    Returns
    -------
    float
        What the kernel calls available, or what is left of the tightest limit of a control group that this process
        is in, whichever is less.
    """
    return min(_available(root), *_left_in_groups(root)) / 1e9


def _available(root: Path) -> int:
    """Bytes that new processes can have without swapping: more than what is free, since caches make room."""
    for line in (root / "proc" / "meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * _KIB
    raise OSError(f"{root / 'proc' / 'meminfo'} has no MemAvailable: a kernel older than 3.14")


def _left_in_groups(root: Path) -> Iterator[float]:
    """Bytes left of the limit of each control group; infinite where there is none."""
    yield float("inf")
    path = root / "proc" / "self" / "cgroup"
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        _, controllers, group = line.split(":", 2)
        mount = root / "sys" / "fs" / "cgroup"
        if not controllers:
            yield from _walk(mount, group, _V2)
        elif "memory" in controllers.split(","):
            yield from _walk(mount / "memory", group, _V1)


def _walk(mount: Path, group: str, names: tuple[str, str, str]) -> Iterator[float]:
    """Go up from a group to the mount: every level limits. A container often sees only the top one."""
    folder = mount / group.strip("/")
    for level in (folder, *folder.parents):
        if not level.is_relative_to(mount):
            return
        limit = level / names[0]
        if limit.is_file() and (text := limit.read_text(encoding="ascii").strip()) != "max":
            yield max(0.0, int(text) - _in_use(level, names))


def _in_use(level: Path, names: tuple[str, str, str]) -> int:
    used = int((level / names[1]).read_text(encoding="ascii"))
    for line in (level / "memory.stat").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name == names[2]:
            return used - int(value)
    return used
