"""Row 41: a job of one participant starts as quickly in a large dataset as in a small one."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from faulty_study import TINY
from place import Place

N_PARTICIPANTS = 10_000
# CPU seconds: a busy machine makes any wall clock unfair. A walk over 80,000 files takes half a second.
MORE_CPU_S = 1.5


@pytest.fixture(scope="module")
def large(trio, tmp_path_factory) -> Path:
    """The first of three people 10,000 times, as hard links."""
    folder = tmp_path_factory.mktemp("large") / "dataset"
    source = trio / "derivatives" / "fmriprep"
    files = [path for path in trio.rglob("*") if path.is_file() and "sub-" not in path.as_posix().split("dataset/")[1]]
    own = [path for path in (source / "sub-01").rglob("*") if path.is_file()]
    for path in files:
        link(path, folder / path.relative_to(trio))
    labels = [f"sub-{number:05d}" for number in range(1, N_PARTICIPANTS + 1)]
    for label in labels:
        for path in own:
            link(path, folder / re.sub(r"sub-01", label, path.relative_to(trio).as_posix()))
    table = pd.read_csv(trio / "participants.tsv", sep="\t").iloc[[0] * N_PARTICIPANTS]
    (folder / "participants.tsv").unlink()
    table.assign(participant_id=labels).to_csv(folder / "participants.tsv", sep="\t", index=False)
    return folder


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def start_cpu_s(place: Place, label: str) -> float:
    """CPU seconds until the graph of one participant stands."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = place.words("participant", "--dry-run", "--participant-label", label)
    done = subprocess.run([sys.executable, "-m", "bidsml", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
@pytest.mark.fault(41)
def test_a_job_starts_as_quickly_whatever_the_size(large, trio, tmp_path):
    small = start_cpu_s(Place(trio, tmp_path / "out", tmp_path / "work", TINY), "01")
    big = start_cpu_s(Place(large, tmp_path / "out", tmp_path / "work", TINY), "07321")
    assert big < small + MORE_CPU_S
