"""Rows 6, 7, 8: what lies in the work folder is used again only when it is whole, and of this dataset."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest
from faulty_study import TINY
from running import Place, says

from bidsml.simulate import CohortDesign, simulate_cohort

ONE = ("--participant-label", "01")


@pytest.fixture(scope="module")
def resumable(trio, tmp_path_factory) -> Place:
    """A finished run of one person. Tests damage its work folder and run again, which must mend it."""
    folder = tmp_path_factory.mktemp("resumable")
    place = Place(trio, folder / "out", folder / "work", TINY)
    ran = place.run("participant", *ONE)
    assert ran.code == 0, ran.text
    return place


def results(place: Place) -> dict[str, int]:
    """When every node's result was written, by the node's name."""
    return {path.parent.name: path.stat().st_mtime_ns for path in place.work.rglob("result_*.pklz")}


def node_of(place: Place, name: str) -> Path:
    return next(place.work.rglob(f"result_{name}.pklz")).parent


def run_again(place: Place) -> set[str]:
    """Run again; give the nodes that ran, and check that the output is as it was."""
    before, tree = results(place), place.tree
    ran = place.run("participant", *ONE)
    assert ran.code == 0, ran.text
    assert place.tree == tree
    after = results(place)
    return {name for name in after if after[name] != before.get(name)}


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path) -> None:
    """Alter a byte in the middle, and nothing that a folder listing shows."""
    stat = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def other_pickle(path: Path) -> None:
    path.write_bytes(gzip.compress(b"")[:-1])


# The publishing node runs every time; the node that extracts comes to the same bytes, so it is not run again.
ALWAYS = {"publish"}


@pytest.mark.fault(6)
@pytest.mark.parametrize("damage", [truncate, empty, flip, Path.unlink])
def test_damaged_intermediate(resumable, damage):
    damage(node_of(resumable, "read_0_0") / "scan_data.npz")
    assert run_again(resumable) == {"read_0_0", *ALWAYS}


@pytest.mark.fault(7)
@pytest.mark.parametrize("damage", [truncate, empty, flip, other_pickle, Path.unlink])
def test_damaged_result(resumable, damage):
    damage(node_of(resumable, "read_0_0") / "result_read_0_0.pklz")
    assert run_again(resumable) == {"read_0_0", *ALWAYS}


@pytest.mark.fault(6)
def test_damaged_list_of_digests(resumable):
    (node_of(resumable, "extract_connectome") / "digests.json").write_text("{")
    assert run_again(resumable) == {"extract_connectome", *ALWAYS}


@pytest.mark.fault(6, 7)
def test_what_is_whole_is_not_run_again(resumable):
    assert run_again(resumable) == ALWAYS


# ------------------------------------------------------------------ 8: another version, settings, dataset, owner


def log_of(place: Place) -> str:
    return "".join(path.read_text() for path in (place.output / "logs").rglob("*.jsonl"))


@pytest.mark.fault(8)
def test_another_version_is_told(resumable):
    stamp = resumable.work / "bidsml-work.json"
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"version": "0.0.0"}))
    run_again(resumable)
    assert "was filled by bidsml 0.0.0" in log_of(resumable)
    assert json.loads(stamp.read_text())["version"] != "0.0.0"


@pytest.mark.fault(8)
def test_other_settings_are_told_and_their_results_made_again(resumable):
    before = results(resumable)
    ran = resumable.run("participant", *ONE, "--set", "denoise.strategy=24p")
    assert ran.code == 0, ran.text
    assert {name for name, time in results(resumable).items() if time != before[name]} == set(before)
    assert "was run with other settings" in log_of(resumable)
    assert resumable.run("participant", *ONE).code == 0


@pytest.mark.fault(8)
def test_another_dataset(resumable, tmp_path):
    dataset = simulate_cohort(tmp_path / "dataset", CohortDesign(n_participants=2, n_volumes=40, resolution_mm=20))
    other = Place(dataset, tmp_path / "out", resumable.work, TINY)
    says(other.run("participant", *ONE), 78, str(resumable.work), str(dataset), "hint:", "--work-dir")
    assert other.tree == {}


@pytest.mark.fault(8)
def test_the_same_dataset_elsewhere(resumable, tmp_path):
    shutil.copytree(resumable.dataset, tmp_path / "dataset")
    moved = Place(tmp_path / "dataset", resumable.output, resumable.work, TINY)
    says(moved.run("participant", *ONE), 0)
    says(resumable.run("participant", *ONE), 0)


@pytest.mark.fault(8)
def test_the_work_folder_is_private(resumable):
    assert resumable.work.stat().st_mode & 0o777 == 0o700
    resumable.work.chmod(0o755)
    assert run_again(resumable) == ALWAYS
    assert resumable.work.stat().st_mode & 0o777 == 0o700


@pytest.mark.fault(8)
def test_a_work_folder_of_somebody_else(resumable):
    try:
        os.chown(resumable.work, 12345, -1)
    except PermissionError:
        pytest.skip("this user may not give files away")
    try:
        says(resumable.run("participant", *ONE), 73, "12345", str(resumable.work), "hint:")
    finally:
        os.chown(resumable.work, os.geteuid(), -1)


@pytest.mark.fault(8)
def test_a_work_folder_that_anybody_may_write(trio, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "notes.txt").write_text("not bidsml's")
    (tmp_path / "work").chmod(0o777)
    place = Place(trio, tmp_path / "out", tmp_path / "work", TINY)
    says(place.run("participant", *ONE), 73, "777", "hint:")
    assert place.tree == {}
