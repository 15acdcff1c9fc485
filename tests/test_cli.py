"""The command line: spelling, exit codes, and that the parser never accepts what it does not do."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bidsml import __version__
from bidsml.arguments import build_parser, make_options
from bidsml.cli import main
from bidsml.errors import DataError, MissingInputError, UsageError


def options(*words):
    return make_options(build_parser().parse_args(["in", "out", "participant", *words]), command=())


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_exit_with_0(flag, capsys):
    assert main([flag]) == 0
    printed = capsys.readouterr().out
    assert "bidsml" in printed
    assert flag == "--help" or __version__ in printed


@pytest.mark.parametrize("command", ["demo", "status", "rerun", "compare", "doctor", "schema"])
def test_every_helper_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"bidsml {command}" in capsys.readouterr().out


def test_the_parser_loads_nothing_heavy():
    code = "import sys, bidsml.arguments as c; c.build_parser(); print(sorted(m for m in sys.modules if m in HEAVY))"
    heavy = "HEAVY = {'numpy', 'pandas', 'nipype', 'nilearn', 'sklearn', 'bids', 'matplotlib'}; "
    done = subprocess.run([sys.executable, "-c", heavy + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 64, "required"),
        (["in", "out", "partcipant"], 17, "did you mean 'participant'"),
        (["in", "out", "participant", "--nprocs", "0"], 64, "above 0"),
        (["in", "out", "participant", "--mem-gb", "-1"], 64, "above 0"),
        (["in", "out", "participant", "--participant-lable", "1"], 64, "did you mean '--participant-label'"),
        (["in", "out", "participant", "--partic", "1"], 64, "--participant-label"),
        (["nowhere", "out", "participant"], 66, "nowhere"),
        (["nowhere", "out", "group", "--analysis", "brain-agee"], 78, "did you mean 'brain-age'"),
        (["status", "nowhere"], 66, "nowhere"),
        (["stauts", "out"], 64, "did you mean 'bidsml status'"),
        (["comapre", "a", "b"], 64, "did you mean 'bidsml compare'"),
        (["check_plugin", "x"], 64, "did you mean 'bidsml check-plugin'"),
        (["dema", "out", "participant"], 66, "dema"),
        (["status"], 64, "required"),
    ],
)
def test_exit_codes(words, code, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "a refused run leaves nothing behind"


def test_underscores_and_prefixes_are_taken(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("bidsml.cli.make_options", lambda arguments, command: seen.append(arguments) or _stop())

    def _stop():
        raise UsageError("stopped by the test")

    words = [str(tmp_path), "out", "participant", "--participant_label", "sub-01", "02", "--omp_nthreads=2"]
    assert main(words) == 64
    assert (seen[0].participant_label, seen[0].omp_nthreads) == (["sub-01", "02"], 2)
    assert options("--participant-label", "sub-01", "01", "02").participant_labels == ("01", "02")


def test_derivatives_are_named_paths():
    found = options("-d", "fmriprep=a/b", "-d", "c/xcpd").derivatives
    assert found == {"fmriprep": Path("a/b").absolute(), "xcpd": Path("c/xcpd").absolute()}
    with pytest.raises(UsageError, match="twice"):
        options("-d", "x=a", "-d", "x=b")


def test_filter_file(tmp_path):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"bold": {"task": "rest"}}))
    assert options("--bids-filter-file", str(path)).filters == {"bold": {"task": "rest"}}
    path.write_text("{\n bad")
    with pytest.raises(DataError, match=r"filter\.json:2"):
        options("--bids-filter-file", str(path))
    path.write_text("[1]")
    with pytest.raises(UsageError):
        options("--bids-filter-file", str(path))
    with pytest.raises(MissingInputError):
        options("--bids-filter-file", str(tmp_path / "none.json"))


def test_schema_prints_a_study_to_fill_in_and_its_schema(capsys):
    assert main(["schema", "--study-template"]) == 0
    assert 'approval = ""' in capsys.readouterr().out
    assert main(["schema", "--study"]) == 0
    assert "StudySpec" in json.loads(capsys.readouterr().out)["title"]
    assert main(["schema", "--study", "--study-template"]) == 64


def test_schema_prints_json(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "AnalysisSpec"


def test_doctor_names_what_is_at_hand(capsys):
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for word in ("nilearn", "power2011", "36p", "ridge", "roc_auc", "MultiProc", "MNI152"):
        assert word in printed


def test_help_is_fast():
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bidsml", "--help"], check=True, capture_output=True)
    # Half a second is usual; ten means that something heavy is loaded for a help text.
    assert time.perf_counter() - started < 10
