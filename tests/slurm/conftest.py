"""A real SLURM, and a small finished study to compare with."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from place import SMALL
from slurm import ThrowawaySlurm, start_slurm

from bidsml.simulate import CohortDesign, simulate_cohort

PERMUTATIONS = "inference.permutations=64"


@pytest.fixture(scope="session")
def slurm() -> Iterator[ThrowawaySlurm]:
    with start_slurm() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Twelve people, at a path with a space in it."""
    design = CohortDesign(n_participants=12, n_volumes=130, resolution_mm=10)
    return simulate_cohort(tmp_path_factory.mktemp("a study") / "dataset", design)


@pytest.fixture(scope="session")
def words(dataset) -> list[str]:
    """Options of both levels."""
    derivatives = [f"{name}={dataset / 'derivatives' / name}" for name in ("fmriprep", "atlas")]
    settings = [word for entry in (*SMALL, PERMUTATIONS) for word in ("--set", entry)]
    return ["--analysis", "demo", *settings, "-d", *derivatives]


@pytest.fixture(scope="session")
def bidsml(slurm) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call bidsml as on a login node."""

    def call(*line: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bidsml", *map(str, line)],
            env={**slurm.environment, **environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=900,
        )

    return call


@pytest.fixture(scope="session")
def undisturbed(dataset, words, bidsml, tmp_path_factory) -> Path:
    """The output of both levels, run here without a scheduler."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for level in ("participant", "group"):
        ran = bidsml(dataset, folder / "out", level, "-w", folder / "work", "--nprocs", str(os.cpu_count()), *words)
        assert ran.returncode == 0, ran.stderr
    return folder / "out"
