"""Nipype's plugins for batch schedulers, made to tell what failed and to take any path."""

import getpass
import logging
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype.pipeline.plugins.base import report_crash
from nipype.pipeline.plugins.pbs import PBSPlugin
from nipype.pipeline.plugins.sge import SGEPlugin
from nipype.pipeline.plugins.slurm import SLURMPlugin
from nipype.pipeline.plugins.slurmgraph import SLURMGraphPlugin
from nipype.pipeline.plugins.tools import create_pyscript

from bidsml.errors import InterruptedRunError, MissingInputError

logger = logging.getLogger(__name__)

NO_RESULT = "results file does not exist"
"""In the traceback of a node whose job ended without a word, as one does that was killed."""
POLL_S = 2.0
MB_PER_GB = 1000


class _Steady:
    """What Nipype's plugins of one job per node lack, whatever the scheduler.

    A job that was killed leaves one long text as its traceback, where Nipype expects lines: its run then crashed.
    ``wrapper_cmd`` in the plugin's arguments, the name that Nipype's DAGMan plugin has for it, comes before the command
    of each job: a container where bidsml is only there.
    """

    def __init__(self, plugin_args: Mapping[str, Any] | None = None) -> None:
        super().__init__(plugin_args=dict(plugin_args or {}))  # type: ignore[call-arg]
        self._wrapper = _wrapper_of(plugin_args)

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        pyscript = Path(create_pyscript(node, updatehash=updatehash))
        script = pyscript.with_name(f"batchscript_{pyscript.stem}.sh")
        # _template and _submit_batchtask are Nipype's.
        first = self._template.rstrip("\n")  # type: ignore[attr-defined]
        script.write_text(f"{first}\n{_command(self._wrapper, pyscript)}\n", encoding="utf-8")
        job: int = self._submit_batchtask(str(script), node)  # type: ignore[attr-defined]
        return job

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        result: dict[str, Any] | None = super()._get_result(taskid)  # type: ignore[misc]
        if result is not None and isinstance(result["traceback"], str):
            result["traceback"] = result["traceback"].splitlines(keepends=True)
        return result


class SteadySGE(_Steady, SGEPlugin):  # type: ignore[misc]
    """Nipype's plugin for Grid Engine."""


class SteadyPBS(_Steady, PBSPlugin):  # type: ignore[misc]
    """Nipype's plugin for PBS."""


class SteadySLURM(_Steady, SLURMPlugin):  # type: ignore[misc]
    """One job per node, submitted when the node can start.

    The job asks for the node's memory and threads. Spaces in paths are no matter, nor is an environment without
    ``LOGNAME``. The queue is asked once for all jobs, every two seconds: Nipype asks for each job at each turn.
    """

    def __init__(self, plugin_args: Mapping[str, Any] | None = None) -> None:
        super().__init__(plugin_args)
        self._queue = _Queue()

    def _is_pending(self, taskid: int) -> bool:
        return self._queue.holds(str(taskid))

    def _submit_batchtask(self, scriptfile: str, node: Any) -> int:
        own = node.plugin_args or {}
        given = [] if own.get("overwrite") else shlex.split(self._sbatch_args or "")
        given += shlex.split(own.get("sbatch_args", ""))
        job = _submit(Path(scriptfile), node, given)
        self._queue.add(job)
        self._pending[int(job)] = node.output_dir()
        return int(job)


class SteadySLURMGraph(SLURMGraphPlugin):  # type: ignore[misc]
    """All jobs at once, each waiting for those that it needs.

    Nipype's own plugin ends when the jobs are in the queue, whatever becomes of them; this one waits until none is
    left, and tells which nodes failed or were killed.
    """

    def __init__(self, plugin_args: Mapping[str, Any] | None = None) -> None:
        # Without the callback, which Nipype warns that it doesn't call.
        super().__init__(plugin_args={k: v for k, v in (plugin_args or {}).items() if k != "status_callback"})
        self._given = shlex.split((plugin_args or {}).get("sbatch_args") or "")
        self._wrapper = _wrapper_of(plugin_args)

    def _submit_graph(self, pyfiles: Sequence[str], dependencies: Mapping[int, Sequence[int]], nodes: Any) -> None:
        queue = _Queue()
        jobs: list[str] = []
        codes = [Path(pyfile).with_suffix(".code") for pyfile in pyfiles]
        for number, (pyfile, node) in enumerate(zip(pyfiles, nodes, strict=True)):
            script = Path(pyfile).with_suffix(".sh")
            command = _command(self._wrapper, Path(pyfile))
            script.write_text(
                f"#!/bin/bash\n{command}\ncode=$?\necho $code >{shlex.quote(str(codes[number]))}\nexit $code\n",
                encoding="utf-8",
            )
            given = list(self._given)
            if dependencies[number]:
                waits = ":".join(jobs[index] for index in dependencies[number])
                given += [f"--dependency=afterok:{waits}", "--kill-on-invalid-dep=yes"]
            jobs.append(_submit(script, node, given))
            queue.add(jobs[-1])
        while any(queue.holds(job) for job in jobs):
            time.sleep(POLL_S)
        ended = [_read_code(path) for path in codes]
        failed = [number for number, code in enumerate(ended) if code != 0]
        for number in failed:
            ready = all(ended[index] == 0 for index in dependencies[number])
            if ended[number] is None and ready:
                report_crash(nodes[number], traceback=[f"job {jobs[number]} ended, but its {NO_RESULT}\n"])
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(nodes)} nodes did not finish")


BATCH_PLUGINS = {"SLURM": SteadySLURM, "SLURMGraph": SteadySLURMGraph, "SGE": SteadySGE, "PBS": SteadyPBS}


class _Queue:
    """What SLURM's queue holds of our jobs, asked for at most every ``POLL_S``."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._held: set[str] = set()
        self._asked_s = 0.0

    def add(self, job: str) -> None:
        self._jobs.add(job)
        self._held.add(job)

    def holds(self, job: str) -> bool:
        if time.monotonic() - self._asked_s > POLL_S:
            self._ask()
        return job in self._held

    def _ask(self) -> None:
        self._asked_s = time.monotonic()
        if not self._held:
            return
        ran = _call(["squeue", "--noheader", "--format=%i", "--user", getpass.getuser()])
        if ran.returncode:
            # A scheduler that is restarted or overloaded: our jobs go on meanwhile.
            logger.warning("squeue failed, asked again in %g s: %s", POLL_S, ran.stderr.strip())
            return
        self._held = set(ran.stdout.split()) & self._jobs


def _wrapper_of(plugin_args: Mapping[str, Any] | None) -> list[str]:
    return shlex.split((plugin_args or {}).get("wrapper_cmd") or "")


def _command(wrapper: Sequence[str], pyscript: Path) -> str:
    return shlex.join([*wrapper, sys.executable, str(pyscript)])


def _submit(script: Path, node: Any, given: Sequence[str]) -> str:
    """Submit a script with the node's memory and threads; what is given by the user comes later and wins."""
    words = ["sbatch", "--parsable", f"--job-name={node.fullname}", f"--cpus-per-task={max(1, node.n_procs)}"]
    words += [f"--mem={max(1, round(node.mem_gb * MB_PER_GB))}M", f"--output={script.with_suffix('.out')}"]
    ran = _call([*words, *given, str(script)])
    if ran.returncode:
        raise InterruptedRunError(
            f"sbatch did not take {node.fullname}: {ran.stderr.strip()}",
            hint="check sbatch_args in the --use-plugin file, then run the same command again to resume",
        )
    return ran.stdout.strip().partition(";")[0]


def _call(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {"LOGNAME": getpass.getuser(), **os.environ}
    try:
        return subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise MissingInputError(
            f"the plugin SLURM needs {words[0]}, which is not here", hint="run where jobs can be submitted"
        ) from error


def _read_code(path: Path) -> int | None:
    """Exit code that a job left; ``None`` where it was killed, or never began."""
    return int(path.read_text(encoding="ascii")) if path.is_file() else None
