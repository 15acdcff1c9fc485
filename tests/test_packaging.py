"""The wheel holds what a user needs, and nothing says more than one version."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from bidsml import __version__
from bidsml.spec import list_ready_made

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return path


def test_ready_made_analyses_travel_inside_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for analysis in list_ready_made():
        assert f"bidsml/_workflows/{analysis}/analysis.toml" in names
        assert f"bidsml/_workflows/{analysis}/README.md" in names


def test_wheel_holds_licence_command_templates_and_one_version(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(f"bidsml-{__version__}.dist-info/METADATA").decode()
        scripts = archive.read(f"bidsml-{__version__}.dist-info/entry_points.txt").decode()
    assert f"Version: {__version__}\n" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "bidsml = bidsml.cli:main" in scripts
    for wanted in ("bidsml/graph/nipype.cfg", "bidsml/report/templates/page.css"):
        assert wanted in names
    assert not [name for name in names if name.startswith("tests")]


def test_an_analysis_loads_from_the_unpacked_wheel(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import bidsml, bidsml.spec as s; print(bidsml.__file__); print(s.load_analysis('brain-age').name)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [str(tmp_path / "bidsml" / "__init__.py"), "brain-age"], done.stderr


def test_lock_files_have_hashes_and_no_host():
    for lock in sorted((ROOT / "containers").glob("*.lock")):
        text = lock.read_text()
        assert "://" not in text
        pins = [line for line in text.splitlines() if "==" in line]
        assert pins
        assert all(line.endswith("\\") for line in pins), "a pin without a hash"


def test_the_lock_covers_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = (ROOT / "containers" / "requirements.lock").read_text()
    for requirement in project["dependencies"]:
        name = requirement.split(">")[0].split("=")[0].strip()
        assert f"\n{name}==" in f"\n{locked}"
