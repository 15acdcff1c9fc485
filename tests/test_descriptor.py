"""The Boutiques descriptor: valid by Boutiques' own tool, complete, and leading back to the same command line."""

import json
import shlex
import subprocess
import sys

import pytest

from bidsml.arguments import NUMBERS, build_parser, make_options
from bidsml.cli import main
from bidsml.descriptor import _MADE, _NAMES, describe_command
from bidsml.errors import BidsmlError


@pytest.fixture(scope="module")
def descriptor():
    return describe_command(build_parser(), levels=("participant", "group"), numbers=NUMBERS)


def bosh(*words):
    """Boutiques' command, in a process of its own: it replaces loggers and reads its caches."""
    call = [sys.executable, "-c", "import sys; from boutiques import bosh; sys.exit(bosh(sys.argv[1:]))", *words]
    return subprocess.run(call, capture_output=True, text=True, check=False)


def test_printed_descriptor_is_valid_for_boutiques(tmp_path, capsys):
    pytest.importorskip("boutiques", reason="boutiques is not installed; make test installs it")
    assert main(["--bids-exec-spec"]) == 0
    path = tmp_path / "bidsml.json"
    path.write_text(capsys.readouterr().out)
    checked = bosh("validate", str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    # The check can fail.
    path.write_text(json.dumps(json.loads(path.read_text()) | {"command-line": "bidsml"}))
    assert bosh("validate", str(path)).returncode != 0


def test_every_argument_of_the_parser_is_described(descriptor):
    flags = {one.get("command-line-flag", one["id"]) for one in descriptor["inputs"]}
    for action in build_parser()._actions:
        spellings = action.option_strings or [_NAMES.get(action.dest, action.dest)]
        assert flags & set(spellings) or action.dest in {"help", "version", "bids_exec_spec"}, action
    assert {action.dest for action in build_parser()._actions} >= _MADE | set(_NAMES)


def test_error_codes_are_those_of_the_error_tree(descriptor):
    codes = {one["code"] for one in descriptor["error-codes"]}
    assert codes == {kind.exit_code for kind in BidsmlError.__subclasses__()} | {70, 130}


def test_a_call_made_by_boutiques_means_what_was_asked(descriptor, tmp_path):
    pytest.importorskip("boutiques", reason="boutiques is not installed; make test installs it")
    path, call = tmp_path / "bidsml.json", tmp_path / "call.json"
    path.write_text(json.dumps(descriptor))
    asked = {
        "bids_dir": str(tmp_path),
        "output_dir": str(tmp_path / "out"),
        "analysis_level": "participant",
        "participant_label": ["01", "02"],
        "derivatives": ["fmriprep=/d/f", "atlas=/d/a"],
        "overrides": ["inference.permutations=99", "cv.outer.folds=3"],
        "nprocs": 2,
        "mem_gb": 3.5,
        "stop_on_first_crash": True,
    }
    call.write_text(json.dumps(asked))
    simulated = bosh("exec", "simulate", str(path), "-i", str(call))
    line = next(line for line in simulated.stdout.splitlines() if line.startswith("bidsml "))
    arguments = build_parser().parse_args(shlex.split(line)[1:])
    options = make_options(arguments, command=("bidsml",))
    assert options.participant_labels == ("01", "02")
    assert {name: str(folder) for name, folder in options.derivatives.items()} == {"fmriprep": "/d/f", "atlas": "/d/a"}
    assert arguments.overrides == asked["overrides"]
    assert (options.nprocs, options.mem_gb, options.stop_on_first_crash) == (2, 3.5, True)
    assert (options.random_seed, arguments.analysis, options.allow_partial) == (0, "rest-connectome", False)


def test_a_published_image_is_named(monkeypatch):
    monkeypatch.setenv("BIDSML_CONTAINER_URI", "docker://lab/bidsml@sha256:1")
    monkeypatch.setenv("BIDSML_CONTAINER_TYPE", "docker")
    named = describe_command(build_parser(), levels=("participant",), numbers=NUMBERS)["container-image"]
    assert named == {"type": "docker", "image": "lab/bidsml@sha256:1", "index": "docker://"}
