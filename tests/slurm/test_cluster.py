"""``bidsml cluster slurm`` on a real SLURM: arrays, a dependent group, shards, a memory limit, a signal."""

import json
import re
import subprocess
import time

import pytest

pytestmark = pytest.mark.slurm

SIZES = (
    "--participant-cpus", 1, "--participant-mem-gb", 1.5, "--participant-time", "00:20:00",
    "--group-cpus", 1, "--group-mem-gb", 2.5, "--group-time", "00:30:00",
)  # fmt: skip


@pytest.fixture
def submit(slurm):
    """Start the scripts; numbers of the jobs by what they do."""

    def start(scripts) -> dict[str, str]:
        ran = subprocess.run(
            [scripts / "submit.sh"], env=slurm.environment, check=False, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        return dict(re.findall(r"(\w+): job (\d+)", ran.stdout))

    return start


def log(scripts, name):
    return (scripts / "logs" / f"{name}.log").read_text(encoding="utf-8")


def test_an_array_shards_and_the_group_give_what_one_machine_gives(
    slurm, dataset, words, bidsml, submit, undisturbed, tmp_path
):
    scripts, out = tmp_path / "my scripts", tmp_path / "my output"
    made = bidsml("cluster", "slurm", dataset, out, scripts, "-w", tmp_path / "my work", "--shards", 8, *SIZES, *words)
    assert made.returncode == 0, made.stderr
    assert "12 participants, 8 shards" in made.stdout
    jobs = submit(scripts)
    assert set(jobs) == {"participants", "permutations", "group"}
    slurm.wait(jobs["group"], at_most_s=1500)
    assert slurm.state(jobs["group"]) == "COMPLETED", log(scripts, "group")
    for number in range(1, 9):
        assert slurm.state(f"{jobs['permutations']}_{number}") == "COMPLETED", log(scripts, f"shard-{number}")
    assert len(list((tmp_path / "my work" / "group" / "shards").glob("*.npz"))) >= 8
    compared = bidsml("compare", undisturbed, out)
    assert compared.returncode == 0, compared.stdout


def test_a_task_over_its_memory_is_reported_and_resumes(slurm, dataset, words, bidsml, submit, tmp_path):
    scripts, out, work = tmp_path / "scripts", tmp_path / "out", tmp_path / "work"
    line = ("cluster", "slurm", dataset, out, scripts, "-w", work, *words)
    small = [*SIZES]
    small[small.index("--participant-mem-gb") + 1] = 0.12
    made = bidsml(*line, *small, "--participant-label", "01", "02")
    assert made.returncode == 0, made.stderr
    jobs = submit(scripts)
    slurm.wait(jobs["group"], at_most_s=600)
    assert slurm.state(f"{jobs['participants']}_1") in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert slurm.state(jobs["group"]) == "FAILED"
    assert '"done"' not in bidsml("status", out, "--json").stdout
    assert re.search(r"no participant|missing or failed", log(scripts, "group"))
    made = bidsml(*line, *SIZES, "--missing", "--participant-label", "01", "02")
    assert "2 participants" in made.stdout, made.stderr
    jobs = submit(scripts)
    slurm.wait(jobs["participants"], at_most_s=600)
    for number in (1, 2):
        assert slurm.state(f"{jobs['participants']}_{number}") == "COMPLETED", log(scripts, f"participant-{number}")
    stands = json.loads(bidsml("status", out, "--json").stdout)
    assert [one["state"] for one in stands["participants"] if one["participant_id"] in ("01", "02")] == ["done"] * 2
    made = bidsml(*line, *SIZES, "--missing", "--participant-label", "01", "02")
    assert "0 participants" in made.stdout


def test_a_signal_before_the_time_limit_puts_the_task_back_into_the_queue(
    slurm, dataset, words, bidsml, submit, tmp_path
):
    scripts, out = tmp_path / "scripts", tmp_path / "out"
    made = bidsml(
        "cluster", "slurm", dataset, out, scripts, "-w", tmp_path / "work", *SIZES, *words, "--participant-label", "03"
    )
    assert made.returncode == 0, made.stderr
    jobs = submit(scripts)
    task = f"{jobs['participants']}_1"
    journal = scripts / "logs" / "participant-1.log"
    end = time.monotonic() + 300
    while not (journal.is_file() and "selected" in journal.read_text(encoding="utf-8")):
        assert time.monotonic() < end, "the task did not begin"
        time.sleep(0.05)
    # What --signal=B:TERM@120 does two minutes before the limit.
    subprocess.run(["scancel", "--signal=TERM", "--batch", task], env=slurm.environment, check=True, timeout=30)
    slurm.wait(jobs["group"], at_most_s=900)
    text = log(scripts, "participant-1")
    assert "stopped by SIGTERM" in text and "back into the queue" in text
    assert slurm.state(task) == "COMPLETED", text
    stands = json.loads(bidsml("status", out, "--json").stdout)
    assert [one["state"] for one in stands["participants"] if one["participant_id"] == "03"] == ["done"]
