"""What is handed to a scheduler: here two scripts that run a job at once and hold none."""

import pytest
from nipype import Workflow

from bidsml.graph.node import make_node
from bidsml.graph.run import run_workflow

SBATCH = """#!/bin/bash
for last; do :; done
bash "$last" >&2
echo 7
"""
# What a container program is to the scheduler's jobs: it notes that it was called, and runs the rest.
WRAPPER = """#!/bin/bash
echo "$1 $2" >>"$(dirname "$0")/wrapped.txt"
shift
exec "$@"
"""


def note(*, out_dir):
    path = out_dir / "note.txt"
    path.write_text("done")
    return path


@pytest.mark.parametrize("plugin", ["SLURM", "SLURMGraph"])
def test_each_job_runs_behind_the_wrapper(tmp_path, monkeypatch, plugin):
    programs = tmp_path / "pro grams"
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", "#!/bin/bash\n"), ("wrapper", WRAPPER)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    workflow = Workflow(name="wf", base_dir=str(tmp_path / "work"))
    workflow.add_nodes([make_node(note, name, mem_gb=0.1) for name in ("first", "second")])
    arguments = {"wrapper_cmd": f"'{programs / 'wrapper'}' --image"}
    run_workflow(workflow, plugin=plugin, plugin_args=arguments, crash_dir=tmp_path / "crash")
    calls = (programs / "wrapped.txt").read_text().splitlines()
    assert len(calls) == 2
    assert all(call.startswith("--image ") and "python" in call for call in calls)
    for name in ("first", "second"):
        assert [path.read_text() for path in (tmp_path / "work").rglob(f"{name}/**/note.txt")] == ["done"]
