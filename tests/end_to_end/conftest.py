"""A tiny simulated cohort, and bidsml run on it as a user would: words in, exit code and printed text out."""

import contextlib
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bidsml.cli import main
from bidsml.simulate import CohortDesign, simulate_cohort

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
    """A dataset with an output and a work folder."""

    dataset: Path
    output: Path
    work: Path

    def words(self, level: str, *more: str) -> list[str]:
        words = [str(self.dataset), str(self.output), level, "--work-dir", str(self.work), "--nprocs", "1"]
        words += ["--analysis", "demo"]
        for name in ("fmriprep", "atlas"):
            words += ["--derivatives", f"{name}={self.dataset / 'derivatives' / name}"]
        for entry in SMALL:
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


@pytest.fixture(scope="session")
def bidsml() -> Callable[..., Ran]:
    return run_bidsml


@pytest.fixture(scope="session")
def place_at() -> type[Place]:
    """Make a place of a dataset, an output and a work folder."""
    return Place


@pytest.fixture(scope="session")
def cohort(tmp_path_factory) -> Path:
    """Twelve people, six of them patients, at two sites. Never changed by a test."""
    # 130 volumes of 2 s leave more than the four minutes that the demo analysis asks for.
    design = CohortDesign(n_participants=12, n_volumes=130, resolution_mm=10)
    return simulate_cohort(tmp_path_factory.mktemp("cohort") / "dataset", design)


@pytest.fixture(scope="session")
def finished(cohort, tmp_path_factory) -> Place:
    """Both levels run on the cohort. Never changed by a test."""
    folder = tmp_path_factory.mktemp("finished")
    place = Place(cohort, folder / "out", folder / "work")
    for level in ("participant", "group"):
        ran = place.run(level)
        assert ran.code == 0, ran.text
    return place


@pytest.fixture
def place(cohort, tmp_path) -> Place:
    """Own copy of the cohort; nothing run yet."""
    shutil.copytree(cohort, tmp_path / "dataset")
    return Place(tmp_path / "dataset", tmp_path / "out", tmp_path / "work")


@pytest.fixture
def published(cohort, finished, tmp_path) -> Place:
    """Own copy of the dataset and of the finished output, with an empty work folder."""
    shutil.copytree(cohort, tmp_path / "dataset")
    shutil.copytree(finished.output, tmp_path / "out")
    return Place(tmp_path / "dataset", tmp_path / "out", tmp_path / "work")
