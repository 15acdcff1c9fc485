"""A pytest plugin: a tiny finished study, and what every fault must leave as it was."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from place import Place, Ran, digests

from bidsml.simulate import CohortDesign, simulate_cohort

# 40 volumes on a grid of 20 mm: what is tested is what becomes of broken input, not the effect.
TINY = (
    "cv.outer.folds=2",
    "cv.outer.repeats=1",
    "cv.inner.folds=2",
    "inference.permutations=9",
    'estimators=[{kind = "ridge", grid = {alpha = [10.0, 1000.0]}}]',
    "denoise.strategy=6p",
    "denoise.low_pass_hz=0.24",
    "denoise.min_minutes=0",
)
# Pages that tell where everyone stands: every run writes them anew.
SHARED = ("index.html",)


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory) -> Path:
    """Eight people, four of them patients, at two sites. Never changed by a test."""
    design = CohortDesign(n_participants=8, n_volumes=40, resolution_mm=20)
    return simulate_cohort(tmp_path_factory.mktemp("tiny") / "dataset", design)


@pytest.fixture(scope="session")
def tiny_finished(tiny_cohort) -> Place:
    """Both levels run on the tiny cohort. Never changed by a test."""
    # Beside the dataset as in the tests' own copies: an output links to its input by a relative path.
    place = Place(tiny_cohort, tiny_cohort.parent / "out", tiny_cohort.parent / "work", TINY)
    for level in ("participant", "group"):
        ran = place.run(level)
        assert ran.code == 0, ran.text
    return place


@pytest.fixture
def study(tiny_cohort, tiny_finished, tmp_path) -> Place:
    """Own copy of the dataset and of the finished output, with an empty work folder: where something goes wrong."""
    shutil.copytree(tiny_cohort, tmp_path / "dataset")
    shutil.copytree(tiny_finished.output, tmp_path / "out")
    return Place(tmp_path / "dataset", tmp_path / "out", tmp_path / "work", TINY)


@pytest.fixture
def fresh(tiny_cohort, tmp_path) -> Place:
    """Own copy of the dataset; nothing run yet."""
    shutil.copytree(tiny_cohort, tmp_path / "dataset")
    return Place(tmp_path / "dataset", tmp_path / "out", tmp_path / "work", TINY)


@pytest.fixture
def suffers() -> Callable[..., Ran]:
    """Run bidsml where something is wrong; assert the exit code, the message, and that nothing else was harmed.

    ``suffers(place, level, *options, code=65, says=("participants.tsv", …))``: the words are those that name the
    file, the cause and the fix. ``remakes`` are the beginnings of names, below the output folder, of finished files
    that the run itself has to write anew; ``how`` runs the words otherwise than in this process.
    """

    def run(
        place: Place,
        level: str,
        *options: str,
        code: int,
        says: tuple[str, ...] = (),
        remakes: tuple[str, ...] = (),
        how: Callable[..., Ran] | None = None,
    ) -> Ran:
        before, finished, mine = digests(place.dataset), _finished(place.output), set(_children())
        ran = (how or place.run_words)(*place.words(level, *options))
        assert ran.code == code, ran.text
        assert [word for word in says if word not in ran.text] == [], ran.text
        assert "Traceback" not in ran.text, ran.text
        if code:
            assert "hint:" in ran.text, f"no word on what to do: {ran.text}"
        assert digests(place.dataset) == before, "the input was changed"
        after = _finished(place.output)
        changed = [name for name, digest in finished.items() if after.get(name) != digest]
        assert [name for name in changed if not name.startswith((*SHARED, *remakes))] == [], "finished files changed"
        assert set(_children()) <= mine, "a worker is left behind"
        return ran

    return run


def _finished(output: Path) -> dict[str, str]:
    return digests(output, without=("logs",)) if output.exists() else {}


def _children() -> Iterator[int]:
    """Processes that this one has started and that still run."""
    for path in Path("/proc/self/task").glob("*/children"):
        yield from map(int, path.read_text().split())
