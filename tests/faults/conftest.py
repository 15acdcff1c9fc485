"""The real command on a tiny simulated dataset: started as a process of its own, watched, stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bidsml.bids.store import sha256_file
from bidsml.simulate import CohortDesign, simulate_cohort

ONE = ("--participant-label", "01")
LIMIT_S = 300  # a command that takes longer hangs: the slowest takes 40 s on a busy machine


@dataclass(frozen=True)
class Finished:
    """What a command left behind for its caller."""

    code: int
    text: str
    """Standard output and standard error."""


class Running:
    """A command under way, in a process group of its own."""

    def __init__(self, words: list[str], **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bidsml", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )

    def wait(self) -> Finished:
        text, _ = self.process.communicate(timeout=LIMIT_S)
        return Finished(self.process.returncode, text)

    def send(self, number: signal.Signals) -> None:
        """To the whole group, as a terminal does with Ctrl-C."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill -9 of the command alone; its workers have to notice by themselves."""
        self.process.kill()
        self.process.communicate(timeout=LIMIT_S)

    def workers(self) -> list[int]:
        """Processes of this group beside the command itself, finished ones apart."""
        return [pid for pid in group_of(self.process.pid) if pid != self.process.pid]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "what was waited for never came"
            time.sleep(0.01)


def group_of(leader: int) -> list[int]:
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


@pytest.fixture(scope="session")
def nobody_left() -> Callable[[int], bool]:
    """Tell whether every process of a session ends soon after its leader."""
    return _nobody_left


def _nobody_left(leader: int, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while group_of(leader) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not group_of(leader)


@dataclass(frozen=True)
class Place:
    """A dataset with an output and a work folder."""

    dataset: Path
    output: Path
    work: Path

    def words(self, level: str, *more: str, nprocs: int = 1) -> list[str]:
        words = [str(self.dataset), str(self.output), level, "--work-dir", str(self.work), "--nprocs", str(nprocs)]
        words += ["--analysis", "demo"]
        for name in ("fmriprep", "atlas"):
            words += ["--derivatives", f"{name}={self.dataset / 'derivatives' / name}"]
        return [*words, *more]

    def start(self, level: str, *more: str, nprocs: int = 1, **environment: str) -> Running:
        return Running(self.words(level, *more, nprocs=nprocs), **environment)

    def run(self, level: str, *more: str, nprocs: int = 1, **environment: str) -> Finished:
        return self.start(level, *more, nprocs=nprocs, **environment).wait()

    @property
    def tree(self) -> dict[str, str]:
        """Digest of every file of the output that must not depend on time, place or luck."""
        return digests(self.output, without=("logs", "run.json"))


def digests(folder: Path, without: tuple[str, ...] = ()) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(without) & set(path.relative_to(folder).parts)
    }


@pytest.fixture(scope="session")
def says() -> Callable[..., None]:
    """Check that a fault is told in the exit code and in words, never as a traceback."""
    return _says


def _says(ran: Finished, code: int, *words: str) -> None:
    assert ran.code == code, ran.text
    assert not [word for word in words if word not in ran.text], ran.text
    assert "Traceback" not in ran.text, ran.text


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, coarse images. Never changed by a test."""
    design = CohortDesign(n_participants=3, n_volumes=130, resolution_mm=12)
    return simulate_cohort(tmp_path_factory.mktemp("tiny") / "dataset", design)


@pytest.fixture(scope="session")
def undisturbed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The participant level run without any fault, one node after another. Never changed by a test."""
    folder = tmp_path_factory.mktemp("undisturbed")
    place = Place(tiny, folder / "out", folder / "work")
    ran = place.run("participant")
    assert ran.code == 0, ran.text
    return place


@pytest.fixture
def place(tiny: Path, undisturbed: Place, tmp_path: Path) -> Place:
    """The dataset with folders of its own, as deep as those of the undisturbed run: links are relative."""
    folder = undisturbed.output.parent.parent / tmp_path.name
    return Place(tiny, folder / "out", folder / "work")


@pytest.fixture(scope="module")
def resumable(tiny: Path, undisturbed: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A finished run of one person. Tests damage its work folder and run again, which must mend it."""
    folder = tmp_path_factory.mktemp("resumable")
    place = Place(tiny, folder / "out", folder / "work")
    ran = place.run("participant", *ONE)
    assert ran.code == 0, ran.text
    return place


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a tiny file system; skips where this user may not."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"this user may not mount a small disk: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
