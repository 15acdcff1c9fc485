"""The images as they run: nothing writable but the output, no network, no home, a user they don't know."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from container_tools import call
from image_engines import PODMAN

from bidsml import __version__
from bidsml.bids.comparison import ALIKE, compare_outputs
from bidsml.bids.likeness import Tolerance

pytestmark = pytest.mark.containers
# Twice what the packages take unpacked would mean that something came along that nobody asked for.
LARGEST_MB = 1000
NAMES_THE_CONTAINER = {"dataset_description.json", "group/demo/run.json"}


def generated_by(out: Path) -> dict[str, object]:
    return json.loads((out / "dataset_description.json").read_text())["GeneratedBy"][0]


def assert_same_output(inside: Path, outside: Path, *, same_python: bool) -> None:
    """Every number equal; with the same Python, every byte, but in what names the container."""
    found = compare_outputs(outside, inside, Tolerance(0.0, 0.0))
    assert len(found) > 400, "the demo writes more than ten files for each of its 40 participants"
    assert not [one for one in found if one.verdict.startswith("only")]
    unlike = {one.path: one.detail for one in found if one.verdict != "identical"}
    if same_python:
        assert set(unlike) == NAMES_THE_CONTAINER, unlike
    else:
        told = ("Container", "python", "participant manifests", "text: '3.")
        differs = [one for one in found if one.verdict not in ALIKE]
        assert not [one for one in differs if not any(word in one.detail for word in told)], differs
    descriptions = [json.loads((out / "dataset_description.json").read_text()) for out in (inside, outside)]
    assert "Container" not in descriptions[1]["GeneratedBy"][0]
    del descriptions[0]["GeneratedBy"][0]["Container"]
    assert descriptions[0] == descriptions[1]


def assert_valid(out: Path, logs: Path) -> None:
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    report = logs / f"{out.name}-validator.json"
    subprocess.run([validator, out, "--json", "--outfile", report], check=False, capture_output=True)
    issues = json.loads(report.read_text())["issues"]["issues"]
    assert not [issue for issue in issues if issue["severity"] == "error"]


@pytest.fixture(scope="session")
def same_python(docker_image, outside_python) -> bool:
    python, environment = outside_python
    outside = call([python, "-c", "import platform; print(platform.python_version())"], env=environment).strip()
    return outside == json.loads(docker_image.read("/opt/bidsml/share/bidsml/image.json"))["Python"]


def test_podman_gives_what_this_machine_gives(docker_output, outside, same_python):
    assert_same_output(docker_output, outside, same_python=same_python)


def test_apptainer_gives_what_this_machine_gives(sif_output, outside, same_python):
    assert_same_output(sif_output, outside, same_python=same_python)


def test_the_validator_finds_no_error(docker_output, sif_output, place):
    assert_valid(docker_output, place)
    assert_valid(sif_output, place)


def test_the_output_names_image_digest_and_what_it_was_made_from(docker_image, sif_image, docker_output, sif_output):
    named = generated_by(docker_output)["Container"]
    assert (named["Type"], named["Tag"]) == ("docker", f"bidsml:{__version__}")
    assert named["Digest"] == docker_image.digest
    other = generated_by(sif_output)["Container"]
    assert (other["Type"], other["Tag"]) == ("apptainer", f"bidsml:{__version__}")
    # The same sources, the same lock, the same base: one digest, whichever recipe.
    assert named["Build"] == other["Build"]
    assert json.loads(sif_image.read("/opt/bidsml/share/bidsml/image.json"))["Build"] == other["Build"]


def test_the_doctor_tells_of_container_and_templates(docker_image, sif_image):
    for image in (docker_image, sif_image):
        told = " ".join(image.run(f"{image.which}, doctor", ["doctor"]).split())
        assert f"bidsml:{__version__}" in told
        note = json.loads(image.read("/opt/bidsml/share/bidsml/templates.json"))
        assert f"this image: {note['Template']}, {note['State']}" in told


def test_a_wrong_call_has_the_exit_code_that_it_has_outside(docker_image):
    words = [*PODMAN, "run", "--rm", "--network", "none", "--read-only", docker_image.name, "/data", "/out", "both"]
    words[4:4] = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "unknown analysis level 'both'" in done.stderr) == (17, True), done.stderr


def test_image_has_its_labels_its_user_and_nothing_of_the_build(docker_image):
    inspected = json.loads(call([*PODMAN, "image", "inspect", docker_image.name]))[0]
    labels = inspected["Labels"]
    assert labels["org.opencontainers.image.version"] == labels["bids.app.version"] == __version__
    assert labels["bids.app.analysis-levels"] == "participant,group"
    assert (inspected["User"], inspected["Config"]["Entrypoint"]) == ("10001:10001", ["bidsml"])
    assert inspected["Size"] < LARGEST_MB * 1e6
    # What the build saw of this machine is not in the image, and neither are pip, tests and build tools.
    assert docker_image.read("/mnt/pip.conf /mnt/ca.crt /etc/pip.conf") == ""
    listed = docker_image.read("/opt/bidsml/share/bidsml/sbom.cdx.json")
    names = {part["name"] for part in json.loads(listed)["components"]}
    assert {"nipype", "nilearn", "scikit-learn", "pybids", "antspyx"} <= names
    assert not {"pip", "hatchling", "cyclonedx-bom", "pytest"} & names


def test_the_sif_has_its_labels_and_passes_its_own_test(sif_image):
    if sif_image.which != "apptainer":
        pytest.skip("carried out by bubblewrap, which has neither labels nor a test section")
    command = [*sif_image.as_user, sif_image.program]
    labels = call([*command, "inspect", "--labels", sif_image.sif], cwd="/")
    assert f"org.opencontainers.image.version: {__version__}" in labels
    assert "bids.app.analysis-levels: participant,group" in labels
    assert "a BIDS-App for honest brain biomarkers" in call([*command, "run-help", sif_image.sif], cwd="/")
    call([*command, "test", "--cleanenv", "--containall", "--no-home", *sif_image.options, sif_image.sif], cwd="/")
