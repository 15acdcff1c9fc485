"""Folders that cannot be written, must not be written, or have names that programs stumble over."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from place import Place, Ran, digests, run_process

ONE = ("--participant-label", "01")


def on_read_only(*folders: Path):
    """Run words in a process that may only read these folders: root by mounts of its own, others by permissions."""

    def run(*words: str) -> Ran:
        if os.geteuid() != 0:
            return _without_permission(folders, words)
        script = "".join(f"mount --bind '{path}' '{path}' && mount -o remount,bind,ro '{path}' && " for path in folders)
        probe = subprocess.run(
            ["unshare", "-m", "sh", "-c", script + "true"], capture_output=True, text=True, check=False
        )
        if probe.returncode:
            pytest.skip(f"this machine does not let root mount a folder read-only: {probe.stderr.strip()}")
        command = ["unshare", "-m", "sh", "-c", f'{script}exec "$@"', "sh", sys.executable, "-m", "bidsml", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return Ran(done.returncode, done.stdout)

    return run


def _without_permission(folders: tuple[Path, ...], words: tuple[str, ...]) -> Ran:
    places = [place for folder in folders for place in (folder, *folder.rglob("*")) if place.is_dir()]
    for place in places:
        place.chmod(0o555)
    try:
        return run_process(*words)
    finally:
        for place in places:
            place.chmod(0o755)


# ------------------------------------------------------------------ 11, 12


@pytest.mark.fault(11)
def test_a_read_only_input(fresh, suffers):
    suffers(fresh, "participant", *ONE, code=0, how=on_read_only(fresh.dataset))


@pytest.mark.slow
@pytest.mark.fault(12)
def test_a_read_only_output(study, suffers):
    says = (str(study.output), "cannot write the output folder", "permissions")
    suffers(study, "participant", *ONE, code=73, says=says, how=on_read_only(study.output))
    assert not study.work.exists(), "refused before any computing"


@pytest.mark.slow
@pytest.mark.fault(12)
def test_a_read_only_place_for_the_work(fresh, suffers):
    (fresh.work.parent / "locked").mkdir()
    place = Place(fresh.dataset, fresh.output, fresh.work.parent / "locked" / "work", fresh.settings)
    says = ("cannot write the work folder", "locked")
    suffers(place, "participant", *ONE, code=73, says=says, how=on_read_only(place.work.parent))
    assert not place.output.exists()


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("output", "work", "code", "says"),
    [
        ("dataset", "work", 64, "the output folder is the input folder"),
        ("dataset/sub-01/..", "work", 64, "the output folder is the input folder"),
        ("out", "dataset", 64, "lies inside the input"),
        ("out", "dataset/sub-01/work", 64, "lies inside the input"),
        ("out", "link/work", 64, "lies inside the input"),
        ("dataset/README/out", "work", 73, "README is not a writable folder"),
        ("dataset/derivatives/fmriprep", "work", 73, "another dataset"),
    ],
)
def test_folders_that_must_not_be_written(fresh, suffers, output, work, code, says):
    root = fresh.dataset.parent
    (root / "link").symlink_to(fresh.dataset)
    place = Place(fresh.dataset, root / output, root / work, fresh.settings)
    suffers(place, "participant", code=code, says=(says,))
    assert not fresh.work.exists()
    assert not fresh.output.exists(), "refused before any computing"


# ------------------------------------------------------------------ 15: names


@pytest.mark.slow
@pytest.mark.fault(15)
@pytest.mark.parametrize("name", ["my study é漢", 'it\'s "quoted" $HOME [x] %s {y}'])
def test_unusual_names_make_no_difference(tiny_finished, tmp_path, suffers, name):
    """The same bytes as in plain folders, both levels, as a process with a locale that knows ASCII only."""
    root = tmp_path / name
    shutil.copytree(tiny_finished.dataset, root / "dataset")
    place = Place(root / "dataset", root / "out", root / "work", tiny_finished.settings)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}

    def run(*words: str) -> Ran:
        return run_process(*words, env=environment | {"LANG": "C"}, cwd=Path(__file__).parents[2])

    suffers(place, "participant", *ONE, "02", code=0, how=run)
    for label in ("01", "02"):
        plain = digests(tiny_finished.output / f"sub-{label}")
        assert plain and digests(place.output / f"sub-{label}") == plain
        page = f"sub-{label}.html"
        assert (place.output / page).read_bytes() == (tiny_finished.output / page).read_bytes()
    shutil.rmtree(place.output)
    shutil.copytree(tiny_finished.output, place.output)
    shutil.rmtree(place.group)
    suffers(place, "group", code=0, how=run)
    different = {"run.json"}
    plain, here = digests(tiny_finished.group), digests(place.group)
    assert [n for n in plain if Path(n).name not in different and here.get(n) != plain[n]] == []
