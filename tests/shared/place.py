"""A dataset with an output and a work folder, and bidsml run on it as a user would: words in, code and text out."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bidsml.bids.store import sha256_file
from bidsml.cli import main

# Few folds and draws: what is tested is that the parts agree, not how strong the effect is.
SMALL = (
    "cv.outer.folds=3",
    "cv.outer.repeats=2",
    "cv.inner.folds=2",
    "inference.permutations=19",
    'estimators=[{kind = "ridge", grid = {alpha = [10.0, 1000.0]}}]',
)


@dataclass(frozen=True)
class Ran:
    """What a run left behind for its caller."""

    code: int
    text: str
    """Standard output and standard error."""


@dataclass(frozen=True)
class Place:
    """A dataset with an output and a work folder; ``settings`` are given with ``--set``."""

    dataset: Path
    output: Path
    work: Path
    settings: tuple[str, ...] = SMALL

    def words(self, level: str, *more: str) -> list[str]:
        words = [str(self.dataset), str(self.output), level, "--work-dir", str(self.work), "--nprocs", "1"]
        words += ["--analysis", "demo"]
        for name in ("fmriprep", "atlas"):
            words += ["--derivatives", f"{name}={self.dataset / 'derivatives' / name}"]
        for entry in self.settings:
            words += ["--set", entry]
        return [*words, *more]

    def run(self, level: str, *more: str) -> Ran:
        return self.run_words(*self.words(level, *more))

    def run_words(self, *words: str) -> Ran:
        return run_bidsml(*words)

    @property
    def group(self) -> Path:
        return self.output / "group" / "demo"

    def scan_files(self, label: str) -> list[Path]:
        return sorted((self.dataset / "derivatives" / "fmriprep" / f"sub-{label}").rglob("*.*"))


def run_bidsml(*words: str) -> Ran:
    """Run the command line in this process."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        code = main(list(words))
    return Ran(code, stream.getvalue())


def run_process(*words: str, **options: object) -> Ran:
    """Run the command line in a process of its own; ``options`` are those of :func:`subprocess.run`."""
    given: dict[str, object] = {"env": {**os.environ}, "timeout": 300, **options}
    done = subprocess.run(
        [sys.executable, "-m", "bidsml", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **given,
    )
    return Ran(done.returncode, done.stdout)


def digests(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Digest of every file below a folder by its name there, a link's by where it leads; some top folders aside."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] in without:
            continue
        if path.is_symlink():
            found[name.as_posix()] = f"link to {os.readlink(path)}"
        elif path.is_file():
            found[name.as_posix()] = sha256_file(path)
    return found
