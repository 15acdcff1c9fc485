"""What an image says about itself, read from a made-up one."""

import json
import sys

import pytest

from bidsml.commands import doctor
from bidsml.container import CONTAINER_VARIABLES, container_description, describe_container, template_record
from bidsml.errors import DataError


@pytest.fixture
def image(tmp_path, monkeypatch):
    """The folder of an image's records, in an environment without any container's variables."""
    for name in (*CONTAINER_VARIABLES.values(), "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    folder = tmp_path / "share" / "bidsml"
    folder.mkdir(parents=True)
    return folder


def test_outside_of_a_container_nothing_is_claimed(image, monkeypatch):
    # Apptainer's own variable alone: bidsml may run in somebody else's image.
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/other.sif")
    assert container_description() == {}
    assert describe_container(description={}, image={}) == "none"
    assert template_record() == {}


def test_the_digest_comes_from_whoever_starts_the_image(image, monkeypatch):
    monkeypatch.setenv("BIDSML_CONTAINER_TYPE", "docker")
    monkeypatch.setenv("BIDSML_CONTAINER_TAG", "bidsml:1")
    (image / "image.json").write_text(json.dumps({"Build": "sha256:b", "Base": "python"}))
    assert container_description() == {"Type": "docker", "Tag": "bidsml:1", "Build": "sha256:b"}
    monkeypatch.setenv("BIDSML_CONTAINER_DIGEST", "sha256:d")
    assert container_description()["Digest"] == "sha256:d"
    text = describe_container(description=container_description(), image={"Base": "python"})
    assert text == "docker bidsml:1, digest sha256:d, base python"


def test_a_docker_image_started_by_apptainer_is_called_so(image, monkeypatch):
    monkeypatch.setenv("BIDSML_CONTAINER_TYPE", "docker")
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/bidsml.sif")
    assert container_description()["Type"] == "apptainer"


def test_a_damaged_record_is_an_error_that_names_it(image):
    (image / "templates.json").write_text("{")
    with pytest.raises(DataError, match=r"templates\.json is not JSON"):
        template_record()


def test_the_doctor_says_why_an_image_has_no_template(image, monkeypatch, capsys):
    note = {"Template": "MNI152NLin2009cAsym", "State": "missing", "Reason": "cannot be downloaded"}
    (image / "templates.json").write_text(json.dumps(note))
    assert doctor.main([]) == 0
    assert "this image: MNI152NLin2009cAsym, missing, cannot be downloaded" in capsys.readouterr().out
