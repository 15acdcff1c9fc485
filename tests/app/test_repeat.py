"""The command that repeats a failure: complete, and without folders where it is published."""

from pathlib import Path

import pytest

from bidsml.app.repeat import repeat_command, without_folders
from bidsml.arguments import build_parser, make_options
from bidsml.spec import load_analysis

WORDS = (
    "bidsml", "/study/bids", "/study/out", "participant", "--analysis", "demo", "--set", "denoise.strategy=24p",
    "--set=cv.outer.folds=3", "--derivatives", "fmriprep=/study/deriv", "--task-id", "rest", "--participant-label",
    "01", "02", "--random-seed", "7", "--skip-bids-validation", "-w", "/scratch/work", "--nprocs", "9",
)  # fmt: skip


def parsed(words):
    return make_options(build_parser().parse_args(list(words[1:])), command=tuple(words))


@pytest.fixture
def command():
    return repeat_command(load_analysis("demo"), parsed(WORDS), participant_id="02")


def test_the_words_make_the_same_options_for_one_participant(command):
    again, first = parsed(command), parsed(WORDS)
    same = (
        "bids_dir",
        "output_dir",
        "level",
        "work_dir",
        "derivatives",
        "task_ids",
        "random_seed",
        "skip_bids_validation",
    )
    assert {name: getattr(again, name) for name in same} == {name: getattr(first, name) for name in same}
    assert again.participant_labels == ("02",)
    assert [command[i + 1] for i, word in enumerate(command) if word == "--set"] == [
        "denoise.strategy=24p", "cv.outer.folds=3",
    ]  # fmt: skip


def test_what_only_sizes_the_machine_is_left_out(command):
    assert "--nprocs" not in command and "9" not in command


def test_no_folder_is_published(command):
    words = without_folders(command)
    assert not [word for word in words if "study" in word or "scratch" in word]
    assert words[1:4] == ("BIDS_DIR", "OUTPUT_DIR", "participant")
    assert "fmriprep=FMRIPREP_DIR" in words and "WORK_DIR" in words


@pytest.mark.parametrize("place", ["/home/me/my analysis.toml", "/home/me/x.toml"])
def test_files_keep_their_names(place):
    words = without_folders(("bidsml", "/a", "/b", "group", "--analysis", place, "--set", f'file="{place}"'))
    assert words[5] == f"FOLDER/{Path(place).name}"
    assert not [word for word in words if "home" in word]


def test_a_run_that_was_not_typed_has_a_command_too():
    options = parsed(WORDS)
    plain = repeat_command(load_analysis("demo"), type(options)(**{**vars(options), "command": ("bidsml", "demo")}))
    assert plain[4:6] == ("--analysis", "demo")


def test_nobody_published_has_no_command():
    assert without_folders(()) == ()
