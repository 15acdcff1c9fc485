"""Stopped from outside: the exit code says so, no process is left behind, and the next run goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Enough draws that no machine finishes them before the signal comes.
LONG = ("--set", "inference.permutations=1000000", "--set", "cv.outer.repeats=1")


def session_members(session: int) -> list[int]:
    """Processes of a session that still run (zombies don't)."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, number = fields[0], int(fields[3])
        if number == session and state != "Z":
            members.append(int(stat.parent.name))
    return members


def wait_until(condition, *, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def start(published):
    """Start the group level in a session of its own; whatever is left of it is killed afterwards."""
    started = []

    def run(nprocs: int) -> subprocess.Popen:
        words = published.words("group", *LONG)
        words[words.index("--nprocs") + 1] = str(nprocs)
        # A shell's background jobs ignore Ctrl-C, and so does what they start; with a handler here, it doesn't.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            [sys.executable, "-m", "bidsml", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)
        started.append(process)
        permuting = published.work / "group_demo"
        assert wait_until(lambda: list(permuting.glob("permute_*/_0x*_unfinished.json")), seconds=90)
        return process

    yield run
    for process in started:
        for member in session_members(process.pid):
            os.kill(member, signal.SIGKILL)
        process.communicate()


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc to find processes")


@needs_proc
@pytest.mark.parametrize(
    ("sent", "code", "nprocs"),
    [
        pytest.param(signal.SIGTERM, 75, 2, id="SIGTERM-MultiProc"),
        pytest.param(signal.SIGINT, 130, 1, id="Ctrl-C-Linear"),
        pytest.param(signal.SIGTERM, 75, 1, id="SIGTERM-Linear", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 130, 2, id="Ctrl-C-MultiProc", marks=pytest.mark.slow),
    ],
)
def test_stopped(start, published, sent, code, nprocs):
    process = start(nprocs)
    began = time.monotonic()
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)  # Ctrl-C reaches every process of the terminal's group
    else:
        process.send_signal(sent)
    text, _ = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == code, text
    assert "run the same command again" in text
    assert "Traceback" not in text, text
    assert wait_until(lambda: not session_members(process.pid), seconds=5), "workers are left behind"
    # The result of the earlier run stays.
    assert (published.output / "group-demo.html").is_file()
