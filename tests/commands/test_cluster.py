"""The scripts of ``bidsml cluster``: every word survives, nothing is lost, and what is wrong is said now."""

import json
import shlex
import subprocess

import pytest
from place import run_bidsml

from bidsml.app.cluster import SCHEDULERS
from bidsml.app.status import ParticipantStatus, write_status
from bidsml.spec import ready_made_folder

STRANGE = 'it\'s a "study" $HOME `id` é'


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / STRANGE
    folder.mkdir()
    (folder / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.11.1"}))
    (folder / "participants.tsv").write_text("participant_id\tdiagnosis\nsub-01\ta\nsub-02\tb\nsub-003\ta\n")
    return folder


def make(dataset, tmp_path, *more, scheduler="slurm"):
    return run_bidsml("cluster", scheduler, str(dataset), str(tmp_path / "out"), str(tmp_path / "scripts"), *more)


def read_settings(scripts):
    """What bash makes of the settings, array elements apart."""
    show = (
        'source "$1"; printf "%s\\0" "$BIDS_DIR" "$OUTPUT_DIR" "$WORK_DIR" "${BIDSML[@]}" == "${OPTIONS[@]}" == '
        '"$SHARDS" "$PARTICIPANT_MEMORY_MB" "${SCHEDULER_OPTIONS[@]}"'
    )
    ran = subprocess.run(
        ["bash", "-c", show, "-", str(scripts / "settings.sh")], check=True, capture_output=True, timeout=20
    )
    return ran.stdout.decode().split("\0")[:-1]


def test_every_word_comes_back_from_bash_as_it_was(dataset, tmp_path):
    work = tmp_path / "w; rm -rf x"
    ran = make(
        dataset, tmp_path, "-w", str(work), "--shards", "4", "--participant-mem-gb", "3", "--set", f"name='{'x' * 3}'",
        "-d", f"fmriprep={dataset}", "--scheduler-options=--partition=long '--comment=two words'",
    )  # fmt: skip
    assert ran.code == 0, ran.text
    found = read_settings(tmp_path / "scripts")
    assert found[:3] == [str(dataset), str(tmp_path / "out"), str(work)]
    options = found[found.index("==") + 1 :]
    assert options[: options.index("==")] == ["--set", "name='xxx'", "-d", f"fmriprep={dataset}"]
    assert options[options.index("==") + 1 :] == ["4", "2861", "--partition=long", "--comment=two words"]
    assert (tmp_path / "scripts" / "participants.txt").read_text() == "003\n01\n02\n"


def test_missing_leaves_out_those_that_are_settled(dataset, tmp_path):
    for label, state in (("01", "done"), ("02", "no-input"), ("003", "failed")):
        write_status(tmp_path / "out", ParticipantStatus(label, "rest-connectome", state))
    assert make(dataset, tmp_path, "--missing").code == 0
    assert (tmp_path / "scripts" / "participants.txt").read_text() == "003\n"


def test_an_image_sees_every_folder_under_its_own_name(dataset, tmp_path):
    image = tmp_path / "bidsml.sif"
    image.touch()
    assert make(dataset, tmp_path, "--image", str(image), "-d", f"fmriprep={tmp_path / 'prep'}").code == 0
    found = read_settings(tmp_path / "scripts")
    words = found[3 : found.index("==")]
    assert words[:3] == ["apptainer", "run", "--cleanenv"] and words[-1] == str(image)
    assert f"{dataset}:{dataset}:ro" in words and f"{tmp_path / 'prep'}:{tmp_path / 'prep'}:ro" in words
    assert f"{tmp_path / 'out'}:{tmp_path / 'out'}" in words


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--participant-labels", "01"), 64, "--participant-label"),
        (("--participant-label", "04"), 18, "'04'"),
        (("--analysis", "rest-conectome"), 78, "rest-connectome"),
        (("--image", "nowhere.sif"), 66, "nowhere.sif"),
        (("--shards", "0"), 64, "above 0"),
        (("--group-time", "8h"), 64, "HH:MM:SS"),
    ],
)
def test_what_would_fail_in_every_job_fails_now(dataset, tmp_path, words, code, said):
    ran = make(dataset, tmp_path, *words)
    assert ran.code == code, ran.text
    assert said in ran.text
    assert not (tmp_path / "scripts").exists()


def test_an_unknown_scheduler_and_a_folder_of_something_else_are_refused(dataset, tmp_path):
    assert "slurm" in make(dataset, tmp_path, scheduler="slrum").text
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "thesis.tex").touch()
    assert make(dataset, tmp_path).code == 73


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_scripts_are_bash_and_only_call_bidsml(dataset, tmp_path, scheduler):
    assert make(dataset, tmp_path, scheduler=scheduler).code == 0
    for script in (tmp_path / "scripts").glob("*.sh"):
        subprocess.run(["bash", "-n", str(script)], check=True, timeout=20)
        assert "python" not in script.read_text().replace(shlex.quote(read_settings(tmp_path / "scripts")[3]), "")
    assert (tmp_path / "scripts" / "submit.sh").stat().st_mode & 0o111
    assert {path.name for path in (ready_made_folder() / "cluster" / scheduler).iterdir()} <= {
        path.name for path in (tmp_path / "scripts").iterdir()
    }
