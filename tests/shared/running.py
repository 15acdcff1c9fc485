"""The real command as a process of its own: watched, stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import place
from place import Ran, digests

LIMIT_S = 400  # a command that takes longer hangs: the slowest takes 60 s on a busy machine


class Running:
    """A command under way, in a session of its own."""

    def __init__(self, words: list[str]) -> None:
        # A shell's background jobs ignore Ctrl-C, and so does what they start; with a handler here, it doesn't.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bidsml", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)

    def wait(self) -> Ran:
        text, _ = self.process.communicate(timeout=LIMIT_S)
        return Ran(self.process.returncode, text)

    def send(self, number: signal.Signals) -> None:
        """To the whole group, as a terminal does with Ctrl-C."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill -9 of the command alone; its workers have to notice by themselves."""
        self.process.kill()
        self.process.communicate(timeout=LIMIT_S)

    def workers(self) -> list[int]:
        """Processes of this session beside the command itself."""
        return [pid for pid in session_of(self.process.pid) if pid != self.process.pid]

    def busy_worker(self) -> int | None:
        """A process that is in a node's folder: one that runs a node."""
        for pid in self.workers():
            try:
                folder = os.readlink(f"/proc/{pid}/cwd")
            except OSError:  # gone meanwhile
                continue
            if "/participant_demo/" in folder:
                return pid
        return None

    def wait_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "what was waited for never came"
            time.sleep(0.005)

    def nobody_left(self, within_s: float = 10) -> bool:
        """Whether every process of the session ends soon after the command."""
        deadline = time.monotonic() + within_s
        while session_of(self.process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not session_of(self.process.pid)


def session_of(leader: int) -> list[int]:
    """Living processes of a session, by its leader; it may be gone."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@dataclass(frozen=True)
class Place(place.Place):
    """A place where every command is a process of its own."""

    def start(self, level: str, *more: str, nprocs: int = 1) -> Running:
        return Running(self.words(level, *more, "--nprocs", str(nprocs)))

    def run(self, level: str, *more: str, nprocs: int = 1) -> Ran:
        return self.start(level, *more, nprocs=nprocs).wait()

    @property
    def tree(self) -> dict[str, str]:
        """Digest of every file of the output that must not depend on time, place or luck."""
        found = digests(self.output, without=("logs",))
        return {name: digest for name, digest in found.items() if not name.endswith("/run.json")}


def says(ran: Ran, code: int, *words: str) -> None:
    """Check that a fault is told in the exit code and in words, never as a traceback."""
    assert ran.code == code, ran.text
    assert [word for word in words if word not in ran.text] == [], ran.text
    assert "Traceback" not in ran.text, ran.text
