"""Nipype's SLURM plugin from inside the image: the image submits jobs, each of which starts the image again."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from container_tools import call
from slurm import ThrowawaySlurm, start_slurm

pytestmark = pytest.mark.containers
FEATURES = "sub-01/sub-01_desc-demoConnectome_features.npz"


@pytest.fixture(scope="module")
def slurm() -> Iterator[ThrowawaySlurm]:
    with start_slurm() as cluster:
        yield cluster


def parts_of_slurm(cluster: ThrowawaySlurm) -> list[str]:
    """What a container must see of this machine to submit jobs: programs, their libraries, settings, the user."""
    programs = [shutil.which(name) for name in ("sbatch", "squeue")]
    linked = subprocess.run(["ldd", programs[0]], capture_output=True, text=True, check=True).stdout.split()
    plugins = next(Path(word).parent for word in linked if word.endswith("libslurmfull.so") and word.startswith("/"))
    munge = next(plugins.parent.glob("libmunge.so.?"))
    return [*map(str, programs), str(plugins), str(munge), str(cluster.folder), "/etc/passwd", "/etc/group"]


def bound(*paths: object) -> list[str]:
    return [word for path in paths for word in ("--bind", str(path))]


def test_every_step_is_a_job_that_starts_the_image(sif_image, sif_output, slurm, stranger, dataset, place):
    if sif_image.which != "apptainer":
        pytest.skip("bubblewrap stands in for Apptainer here, and has no program to be called in a job")
    as_user, uid = stranger
    folder = place / "through-slurm"
    for path in (folder, folder / "out", folder / "work"):
        path.mkdir()
        call(["chown", str(uid), path])
    alone = ["--cleanenv", "--containall", "--no-home", "--pwd", "/", *sif_image.options]
    alone += bound(folder, f"{dataset}:{dataset}:ro")
    # Words of the user that set variables: a job gets none of its own.
    variables = [word for word in as_user if "=" in word]
    wrapper = ["env", *variables, "PATH=/usr/bin:/bin:/usr/sbin", sif_image.program, "exec", *alone, sif_image.sif]
    # Unpacking the image, where it can't be mounted, takes more memory than a step.
    arguments = f"wrapper_cmd: {shlex.join(map(str, wrapper))}\n  sbatch_args: --export=NIL --chdir=/ --mem=2G"
    plugin = folder / "plugin.yml"
    plugin.write_text(f"plugin: SLURM\nplugin_args:\n  {arguments}\n", encoding="utf-8")
    reach = ["--env", f"SLURM_CONF={slurm.folder / 'slurm.conf'}", *bound(*parts_of_slurm(slurm))]
    derivatives = [f"{name}={dataset / 'derivatives' / name}" for name in ("fmriprep", "atlas")]
    words = [dataset, folder / "out", "participant", "--participant-label", "01", "--analysis", "demo"]
    words += ["-d", *derivatives, "-w", folder / "work", "--use-plugin", plugin]
    told = call([*as_user, sif_image.program, "run", *alone, *reach, sif_image.sif, *words], cwd="/")
    assert "1 finished" in told
    scripts = list((folder / "work").rglob("batchscript_*.sh"))
    assert len(scripts) == 3, "a job each for reading, extracting and publishing"
    assert all(str(sif_image.sif) in path.read_text(encoding="utf-8") for path in scripts)
    assert (folder / "out" / FEATURES).read_bytes() == (sif_output / FEATURES).read_bytes()
    for path in (sif_output / "sub-01").rglob("*"):
        if path.is_file() and path.suffix != ".json":
            assert (folder / "out" / path.relative_to(sif_output)).read_bytes() == path.read_bytes(), path.name
