"""Run again: the same bytes wherever and however it runs, and nothing computed twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bidsml.bids.store import sha256_file


def kept(path: Path, folder: Path) -> bool:
    """Whether a file must not depend on time, place or machine."""
    relative = path.relative_to(folder)
    return path.is_file() and relative.parts[0] != "logs" and path.name != "run.json"


def tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in sorted(folder.rglob("*")) if kept(p, folder)}


@pytest.fixture(scope="module")
def elsewhere(finished, place_at, cohort, tmp_path_factory):
    """The same analysis in other folders, in two processes, from a shell in another working folder."""
    # An output folder at the same place relative to the dataset: DatasetLinks are relative by intent.
    root = tmp_path_factory.mktemp("else where é")
    shutil.copytree(cohort, root / cohort.parent.name / "dataset")
    place = place_at(root / cohort.parent.name / "dataset", root / finished.output.parent.name / "out", root / "w")
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "LC_ALL": "C"}
    for level in ("participant", "group"):
        words = place.words(level)
        words[words.index("--nprocs") + 1] = "2"
        done = subprocess.run(
            [sys.executable, "-m", "bidsml", *words],
            capture_output=True,
            text=True,
            cwd=root,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_same_bytes_elsewhere(finished, elsewhere):
    first, second = tree(finished.output), tree(elsewhere.output)
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_no_place_or_time_in_the_output(finished):
    roots = [str(finished.output.parent).encode(), str(finished.dataset.parent).encode(), str(Path.home()).encode()]
    named = [
        path.name
        for path in finished.output.rglob("*")
        if kept(path, finished.output) and any(root in path.read_bytes() for root in roots if len(root) > 1)
    ]
    assert named == []


# ------------------------------------------------------------------ resume


def results(work: Path) -> dict[str, int]:
    """When every node's result was written, by the node's place."""
    return {path.parent.relative_to(work).as_posix(): path.stat().st_mtime_ns for path in work.rglob("result_*.pklz")}


def redone(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """Names of the nodes that ran again, without their numbers."""
    return {name.rpartition("/")[2].split("_")[0] for name in after if before.get(name) != after[name]}


@pytest.fixture
def three(place):
    """Three people of the cohort, participant level finished."""
    assert place.run("participant", "--participant-label", "01", "02", "03").code == 0
    return place


def test_participants_are_not_computed_twice(three):
    words = ("--participant-label", "01", "02", "03")
    before, files = results(three.work), tree(three.output)
    assert three.run("participant", *words).code == 0
    assert redone(before, results(three.work)) == {"publish"}
    assert tree(three.output) == files

    before = results(three.work)
    assert three.run("participant", *words, "--set", "inference.permutations=7").code == 0
    assert redone(before, results(three.work)) == {"publish"}, "how chance is judged is no matter of the participants"

    assert three.run("participant", *words, "--set", "denoise.strategy=24p").code == 0
    assert redone(before, results(three.work)) == {"read", "extract", "publish"}
    assert tree(three.output) != files


def test_a_changed_scan_is_read_again(three):
    before = results(three.work)
    donor = next(path for path in three.scan_files("04") if path.name.endswith("bold.nii.gz"))
    shutil.copyfile(donor, Path(str(donor).replace("sub-04", "sub-02")))
    assert three.run("participant", "--participant-label", "01", "02", "03").code == 0
    after = results(three.work)
    assert {n.split("/")[1] for n in after if before[n] != after[n] and "publish" not in n} == {"sub_02"}


def test_published_files_come_back(three):
    lost = next(three.output.glob("sub-02/func/*_relmat.dense.tsv"))
    files = tree(three.output)
    lost.unlink()
    assert three.run("participant", "--participant-label", "02").code == 0
    assert tree(three.output) == files


def test_more_draws_leave_the_cross_validation_alone(published):
    once = ("--set", "cv.outer.repeats=1")
    assert published.run("group", *once).code == 0
    before = results(published.work)
    assert published.run("group", *once, "--set", "inference.permutations=23").code == 0
    again = redone(before, results(published.work))
    assert {"permute", "gather", "publish"} <= again
    assert not again & {"cv", "assemble", "split", "audit"}


@pytest.mark.slow
def test_two_analyses_in_one_output(published, bidsml):
    other = ("--set", "name=other", "--set", "denoise.strategy=24p")
    assert published.run("participant", *other).code == 0
    for words, name in (((), "demo"), (other, "other")):
        ran = published.run("group", *words, "--set", "cv.outer.repeats=1", "--set", "inference.permutations=2")
        assert ran.code == 0, ran.text
        assert (published.output / f"group-{name}.html").is_file()
    assert bidsml("status", str(published.output)).code == 0
