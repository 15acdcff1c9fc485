"""A SLURM of one node for the time of a test: on loopback, without systemd or cgroups, started as root."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo", "munged")
PARTITION = "test"


def why_not() -> str:
    """Why no SLURM can be started here; empty where one can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no SLURM here: {', '.join(missing)} not found (Debian: apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "a SLURM of its own needs root"
    return ""


class ThrowawaySlurm:
    """A running cluster of this machine alone.

    Parameters
    ----------
    folder
        Empty folder for its state; its path must be short, for the socket's sake, and without spaces.
    cpus, memory_mb
        What the node offers.
    """

    def __init__(self, folder: Path, *, cpus: int = 2, memory_mb: int = 6000) -> None:
        self.folder, self.cpus, self.memory_mb = folder, cpus, memory_mb
        self.host = socket.gethostname().partition(".")[0]

    @property
    def environment(self) -> Mapping[str, str]:
        """What SLURM's commands need to find this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "LOGNAME": "root"}

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir(mode=0o700)
        self.folder.chmod(0o755)
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        (self.folder / "slurm.conf").write_text(self._configuration(), encoding="utf-8")
        self._run(
            "munged", "--force", f"--key-file={key}", f"--socket={self._socket}",
            f"--pid-file={self.folder / 'munged.pid'}", f"--log-file={self.folder / 'munge' / 'log'}",
            f"--seed-file={self.folder / 'munge' / 'seed'}",
        )  # fmt: skip
        self._run("slurmctld", "-c")
        self._run("slurmd", "-c")
        self._wait_idle(60)

    def stop(self) -> None:
        """End every job and daemon."""
        subprocess.run(["scancel", "-u", "root"], env=self.environment, check=False, timeout=20)
        for name in ("slurmd", "slurmctld", "munged"):
            pid_file = self.folder / f"{name}.pid"
            if pid_file.is_file() and pid_file.read_text(encoding="ascii").strip():
                _end(int(pid_file.read_text(encoding="ascii")))

    def wait(self, job: str, *, at_most_s: float) -> None:
        """Wait until no task of a job is in the queue."""
        end = time.monotonic() + at_most_s
        while self._run("squeue", "-h", "-j", job, "-o", "%T", check=False).strip():
            if time.monotonic() > end:
                queue = self._run("squeue", "-l")
                raise TimeoutError(f"job {job} did not end within {at_most_s} s:\n{queue}")
            time.sleep(0.5)

    def state(self, job: str) -> str:
        """What SLURM says of a job or a task (``7_2``), as long as it remembers it."""
        fields = dict(
            word.split("=", 1) for word in self._run("scontrol", "-o", "show", "job", job).split() if "=" in word
        )
        return fields["JobState"]

    @property
    def _socket(self) -> Path:
        return self.folder / "munge.socket"

    def _wait_idle(self, at_most_s: float) -> None:
        end = time.monotonic() + at_most_s
        while "idle" not in self._run("sinfo", "-h", "-o", "%T", check=False):
            if time.monotonic() > end:
                logs = [path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log"))]
                raise TimeoutError("SLURM did not start:\n" + "\n".join(logs))
            time.sleep(0.3)

    def _run(self, *words: str, check: bool = True) -> str:
        ran = subprocess.run(words, env=self.environment, check=False, capture_output=True, text=True, timeout=60)
        if check and ran.returncode:
            raise RuntimeError(f"{' '.join(words)} failed ({ran.returncode}): {ran.stderr}")
        return ran.stdout

    def _configuration(self) -> str:
        place = self.folder
        values = {
            "ClusterName": "bidsml",
            "SlurmctldHost": f"{self.host}(127.0.0.1)",
            "SlurmctldPort": _free_port(),
            "SlurmdPort": _free_port(),
            "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self._socket}",
            "SlurmUser": "root",
            "StateSaveLocation": place / "state",
            "SlurmdSpoolDir": place / "spool",
            "SlurmctldPidFile": place / "slurmctld.pid",
            "SlurmdPidFile": place / "slurmd.pid",
            "SlurmctldLogFile": place / "slurmctld.log",
            "SlurmdLogFile": place / "slurmd.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "MpiDefault": "none",
            "PropagateResourceLimits": "NONE",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core_Memory",
            "ReturnToService": 2,
            "SlurmdParameters": "config_overrides",
            "SchedulerParameters": "sched_interval=1,bf_interval=1,batch_sched_delay=0,requeue_setup_env_fail",
            "DependencyParameters": "kill_invalid_depend",
            # Memory is looked at every second, and a job that takes more than it asked for is killed.
            "JobAcctGatherType": "jobacct_gather/linux",
            "JobAcctGatherFrequency": "task=1",
            "JobAcctGatherParams": "OverMemoryKill",
            "AccountingStorageType": "accounting_storage/none",
            "MinJobAge": 3600,
        }
        lines = [f"{name}={value}" for name, value in values.items()]
        lines.append(f"NodeName={self.host} NodeAddr=127.0.0.1 CPUs={self.cpus} RealMemory={self.memory_mb}")
        lines.append(f"PartitionName={PARTITION} Nodes={self.host} Default=YES MaxTime=60 DefaultTime=10 State=UP")
        return "\n".join(lines) + "\n"


@contextmanager
def start_slurm() -> Iterator[ThrowawaySlurm]:
    """Give a cluster for a while; skips where none can be started."""
    if reason := why_not():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        cluster = ThrowawaySlurm(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(pid: int, at_most_s: float = 20.0) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + at_most_s
        while time.monotonic() < end:
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
