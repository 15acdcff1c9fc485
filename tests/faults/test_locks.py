"""Rows 9 and 40: many jobs at once on one output folder, and two on one participant."""

import json
import os
import shutil
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from faulty_study import TINY
from running import Place, Running, says

from bidsml.bids.locks import STALE_S, hold_locks
from bidsml.bids.store import write_json
from bidsml.errors import InterruptedRunError
from bidsml.simulate import CohortDesign, simulate_cohort

ONE = ("--participant-label", "01")
NAMES = ["sub-01", "sub-02"]


@pytest.fixture
def at_work(place):
    """A job of one participant that is stopped in the middle, alive: like one that takes long."""
    running = place.start("participant", *ONE)
    running.wait_until(lambda: any(place.work.rglob("_0x*_unfinished.json")))
    os.kill(running.process.pid, signal.SIGSTOP)
    yield running
    if running.process.poll() is None:
        os.kill(running.process.pid, signal.SIGCONT)
        says(running.wait(), 0)


@pytest.mark.fault(9)
def test_second_job_on_a_participant(place, at_work, tmp_path):
    named = ("sub-01", f"process {at_work.process.pid}", f"host {socket.gethostname()}", "hint:")
    says(place.run("participant", *ONE), 75, "output folder", *named)
    same_output = replace(place, work=tmp_path / "other-work")
    says(same_output.run("participant"), 75, "output folder", *named)
    same_work = replace(place, output=place.output.with_name("other-out"))
    says(same_work.run("participant", *ONE), 75, "work folder", *named)
    assert same_work.tree == {}
    says(place.run("participant", "--participant-label", "02"), 0)


@pytest.mark.fault(9)
def test_the_lock_of_a_killed_job_is_taken_over(place, at_work, undisturbed):
    at_work.kill()
    assert list(place.output.glob("logs/locks/sub-01.lock"))
    says(place.run("participant"), 0)
    assert place.tree == undisturbed.tree
    assert not list(place.output.glob("logs/locks/*.lock"))


# ------------------------------------------------------------------ the locks themselves


def rewrite(folder, name, **changes):
    """Let a lock be somebody else's."""
    path = folder / f"{name}.lock"
    content = json.loads(path.read_text()) | changes
    path.unlink()
    write_json(path, content)


@pytest.mark.fault(9)
def test_all_or_none(tmp_path):
    with (
        hold_locks(tmp_path, ["sub-02"], what="it"),
        pytest.raises(InterruptedRunError, match=f"process {os.getpid()} on host"),
        hold_locks(tmp_path, NAMES, what="it"),
    ):
        pytest.fail("held twice")
    with hold_locks(tmp_path, NAMES, what="it"):
        assert {path.stem for path in tmp_path.glob("*.lock")} == set(NAMES)
    assert not list(tmp_path.glob("*.lock"))
    assert not list(tmp_path.glob("*.claim"))


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    ("changes", "age_s", "free"),
    [
        pytest.param({"pid": 2**22 + 1}, 0, True, id="no such process"),
        pytest.param({"started": "1"}, 0, True, id="number used again"),
        pytest.param({"place": "elsewhere", "host": "node7"}, STALE_S / 2, False, id="other machine, alive"),
        pytest.param({"place": "elsewhere", "host": "node7"}, STALE_S + 9, True, id="other machine, silent"),
        pytest.param({"place": "elsewhere", "claim": "job-gone.claim"}, 0, True, id="other machine, tidied up"),
        pytest.param({"claim": "../../escape"}, 0, True, id="not a lock"),
    ],
)
def test_whose_lock_is_taken_over(tmp_path, changes, age_s, free):
    with hold_locks(tmp_path, NAMES[:1], what="it"):
        rewrite(tmp_path, NAMES[0], **changes)
        now = time.time()
        claim = next(tmp_path.glob("*.claim"))
        os.utime(claim, (now - age_s, now - age_s))
        if free:
            with hold_locks(tmp_path, NAMES, what="it"):
                pass
        else:
            with pytest.raises(InterruptedRunError, match="node7"), hold_locks(tmp_path, NAMES, what="it"):
                pass


@pytest.mark.fault(9)
def test_one_of_many_gets_it(tmp_path):
    """Twenty at once: never two hold the lock."""
    holding, most, got = 0, 0, 0
    guard = threading.Lock()

    def contend():
        nonlocal holding, most, got
        for _ in range(5):
            try:
                with hold_locks(tmp_path, NAMES, what="it"):
                    with guard:
                        holding, got = holding + 1, got + 1
                        most = max(most, holding)
                    time.sleep(0.002)
                    with guard:
                        holding -= 1
            except InterruptedRunError:
                pass

    threads = [threading.Thread(target=contend) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert got >= 1


# ------------------------------------------------------------------ 40


def free_mib() -> int:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) // 1024


@pytest.mark.fault(40)
@pytest.mark.parametrize("n_jobs", [6, pytest.param(48, marks=pytest.mark.slow)])
def test_participant_jobs_at_once(tmp_path, n_jobs):
    """One job each, all started together, against one that does everyone; a reader looks at the shared files."""
    if free_mib() < 300 * n_jobs:
        pytest.skip(f"{n_jobs} jobs at once need {300 * n_jobs} MiB of memory, {free_mib()} are free")
    design = CohortDesign(n_participants=n_jobs, n_volumes=40, resolution_mm=20)
    dataset = simulate_cohort(tmp_path / "dataset", design)
    serial = Place(dataset, tmp_path / "serial", tmp_path / "serial-work", TINY)
    says(serial.run("participant"), 0)
    at_once = Place(dataset, tmp_path / "at_once", tmp_path / "at_once-work", TINY)
    labels = [f"{number:02d}" for number in range(1, n_jobs + 1)]
    jobs: list[Running] = [at_once.start("participant", "--participant-label", label) for label in labels]
    reads = read_while(jobs, at_once)
    for job in jobs:
        says(job.wait(), 0)
    assert reads > 0
    assert at_once.tree == serial.tree
    shutil.rmtree(tmp_path)


def read_while(jobs: list[Running], place: Place) -> int:
    """Read the shared files over and over while jobs run; each must always be whole."""
    reads = 0
    while any(job.process.poll() is None for job in jobs):
        for path in (*place.output.glob("*.json"), *place.output.glob("sub-*/*_bidsml.json")):
            json.loads(path.read_text())
            reads += 1
        for name, last in (("README", "specification (BEP 14"), ("index.html", "</html>")):
            path = place.output / name
            assert not path.exists() or last in path.read_text()
        time.sleep(0.02)
    return reads
