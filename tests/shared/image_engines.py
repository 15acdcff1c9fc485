"""Three ways to run bidsml in an image, with one face: Podman, Apptainer, and bubblewrap where Apptainer is missing."""

import os
import re
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from container_tools import ROOT, Stopwatch, printed

# runc, since crun wants another layout of control groups than older kernels have; limits that an unprivileged host has.
PODMAN = ("podman", "--runtime", "runc")
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
HOMELESS = ("env", "-u", "HOME")


@dataclass(frozen=True)
class Folders:
    """A dataset that is only read, and what is written."""

    data: Path
    out: Path
    work: Path

    def own(self, uid: int) -> None:
        """Give what is written to a user: to root, every folder is writable, and nothing would be tested."""
        for folder in (self.out, self.work):
            folder.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                os.chown(folder, uid, uid)


@dataclass(frozen=True)
class PodmanImage:
    """An image in Podman's store, run with as little as a container can be given."""

    name: str
    digest: str
    uid: int
    watch: Stopwatch
    which: str = "podman"

    def run(self, what: str, words: Sequence[str], folders: Folders | None = None, *, homeless: bool = False) -> str:
        """Run bidsml; ``homeless`` takes HOME away, which the engine sets to something for everybody."""
        options = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp:rw,size=2g,mode=1777", *LIMITS]
        options += ["--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", f"{self.uid}:{self.uid}"]
        options += ["--env", f"BIDSML_CONTAINER_DIGEST={self.digest}"]
        if folders is not None:
            folders.own(self.uid)
            options += ["--volume", f"{folders.data}:/data:ro", "--volume", f"{folders.out}:/out"]
        before = ("--entrypoint", HOMELESS[0]) if homeless else ()
        after = (*HOMELESS[1:], "bidsml") if homeless else ()
        return self.watch.time(what, [*PODMAN, "run", *options, *before, self.name, *after, *words])

    def read(self, path: str) -> str:
        """Text of a file in the image; empty where there is none."""
        shell = ["--entrypoint", "cat", self.name, *path.split()]
        return printed([*PODMAN, "run", "--rm", "--network", "none", *LIMITS, *shell])


@dataclass(frozen=True)
class ApptainerImage:
    """A SIF file, run by an ordinary user."""

    program: Path
    sif: Path
    as_user: tuple[str, ...]
    uid: int
    watch: Stopwatch
    options: tuple[str, ...] = ()
    which: str = "apptainer"

    def run(self, what: str, words: Sequence[str], folders: Folders | None = None, *, homeless: bool = False) -> str:
        """Run bidsml; the file system of a SIF is never writable."""
        options = ["--cleanenv", "--containall", "--no-home", "--net", "--network", "none", *self.options]
        if folders is not None:
            folders.own(self.uid)
            options += ["--bind", f"{folders.data}:/data:ro", "--bind", f"{folders.out}:/out"]
            options += ["--bind", f"{folders.work}:/work"]
        start = ["exec", *options, self.sif, *HOMELESS, "bidsml"] if homeless else ["run", *options, self.sif]
        return self.watch.time(what, [*self.as_user, self.program, *start, *words], cwd="/")

    def read(self, path: str) -> str:
        """Text of a file in the image; empty where there is none."""
        options = ["--containall", "--no-home", *self.options]
        return printed([*self.as_user, self.program, "exec", *options, self.sif, "cat", path])


@dataclass(frozen=True)
class ChrootImage:
    """What ``singularity.def`` describes, made and run by bubblewrap: its %post, %environment and %runscript."""

    root: Path
    uid: int
    watch: Stopwatch
    which: str = "bubblewrap"
    sections: Mapping[str, str] = field(default_factory=dict)

    def run(self, what: str, words: Sequence[str], folders: Folders | None = None, *, homeless: bool = False) -> str:
        """Run the runscript with its environment, without network, as a user without rights."""
        options = ["--unshare-all", "--clearenv", "--ro-bind", self.root, "/", "--proc", "/proc", "--dev", "/dev"]
        options += ["--tmpfs", "/tmp", "--uid", str(self.uid), "--gid", str(self.uid)]
        if folders is not None:
            folders.own(os.getuid())
            options += [
                "--ro-bind",
                folders.data,
                "/data",
                "--bind",
                folders.out,
                "/out",
                "--bind",
                folders.work,
                "/work",
            ]
        home = "" if homeless else "export HOME=/nonexistent\n"
        script = f"{home}{self.sections['environment']}\n{self.sections['runscript']}"
        return self.watch.time(what, ["bwrap", *options, "sh", "-c", script, "bidsml", *words])

    def read(self, path: str) -> str:
        """Text of a file in the image."""
        return (self.root / path.lstrip("/")).read_text(encoding="utf-8")


def read_recipe(arguments: Mapping[str, str]) -> dict[str, str]:
    """Sections of ``singularity.def`` by name, with its arguments filled in."""
    text = (ROOT / "singularity.def").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^%(\w+)\n(.*?)(?=^%\w|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    defaults = dict(line.strip().split("=", 1) for line in sections["arguments"].splitlines() if "=" in line)
    values = defaults | dict(arguments)
    return {name: re.sub(r"\{\{ (\w+) \}\}", lambda found: values[found[1]], body) for name, body in sections.items()}


def build_chroot(root: Path, base: Path, *, shown: Sequence[tuple[Path, str]], watch: Stopwatch) -> ChrootImage:
    """Carry out the recipe in an unpacked base; ``shown`` are files of this machine to be seen while building."""
    sections = read_recipe({"BOOTSTRAP": "localimage", "BASE": base.name})
    root.mkdir()
    with tarfile.open(base) as archive:
        archive.extractall(root, filter="fully_trusted")
    for line in sections["files"].split("\n"):
        if line.strip():
            source, target = line.split()
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy2
            (root / target.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / source, root / target.lstrip("/"))
    options = ["--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--clearenv"]
    options += ["--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]
    for source, target in shown:
        options += ["--ro-bind", source, target]
    watch.time("bubblewrap build", ["bwrap", *options, "sh", "-e", "-c", sections["post"]])
    for name in ("data", "out", "work"):  # Apptainer makes the places of its binds itself
        (root / name).mkdir(exist_ok=True)
    return ChrootImage(root, 23456, watch, sections=sections)
