"""No network at run time: none is there, none is asked for. And an environment that gives nothing."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from place import digests, run_process

# Python imports this in every process that it starts, workers too: whatever would leave the machine is written down.
GUARD = """
import os, socket

def _tell(what):
    with open({trace!r}, "a") as handle:
        handle.write(what + "\\n")

def _guard(name):
    real = getattr(socket.socket, name)
    def guarded(self, address, *more):
        if self.family != socket.AF_UNIX:
            _tell(f"{{name}} {{address}}")
        return real(self, address, *more)
    setattr(socket.socket, name, guarded)

for name in ("connect", "connect_ex", "sendto"):
    _guard(name)

def _lookup(*words, **more):
    _tell(f"getaddrinfo {{words[:2]}}")
    raise socket.gaierror("no name is looked up in this test")

socket.getaddrinfo = _lookup
_tell("guarded")
"""


@pytest.fixture
def guarded(tmp_path) -> dict[str, str]:
    """Environment in which every Python process writes down what it would send."""
    folder = tmp_path / "guard"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GUARD.format(trace=str(tmp_path / "trace")))
    return {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def cut_off() -> list[str]:
    """Words that start a process without any network; skips where the machine does not let us."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    pytest.skip("this machine lets nobody make a network namespace (unshare -n)")


def test_the_guard_sees_what_is_asked(guarded, tmp_path):
    code = "import urllib.request as u\ntry: u.urlopen('http://192.0.2.1/', timeout=0.1)\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", code], env=guarded, check=True)
    assert "192.0.2.1" in (tmp_path / "trace").read_text()


@pytest.mark.fault(14)
def test_both_levels_without_a_network(fresh, guarded, tmp_path):
    words = cut_off()
    for level in ("participant", "group"):
        command = fresh.words(level)
        command[command.index("--nprocs") + 1] = "2"
        done = subprocess.run(
            [*words, sys.executable, "-m", "bidsml", *command],
            env=guarded, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    told = (tmp_path / "trace").read_text().splitlines()
    assert told.count("guarded") > 2, "the workers were not watched"
    assert [line for line in told if line != "guarded"] == []


def bare(place) -> dict[str, str]:
    """An environment with nothing in it but where programs and temporary files are."""
    scratch = place.output.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"}


@pytest.mark.fault(13)
def test_no_home_is_needed_and_none_is_written_to(fresh):
    """HOME unset, and where the password file says it is: nothing new below it."""
    home = Path.home()
    before = _listing(home)
    environment = bare(fresh)
    for level in ("participant", "group"):
        ran = run_process(*fresh.words(level), env=environment)
        assert ran.code == 0, ran.text
    assert _listing(home) - before == set(), "something was written into the home folder"


def _listing(home: Path) -> set[str]:
    """What lies directly in a home folder and in its usual hiding places."""
    places = (
        home,
        home / ".cache",
        home / ".config",
        home / ".local",
        home / ".nipype",
        home / ".cache" / "templateflow",
    )
    return {str(entry) for place in places if place.is_dir() for entry in place.iterdir()}


def _open_up(tmp_path: Path) -> str:
    """Shell words that let others reach the interpreter, in the mounts of one process alone; skips where they can't.

    An interpreter below a home folder that is closed to others is shown in an empty folder of the same name.
    """
    roots = {Path(sys.executable).resolve(), Path(sys.prefix), Path(__file__).resolve(), Path(sys.base_prefix)}
    closed = {
        folder
        for start in roots
        for folder in start.parents
        if not folder.stat().st_mode & stat.S_IXOTH and folder != tmp_path
    }
    if not closed:
        return ""
    home, base = Path.home(), Path(sys.base_prefix)
    if closed != {home} or not base.is_relative_to(home) or Path(__file__).is_relative_to(home):
        pytest.skip(f"the program lies where other users cannot look: {', '.join(map(str, sorted(closed)))}")
    aside = tmp_path / "interpreter"
    aside.mkdir()
    return (
        f"mount --bind '{base}' '{aside}' && mount -t tmpfs -o mode=755 tmpfs '{home}' && mkdir -p '{base}' && "
        f"mount --bind '{aside}' '{base}' && "
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may enter: pytest's own are closed."""
    with TemporaryDirectory(prefix="bidsml-test-") as folder:
        yield Path(folder)


@pytest.mark.fault(13)
def test_a_random_user_on_a_read_only_root(fresh, open_folder):
    """As a container starts it: a uid without a name, nothing to write but the output and TMPDIR."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become somebody else (setpriv)")
    opened = _open_up(open_folder)
    place = replace(fresh, dataset=open_folder / "dataset", output=open_folder / "out", work=open_folder / "work")
    shutil.copytree(fresh.dataset, place.dataset)
    subprocess.run(["chmod", "-R", "a+rX", str(open_folder)], check=True)
    for name in ("out", "work", "scratch"):
        (open_folder / name).mkdir()
        os.chown(open_folder / name, 54321, 54321)
    before = digests(place.dataset)
    inside = [
        "setpriv",
        "--reuid=54321",
        "--regid=54321",
        "--clear-groups",
        "--no-new-privs",
        sys.executable,
        "-m",
        "bidsml",
    ]
    writable = " && ".join(
        f"mount --bind '{open_folder / name}' '{open_folder / name}'" for name in ("out", "work", "scratch")
    )
    script = f'mount --make-rprivate / && {opened}{writable} && mount -o remount,bind,ro / && exec "$@"'
    for level in ("participant", "group"):
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", *inside, *place.words(level)],
            env=bare(place), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if "mount:" in done.stdout:
            pytest.skip(f"this machine does not let us mount: {done.stdout.strip().splitlines()[0]}")
        assert done.returncode == 0, done.stdout
    assert digests(place.dataset) == before
