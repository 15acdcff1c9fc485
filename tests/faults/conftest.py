"""Three people, finished without a fault, and places where the same is done with one."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faulty_study import TINY
from running import Place

from bidsml.simulate import CohortDesign, simulate_cohort


@pytest.fixture(scope="session")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, coarse images. Never changed by a test."""
    design = CohortDesign(n_participants=3, n_volumes=40, resolution_mm=20)
    return simulate_cohort(tmp_path_factory.mktemp("trio") / "dataset", design)


@pytest.fixture(scope="session")
def undisturbed(trio: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The participant level run without any fault, one node after another. Never changed by a test."""
    folder = tmp_path_factory.mktemp("undisturbed")
    place = Place(trio, folder / "out", folder / "work", TINY)
    ran = place.run("participant")
    assert ran.code == 0, ran.text
    return place


@pytest.fixture
def place(trio: Path, undisturbed: Place, tmp_path: Path) -> Place:
    """The dataset with folders of its own, beside those of the undisturbed run: links in the output are relative."""
    folder = undisturbed.output.parent.parent / f"of_{tmp_path.name}"
    return Place(trio, folder / "out", folder / "work", TINY)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a tiny file system; skips where this user may not."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this user may not mount a small disk: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
