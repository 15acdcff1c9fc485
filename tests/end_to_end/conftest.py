"""A tiny simulated cohort, and bidsml run on it as a user would: words in, exit code and printed text out."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from place import Place, Ran, run_bidsml

from bidsml.simulate import CohortDesign, simulate_cohort


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
