"""Row 2: the command is killed anywhere, and run again: the same bytes. And alike with one process or two."""

import random
import shutil
import time
from functools import partial

import pytest
from running import Place, says

from bidsml.simulate import CohortDesign, simulate_cohort


def kill_at(place, seconds, *, nprocs):
    """Kill -9 of the command after so many seconds; whether it was still at work."""
    running = place.start("participant", nprocs=nprocs)
    time.sleep(seconds)
    at_work = running.process.poll() is None
    running.kill()
    assert running.nobody_left(), "workers end with the command"
    return at_work


def check_resumed(place, undisturbed, *, nprocs):
    says(place.run("participant", nprocs=nprocs), 0)
    assert place.tree == undisturbed.tree
    left = [path.name for path in place.output.rglob("*") if path.name.endswith(".tmp")]
    assert left == []


@pytest.mark.fault(2)
@pytest.mark.parametrize(("nprocs", "moment"), [(1, "read_0_0"), (2, "read_0_0"), (1, "publish")])
def test_killed_while_a_node_runs(place, undisturbed, nprocs, moment):
    running = place.start("participant", nprocs=nprocs)
    running.wait_until(lambda: any(place.work.rglob(f"{moment}/_0x*_unfinished.json")))
    running.kill()
    assert running.nobody_left()
    check_resumed(place, undisturbed, nprocs=nprocs)


@pytest.mark.fault(2)
def test_two_processes_come_to_the_same_bytes_as_one(place, undisturbed):
    says(place.run("participant", nprocs=2), 0)
    assert place.tree == undisturbed.tree


@pytest.mark.slow
@pytest.mark.fault(2)
def test_killed_fifty_times_at_random_points(place, undisturbed):
    """Every third time on a fresh start, else on what the last kill left; each time mended, and compared."""
    rng = random.Random(0)
    began = time.monotonic()
    says(place.run("participant", nprocs=1), 0)
    whole_s = time.monotonic() - began
    at_work = 0
    for number in range(50):
        nprocs = 1 + number % 2
        if number % 3 != 2:
            shutil.rmtree(place.output)
            shutil.rmtree(place.work)
        at_work += kill_at(place, rng.uniform(0.2, 1.0) * whole_s, nprocs=nprocs)
        check_resumed(place, undisturbed, nprocs=nprocs)
    assert at_work > 25, "most kills must hit a command that is at work"


@pytest.mark.slow
@pytest.mark.fault(2)
def test_group_level_killed_and_resumed(place, tmp_path):
    """The group's tables, model and report, too: killed after some of its nodes, four times."""
    design = CohortDesign(n_participants=8, n_volumes=40, resolution_mm=20)
    dataset = simulate_cohort(tmp_path / "eight", design)
    trees = []
    for name, kills in (("calm", 0), ("killed", 4)):
        one = Place(dataset, tmp_path / name, tmp_path / f"{name}-work", place.settings)
        says(one.run("participant"), 0)
        for number in range(kills):
            running = one.start("group", nprocs=1 + number % 2)
            running.wait_until(partial(finished_nodes, one, at_least=4 * number))
            running.kill()
            assert running.nobody_left()
        says(one.run("group"), 0)
        trees.append(one.tree)
    assert trees[0] == trees[1]


def finished_nodes(place, *, at_least):
    return len(list(place.work.glob("group_demo/*/result_*.pklz"))) >= at_least
