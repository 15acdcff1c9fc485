"""Both images, built from a local base, and the demo run on this machine itself to compare with.

Only ``make test-containers`` asks for these: as root they install packages, and they take minutes and gigabytes.
"""

import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from container_tools import (
    ROOT,
    Stopwatch,
    cache_folder,
    call,
    certificate_bundle,
    need_programs,
    write_pip_configuration,
)
from image_engines import PODMAN, ApptainerImage, ChrootImage, Folders, PodmanImage, build_chroot

BASE = "localhost/bidsml-base:local"
IMAGE = "localhost/bidsml:local"
DEMO = ("--analysis", "demo", "--nprocs", "1", "-d")
_WATCH = pytest.StashKey[Stopwatch]()


def pytest_configure(config):
    config.stash[_WATCH] = Stopwatch()


def pytest_terminal_summary(terminalreporter, config):
    measured = config.stash[_WATCH].measured
    if measured:
        terminalreporter.section("containers: what ran, seconds and sizes")
        for one in measured:
            terminalreporter.write_line(one)


@pytest.fixture(scope="session")
def watch(pytestconfig) -> Stopwatch:
    return pytestconfig.stash[_WATCH]


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """Scratch folder that other users can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="bidsml-containers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def base(watch) -> Path:
    """Stands in for the official slim Python image; kept for the next time."""
    tar = cache_folder() / "base.tar"
    if not tar.exists():
        if os.geteuid() != 0:
            pytest.skip("building a local base needs root")
        need_programs("mmdebstrap")
        watch.time("base", [ROOT / "containers/local/base.sh", tar])
    watch.size("base, unpacked", tar.stat().st_size)
    return tar


@pytest.fixture(scope="session")
def shown(place) -> list[tuple[Path, str]]:
    """Files of this machine that a build sees and does not keep: where packages come from, and whom to trust."""
    folder = place / "shown"
    folder.mkdir()
    shutil.copy(certificate_bundle(), folder / "ca.crt")
    write_pip_configuration(folder / "pip.conf", python=sys.executable)
    return [(folder, "/mnt")]


@pytest.fixture(scope="session")
def podman_base(base) -> str:
    """Put the base into Podman's store."""
    if os.geteuid() != 0:
        pytest.skip("building without root is not tried here")
    need_programs("buildah", "podman", "runc")
    if subprocess.run([*PODMAN, "image", "exists", BASE], check=False).returncode:
        call([*PODMAN, "import", "--quiet", "--change", 'CMD ["python3"]', base, BASE])
    return BASE


@pytest.fixture(scope="session")
def docker_image(podman_base, shown, watch, place) -> PodmanImage:
    """Build what the Dockerfile says, and give it a user that it doesn't know."""
    volumes = [word for source, target in shown for word in ("--volume", f"{source}:{target}:ro")]
    words = ["buildah", "bud", "--isolation", "chroot", "--pull-never", "--layers", *volumes]
    words += ["--build-arg", f"BASE={podman_base}", "--tag", IMAGE, ROOT]
    watch.time("Dockerfile: build", words, log=place / "docker.log")
    size = call([*PODMAN, "image", "inspect", "--format", "{{.Size}}", IMAGE])
    watch.size("Dockerfile: image", int(size))
    digest = call([*PODMAN, "image", "inspect", "--format", "{{.Digest}}", IMAGE]).strip()
    return PodmanImage(IMAGE, digest, random.randint(20_000, 60_000), watch)


@pytest.fixture(scope="session")
def stranger(place) -> Iterator[tuple[tuple[str, ...], int]]:
    """An ordinary user, and the words that run a program as them: Apptainer builds as one, and root lacks the right."""
    if os.geteuid() != 0:
        yield (), os.getuid()
        return
    name = f"bidsml-test-{os.getpid()}"
    call(["useradd", "--create-home", "--home-dir", place / name, name])
    uid = int(call(["id", "--user", name]))
    scratch = f"{place / name}/tmp"
    os.mkdir(scratch)
    os.chown(scratch, uid, uid)
    variables = [
        f"HOME={place / name}",
        f"APPTAINER_TMPDIR={scratch}",
        f"APPTAINER_CACHEDIR={scratch}",
        f"TMPDIR={scratch}",
    ]
    before = ("setpriv", "--reuid", name, "--regid", name, "--init-groups", "env", *variables)
    yield before, uid
    call(["userdel", name])


@pytest.fixture(scope="session")
def apptainer_program(watch) -> Path | str:
    """The program, or why there is none."""
    found = shutil.which("apptainer")
    if found:
        return Path(found)
    private = cache_folder() / "apptainer"
    if not (private / "bin" / "apptainer").exists():
        if os.geteuid() != 0:
            return "apptainer is not installed"
        need_programs("patchelf")
        done = subprocess.run(
            [ROOT / "containers/local/apptainer.sh", private], capture_output=True, text=True, check=False
        )
        if done.returncode:
            shutil.rmtree(private, ignore_errors=True)
            return f"apptainer could not be fetched: {done.stderr[-300:]}"
    return private / "bin" / "apptainer"


@pytest.fixture(scope="session")
def sif_image(apptainer_program, base, shown, stranger, watch, place) -> ApptainerImage | ChrootImage:
    """Build what singularity.def says: by Apptainer, or its steps in a chroot where there is none."""
    if isinstance(apptainer_program, str):
        need_programs("bwrap")
        watch.measured.append(f"singularity.def: carried out by bubblewrap, since {apptainer_program}")
        return build_chroot(place / "chroot", base, shown=shown, watch=watch)
    return _build_sif(apptainer_program, base, shown, stranger, watch, place)


def _build_sif(program, base, shown, stranger, watch, place) -> ApptainerImage:
    need_programs("mksquashfs", "squashfuse", "fakeroot", "newuidmap", "podman")
    as_user, uid = stranger
    archive = place / "base-oci.tar"
    call([*PODMAN, "save", "--quiet", "--format", "oci-archive", "--output", archive, BASE])
    archive.chmod(0o644)
    folder = place / "sif"
    folder.mkdir()
    if as_user:
        os.chown(folder, uid, uid)
    binds = [word for source, target in shown for word in ("--bind", f"{source}:{target}:ro")]
    words = [*as_user, program, "build", "--disable-cache", *binds, "--mksquashfs-args", "-comp lz4"]
    words += ["--build-arg", "BOOTSTRAP=oci-archive", "--build-arg", f"BASE={archive}"]
    words += [folder / "bidsml.sif", "singularity.def"]
    version = call([program, "--version"]).strip()
    watch.measured.append(f"singularity.def: carried out by {version}")
    watch.time("singularity.def: build", words, cwd=_readable_copy(place), log=place / "sif.log")
    watch.size("singularity.def: image (lz4)", (folder / "bidsml.sif").stat().st_size)
    options = ()
    if subprocess.run([*as_user, "test", "-w", "/dev/fuse"], check=False).returncode:
        # Mounting the image needs that device; without it, Apptainer unpacks the image at each start.
        options = ("--unsquash",)
        watch.measured.append("singularity.def: run with --unsquash, since /dev/fuse is closed to ordinary users")
    return ApptainerImage(program, folder / "bidsml.sif", as_user, uid, watch, options)


def _readable_copy(place: Path) -> Path:
    """Copy what the recipe takes to where the ordinary user can read it."""
    copy = place / "source"
    copy.mkdir()
    call(["cp", "-r", *(ROOT / name for name in ("containers", "bidsml", "workflows")), copy])
    for name in ("pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "singularity.def"):
        shutil.copy(ROOT / name, copy)
    call(["chmod", "-R", "a+rX", copy])
    return copy


@pytest.fixture(scope="session")
def dataset(place) -> Path:
    """The simulated cohort of ``bidsml demo``."""
    from bidsml.simulate import CohortDesign, simulate_cohort

    return simulate_cohort(place / "data", CohortDesign())


@pytest.fixture(scope="session")
def outside_python() -> tuple[str, dict[str, str]]:
    """Python for the run outside, and its environment: Debian's own where it can read this environment's packages.

    The local base has the same Python to the patch version, and Python's patch version shows in the output: it is
    named in reports, and ``zipfile`` marks archives by it.
    """
    folder = sysconfig.get_path("platlib")
    system = Path("/usr/bin/python3")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    asks = [system, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    if system.exists() and call(asks).strip() == minor:
        return str(system), {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "PYTHONNOUSERSITE": "1"}
    return sys.executable, {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def outside(dataset, outside_python, place, watch) -> Path:
    """Both levels run on this machine itself, with the output where a container's is: beside the dataset."""
    python, environment = outside_python
    for level in ("participant", "group"):
        words = [python, "-m", "bidsml", dataset, place / "outside", level, *DEMO]
        words += [f"{name}={dataset / 'derivatives' / name}" for name in ("fmriprep", "atlas")]
        watch.time(f"outside, {level}", [*words, "-w", place / "work-outside"], env=environment)
    return place / "outside"


def demo_words(level: str, work: str) -> list[str]:
    """The same call as a container gets it."""
    derivatives = [f"{name}=/data/derivatives/{name}" for name in ("fmriprep", "atlas")]
    return ["/data", "/out", level, *DEMO, *derivatives, "-w", work]


def run_demo(image: PodmanImage | ApptainerImage | ChrootImage, dataset: Path, place: Path, *, work: str) -> Path:
    """Run both levels in an image, the second without HOME."""
    folders = Folders(dataset, place / f"out-{image.which}", place / f"work-{image.which}")
    for level in ("participant", "group"):
        image.run(f"{image.which}, {level}", demo_words(level, work), folders, homeless=level == "group")
    return folders.out


@pytest.fixture(scope="session")
def docker_output(docker_image, dataset, place) -> Path:
    return run_demo(docker_image, dataset, place, work="/tmp/work")


@pytest.fixture(scope="session")
def sif_output(sif_image, dataset, place) -> Path:
    return run_demo(sif_image, dataset, place, work="/work")
