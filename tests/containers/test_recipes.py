"""What can be said of the recipes without building them; these run with the fast tests."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bidsml import __version__
from bidsml.bids.derivative import BIDS_VERSION

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DEFINITION = (ROOT / "singularity.def").read_text(encoding="utf-8")
RECIPES = [DOCKERFILE, DEFINITION, *(path.read_text() for path in sorted((ROOT / "containers").rglob("*.sh")))]


def test_both_recipes_name_the_version_that_they_install():
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE
    assert f"    VERSION={__version__}\n" in DEFINITION


def test_both_recipes_have_the_same_labels():
    docker = dict(re.findall(r'^(?:LABEL|     ) (\S+?)="(.*?)"', DOCKERFILE, flags=re.MULTILINE))
    block = DEFINITION.partition("%labels\n")[2].partition("\n%")[0]
    sif = dict(line.split(maxsplit=1) for line in block.strip().splitlines())
    docker.pop("org.opencontainers.image.created")  # Apptainer writes its own
    filled = {key: re.sub(r"\{\{ (\w+) \}\}", r"${\1}", value) for key, value in sif.items()}
    assert filled == docker
    assert docker["bids.app.bids-version"] == BIDS_VERSION


def test_both_recipes_take_the_same_steps_in_the_same_order():
    steps = [re.findall(r"install\.sh (packages|app|templates|check)", text) for text in (DOCKERFILE, DEFINITION)]
    assert steps[0] == steps[1] == ["packages", "app", "templates", "check"]


def test_no_recipe_names_a_registry_or_an_address():
    for text in RECIPES:
        assert not re.findall(r"https?://(?!\S*\bSPDX)|docker\.io|ghcr\.io|quay\.io|pypi\.org", text)


def test_the_builder_sees_every_file_that_the_recipe_copies():
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    assert {word.split("/")[0] for words in copied for word in words.split()} <= shown


def test_every_locked_version_has_its_hashes():
    for name in ("requirements.lock", "requirements-build.lock"):
        entries = re.split(r"\n(?=\S)", (ROOT / "containers" / name).read_text().strip())
        assert all("--hash=sha256:" in entry for entry in entries), name


def test_the_same_sources_describe_the_same_build(tmp_path):
    for name, text in (("lock", "a"), ("wheel", "b"), ("other", "c")):
        (tmp_path / name).write_text(text)

    def build(lock: str, wheel: str, *base: str) -> dict[str, str]:
        script = ROOT / "containers" / "describe_image.py"
        words = [sys.executable, script, tmp_path / lock, tmp_path / wheel, *base]
        return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)

    first = build("lock", "wheel", "python:3.11-slim")
    assert first["Build"] == build("lock", "wheel")["Build"]
    assert first["Build"] not in (build("lock", "other")["Build"], build("other", "wheel")["Build"])
    assert first["Base"] == "python:3.11-slim"


@pytest.mark.parametrize(
    ("mode", "state", "code"), [("none", "left out", 0), ("auto", "missing", 0), ("required", "", 1)]
)
def test_a_template_that_is_not_baked_in_is_said_so(tmp_path, mode, state, code):
    note = tmp_path / "share" / "templates.json"
    # A closed port in place of the network: it fails at once, wherever this runs.
    closed = dict.fromkeys(("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, ROOT / "containers" / "bake_templates.py", mode, note],
        env={**closed, "TEMPLATEFLOW_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    if code:
        assert "cannot be downloaded" in done.stderr
        return
    assert json.loads(note.read_text())["State"] == state
    # TemplateFlow's placeholders, thousands of files of no bytes, don't stay in an image.
    assert list((tmp_path / "home").rglob("*.nii.gz")) == []
