"""Rows 3, 4, 5: a run that is stopped ends at once, with its workers, and leaves nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import Running, says

from bidsml.simulate.raw import RawDesign, write_raw_dataset

STOPPED_S = 20


@pytest.mark.fault(3)
@pytest.mark.parametrize("nprocs", [1, 2])
def test_sigterm(place, undisturbed, nprocs):
    running = place.start("participant", nprocs=nprocs)
    # The nodes of the first person have begun: in this process, or in a worker.
    running.wait_until(lambda: any(place.work.rglob("_0x*_unfinished.json")))
    began = time.monotonic()
    os.kill(running.process.pid, signal.SIGTERM)
    says(running.wait(), 75, "run the same command again to resume")
    assert time.monotonic() - began < STOPPED_S
    assert running.nobody_left()
    assert not list(place.output.glob("logs/locks/*.lock")), "locks are given back"
    says(place.run("participant"), 0)
    assert place.tree == undisturbed.tree


@pytest.mark.slow
@pytest.mark.fault(3)
def test_sigterm_during_a_registration(tmp_path):
    """One call of a library for a minute or more, in a run with one process."""
    raw = write_raw_dataset(tmp_path / "dataset", n_participants=1, seed=5, design=RawDesign(n_volumes=40))
    words = [str(raw), str(tmp_path / "out"), "participant", "-w", str(tmp_path / "work"), "--nprocs", "1"]
    words += ["--analysis", "demo-raw", "-d", f"atlas={raw / 'derivatives' / 'atlas'}"]
    running = Running([*words, "--set", "preprocess.registration=precise"])
    node = "register_to_template/_0x*_unfinished.json"
    running.wait_until(lambda: any((tmp_path / "work").rglob(node)))
    time.sleep(5)  # the images have been read
    began = time.monotonic()
    os.kill(running.process.pid, signal.SIGTERM)
    says(running.wait(), 75, "run the same command again to resume")
    assert time.monotonic() - began < STOPPED_S
    assert running.nobody_left()
    assert any((tmp_path / "work").rglob(node)), "the signal came while the images were registered"


@pytest.mark.fault(3)
def test_sigterm_before_anything_runs(place):
    running = place.start("participant")
    running.wait_until(lambda: os.readlink(f"/proc/{running.process.pid}/exe"))
    time.sleep(2)  # somewhere in the imports, or a little behind
    os.kill(running.process.pid, signal.SIGTERM)
    ran = running.wait()
    assert ran.code in (75, -signal.SIGTERM), ran.text
    assert running.nobody_left()


@pytest.mark.fault(4)
@pytest.mark.parametrize("nprocs", [1, 2])
def test_ctrl_c_twice(place, nprocs):
    running = place.start("participant", nprocs=nprocs)
    running.wait_until(lambda: any(place.work.rglob("_0x*_unfinished.json")))
    began = time.monotonic()
    running.send(signal.SIGINT)
    time.sleep(0.05)
    running.send(signal.SIGINT)
    says(running.wait(), 130)
    assert time.monotonic() - began < STOPPED_S
    assert running.nobody_left()


WRITER = """
import itertools, sys
from pathlib import Path
from bidsml.bids.store import write_json
path = Path(sys.argv[1])
for number in itertools.count(int(sys.argv[2])):
    write_json(path, {"number": number, "filling": [number] * 20000})
"""


@pytest.mark.fault(5)
def test_a_file_is_old_or_new_never_partial(tmp_path):
    """A writer is killed again and again; what it leaves is always whole."""
    import json

    path = tmp_path / "file.json"
    numbers = []
    for pause in (0.0, 0.003, 0.01, 0.02, 0.03, 0.05):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(len(numbers) * 1000)])
        before = path.stat().st_ino if path.exists() else 0
        while not path.exists() or path.stat().st_ino == before:
            time.sleep(0.001)
        time.sleep(pause)
        writer.kill()
        writer.wait()
        content = json.loads(path.read_text())
        assert content["filling"] == [content["number"]] * 20000
        numbers.append(content["number"])
    assert numbers == sorted(numbers)
    assert len({number // 1000 for number in numbers}) == len(numbers), "every writer got a file through"


@pytest.mark.fault(5)
def test_what_a_killed_writer_left_is_taken_away(tmp_path):
    from bidsml.bids.store import remove_left_overs

    script = "import sys, time; from pathlib import Path; from bidsml.bids.store import write_file\n"
    script += "write_file(Path(sys.argv[1]), lambda h: (h.write(b'half'), h.flush(), time.sleep(60)), n_bytes=8)"
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "file.json")])
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    remove_left_overs(tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 1, "a living writer's is left alone"
    writer.kill()
    writer.wait()
    (tmp_path / "other.tmp").touch()
    remove_left_overs(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [Path(tmp_path / "other.tmp")]
