"""Templates are looked up without a network and without writing anything."""

import socket
from pathlib import Path

import nibabel as nib
import pytest

from bidsml.templates import describe_templates, find_templateflow_files, templateflow_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path / "tf"))
    return tmp_path / "tf"


def test_nothing_is_there_and_nothing_is_made(home: Path) -> None:
    found = describe_templates()
    assert any(name == "TemplateFlow" and str(home) in where and not space for name, where, space in found)
    assert not home.exists()


def test_files_of_no_bytes_were_never_fetched(home: Path) -> None:
    folder = home / "tpl-MNI152NLin6Asym"
    folder.mkdir(parents=True)
    (folder / "tpl-MNI152NLin6Asym_res-01_T1w.nii.gz").touch()
    assert find_templateflow_files("MNI152NLin6Asym", "*.nii.gz") == ()
    assert all(template.space != "MNI152NLin6Asym" for template in describe_templates())
    (folder / "tpl-MNI152NLin6Asym_res-02_T1w.nii.gz").write_bytes(b"x")
    assert [p.name for p in find_templateflow_files("MNI152NLin6Asym", "*.nii.gz")] == [
        "tpl-MNI152NLin6Asym_res-02_T1w.nii.gz"
    ]
    assert any(template.space == "MNI152NLin6Asym" for template in describe_templates())


def test_packaged_template_is_there_under_its_honest_name(home: Path) -> None:
    packaged = next(template for template in describe_templates() if "nilearn" in template.name)
    assert packaged.space == "MNI152NLin2009aSym"
    assert nib.load(packaged.where).shape == (197, 233, 189)


def test_home_is_templateflow_s_own_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TEMPLATEFLOW_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert templateflow_home().name == "templateflow"
    assert templateflow_home().is_relative_to(tmp_path) or "Caches" in templateflow_home().parts
