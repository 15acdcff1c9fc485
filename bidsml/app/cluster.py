"""Write the scripts that run a dataset on a cluster: an array over participants, shards, and the group after them."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bidsml.app.status import of_analysis, read_statuses
from bidsml.bids.participants import read_participants
from bidsml.bids.store import write_text
from bidsml.errors import NothingSelectedError, OutputError, near_names
from bidsml.spec import RunOptions, ready_made_folder

SCHEDULERS = ("slurm", "sge", "pbs", "local")
_SHARED = ("level.sh", "submit.sh")


@dataclass(frozen=True)
class JobSize:
    """What one job asks for: cores, memory in MB (2^20 bytes), and wall time as ``HH:MM:SS``."""

    cpus: int
    memory_mb: int
    time: str


@dataclass(frozen=True)
class ClusterPlan:
    """How a dataset is spread over jobs.

    Attributes
    ----------
    command
        How bidsml is called on a node: ``("bidsml",)``, or a container's command line.
    words
        Options of bidsml for both levels, as on the command line.
    shards
        Jobs that the permutations are divided into; 1 leaves them to the group's job.
    scheduler_options
        Handed to the scheduler with every job, such as a partition.
    """

    scheduler: str
    command: tuple[str, ...]
    words: tuple[str, ...]
    shards: int
    participant: JobSize
    group: JobSize
    max_running: int
    scheduler_options: tuple[str, ...] = ()


def list_participants(options: RunOptions, analysis: str, *, missing_only: bool) -> tuple[str, ...]:
    """Labels of the participants that get a job.

    Parameters
    ----------
    missing_only
        Leave out those that are finished, and those known to have no input.

    Raises
    ------
    NothingSelectedError
        One that was asked for is not in the dataset, or nobody is in it.
    """
    known = tuple(read_participants(options.bids_dir)["participant_id"])
    for label in options.participant_labels:
        if label not in known:
            raise NothingSelectedError(
                f"participant {label!r} is not in {options.bids_dir}", hint=near_names(label, known)
            )
    if not known:
        raise NothingSelectedError(f"{options.bids_dir} has no participants", hint="check BIDS_DIR")
    labels = options.participant_labels or known
    if not missing_only:
        return labels
    statuses = of_analysis(read_statuses(options.output_dir), analysis)
    settled = {label for label, status in statuses.items() if status.state in ("done", "no-input")}
    return tuple(label for label in labels if label not in settled)


def write_scripts(folder: Path, plan: ClusterPlan, options: RunOptions, labels: Sequence[str]) -> Path:
    """Write the scripts, their settings and the list of participants.

    Returns
    -------
    Path
        The script that submits everything.

    Raises
    ------
    OutputError
        ``folder`` holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "settings.sh").is_file():
        raise OutputError(f"{folder} holds something else", hint="give a new folder for the scripts")
    folder.mkdir(parents=True, exist_ok=True)
    source = ready_made_folder() / "cluster"
    for path in (*(source / name for name in _SHARED), *sorted((source / plan.scheduler).glob("*.sh"))):
        shutil.copy(path, folder / path.name)
    write_text(folder / "participants.txt", "".join(f"{label}\n" for label in labels))
    write_text(folder / "settings.sh", settings_text(plan, options))
    return folder / "submit.sh"


def settings_text(plan: ClusterPlan, options: RunOptions) -> str:
    """Bash assignments that the scripts read; every word is quoted, whatever is in it."""
    values: dict[str, str | int | Sequence[str]] = {
        "RUN_DIR": str(Path.cwd()),
        "BIDS_DIR": str(options.bids_dir),
        "OUTPUT_DIR": str(options.output_dir),
        "WORK_DIR": str(options.work_dir),
        "BIDSML": plan.command,
        "OPTIONS": plan.words,
        "SHARDS": plan.shards,
        "MAX_REQUEUES": 5,
        "PARTICIPANT_CPUS": plan.participant.cpus,
        "PARTICIPANT_MEMORY_MB": plan.participant.memory_mb,
        "PARTICIPANT_TIME": plan.participant.time,
        "GROUP_CPUS": plan.group.cpus,
        "GROUP_MEMORY_MB": plan.group.memory_mb,
        "GROUP_TIME": plan.group.time,
        "MAX_RUNNING": plan.max_running,
        "SCHEDULER_OPTIONS": plan.scheduler_options,
    }
    lines = ["# Made by `bidsml cluster`; read by every script of this folder."]
    for name, value in values.items():
        quoted = shlex.quote(str(value)) if isinstance(value, str | int) else f"({shlex.join(value)})"
        lines.append(f"{name}={quoted}")
    return "\n".join(lines) + "\n"
