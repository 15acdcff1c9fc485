"""Row 41: a job of one participant starts as quickly in a large dataset as in a small one; the group fits in memory."""

import os
import re
import resource
import subprocess
import sys
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faulty_study import TINY
from place import Place

from bidsml.bids.store import write_record
from bidsml.learn.cohort import build_cohort
from bidsml.records import FeatureBlock, FeatureSet, Study
from bidsml.spec import AnalysisSpec
from bidsml.steps.group import audit, split

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


def audited_gb(folder: Path, n_people: int, queue: Queue) -> None:
    """Audit a study of so many people, a hundred features each; put the process's peak memory in GB."""
    rng = np.random.default_rng(0)
    labels = tuple(f"{number:05d}" for number in range(n_people))
    spec = AnalysisSpec.model_validate_json(
        '{"name": "large", "target": {"column": "diagnosis"}, "inference": {"permutations": 0}, '
        '"features": [{"kind": "table", "file": "x.tsv"}]}'
    )
    table = pd.DataFrame({"participant_id": labels, "diagnosis": np.resize(["control", "patient"], n_people)})
    cohort = build_cohort(table, spec, available=labels)
    names = tuple(f"f{number}" for number in range(100))
    features = FeatureSet(
        labels,
        names,
        rng.standard_normal((n_people, 100)),
        (FeatureBlock("table", "table", "value", "vector", 0, 100),),
    )
    analysis = folder / "analysis.json"
    analysis.write_text(spec.model_dump_json())
    (folder / "history.json").write_text('{"texts": {}}')
    study = write_record(folder / "study.npz", Study(cohort, features))
    folds = split(study, analysis, 0, out_dir=folder)
    audit(study, folds, folder / "history.json", out_dir=folder)
    queue.put(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1e6)


@pytest.mark.slow
@pytest.mark.fault(41)
def test_ten_thousand_people_are_learned_from_within_8_gb(tmp_path):
    """The audit compares everyone with everyone: of the group's steps on table features the one that takes most."""
    context = get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=audited_gb, args=(tmp_path, N_PARTICIPANTS, queue))
    process.start()
    peak_gb = queue.get(timeout=580)
    process.join()
    assert 0.8 < peak_gb < 8, "below 0.8 GB, the matrix of everyone with everyone, nothing was compared"
