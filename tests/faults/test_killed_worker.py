"""Row 1: a worker is killed, as the kernel does for want of memory."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from nipype import Workflow
from running import says

from bidsml.errors import InterruptedRunError
from bidsml.graph.multiproc import SteadyMultiProc
from bidsml.graph.node import make_node
from bidsml.graph.run import run_workflow

pytestmark = pytest.mark.fault(1)


def die_until(marks: str, times: int, *, out_dir: Path) -> Path:
    """Kill the worker that runs this, so many times in all."""
    folder = Path(marks)
    if len(list(folder.iterdir())) < times:
        (folder / str(time.monotonic_ns())).touch()
        time.sleep(0.3)  # so that others are under way
        os.kill(os.getpid(), signal.SIGKILL)
    (out_dir / "alive").write_text("alive")
    return out_dir / "alive"


def bystander(number: int, *, out_dir: Path) -> Path:
    time.sleep(0.5)
    (out_dir / "made").write_text(str(number))
    return out_dir / "made"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A node whose worker dies, between two others, on three processes."""
    # Steps are found by module and name; these live in this file, and forked workers know it.
    monkeypatch.setattr("bidsml.graph.node.source_digest", lambda module: "fixed")
    monkeypatch.setattr("bidsml.graph.node._load", lambda step: globals()[step.partition(":")[2]])
    (tmp_path / "marks").mkdir()
    plugins = []
    original = SteadyMultiProc.__init__

    def remember(self, *args, **settings):
        original(self, *args, **settings)
        plugins.append(self)

    monkeypatch.setattr(SteadyMultiProc, "__init__", remember)

    def run(times):
        workflow = Workflow(name="wf", base_dir=str(tmp_path / "work"))
        victim = make_node(die_until, "victim", mem_gb=0.1)
        victim.inputs.trait_set(marks=str(tmp_path / "marks"), times=times)
        others = [make_node(bystander, f"bystander_{number}", mem_gb=0.1) for number in range(4)]
        for number, node in enumerate(others):
            node.inputs.number = number
        workflow.add_nodes([victim, *others])
        began = time.monotonic()
        outcome = run_workflow(
            workflow,
            plugin="MultiProc",
            plugin_args={"n_procs": 4, "memory_gb": 4, "mp_context": "fork"},
            crash_dir=tmp_path / "crash",
        )
        made = {path.parent.name for path in (tmp_path / "work" / "wf").glob("*/made")}
        deaths = len(list((tmp_path / "marks").iterdir()))
        return outcome, made, deaths, plugins[-1], time.monotonic() - began

    return run


EVERYONE = {f"bystander_{number}" for number in range(4)}


def test_killed_once_is_tried_again_at_half_concurrency(run, caplog):
    outcome, made, deaths, plugin, _ = run(times=1)
    assert outcome.failures == ()
    assert (made, deaths, plugin.processors) == (EVERYONE, 1, 2)
    assert "wf.victim" in caplog.text
    assert "bystander" not in caplog.text, "only the one that was killed is named"


def test_killed_twice_is_given_up_by_name_and_the_others_finish(run):
    outcome, made, deaths, plugin, seconds = run(times=9)
    assert [(failure.node, type(failure.error)) for failure in outcome.failures] == [("wf.victim", InterruptedRunError)]
    assert "wf.victim" in outcome.failures[0].error.message
    assert not outcome.failures[0].is_bug
    assert (made, deaths, plugin.processors) == (EVERYONE, 2, 1)
    assert seconds < 60


def test_the_command_survives_a_killed_worker(place, undisturbed):
    running = place.start("participant", nprocs=2)
    running.wait_until(running.busy_worker)
    os.kill(running.busy_worker(), signal.SIGKILL)
    ran = running.wait()
    assert ran.code == 0, ran.text
    assert place.tree == undisturbed.tree


def test_the_command_gives_up_when_every_worker_is_killed(place, undisturbed):
    running = place.start("participant", "--participant-label", "01", nprocs=2)
    running.wait_until(running.busy_worker)
    began = time.monotonic()
    while running.process.poll() is None:
        pid = running.busy_worker()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    assert time.monotonic() - began < 60
    ran = running.wait()
    says(ran, 75, "run the same command again to resume")
    # The first node that this test was quick enough for.
    assert re.search(r"killed while participant_demo\.sub_01\.\w+ ran, most often for want of memory", ran.text)
    assert running.nobody_left()
    assert place.run("participant").code == 0
    assert place.tree == undisturbed.tree
