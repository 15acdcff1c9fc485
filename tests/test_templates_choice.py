"""The template is the best one at hand; one that is not at hand is an error that says what to do."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bidsml.errors import MissingInputError
from bidsml.templates import automatic_space, choose_template, fetch_template


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path / "tf"))
    return tmp_path / "tf"


def put(home: Path, space: str, *names: str) -> None:
    folder = home / f"tpl-{space}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        nib.save(nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.eye(4)), folder / f"tpl-{space}_{name}.nii.gz")


def test_without_templateflow_it_is_the_packaged_one_under_its_honest_name(home, tmp_path):
    chosen = choose_template("auto", cache_dir=tmp_path / "cache")
    assert chosen.space == "MNI152NLin2009aSym"
    assert not chosen.has_head
    assert not home.exists()
    images = [nib.load(path) for path in (chosen.t1w, chosen.mask, *chosen.priors)]
    assert len({image.shape for image in images}) == 1
    brain = images[1].get_fdata() > 0
    # The MNI average's brain holds 1.88 l.
    assert brain.sum() * 8 / 1e6 == pytest.approx(1.88, abs=0.02)
    assert (images[0].get_fdata()[~brain] == 0).all()
    np.testing.assert_allclose(sum(image.get_fdata() for image in images[2:])[brain], 1.0, atol=1e-5)


def test_the_packaged_images_are_written_once_and_the_same_each_time(home, tmp_path):
    one = choose_template("MNI152NLin2009aSym", cache_dir=tmp_path / "one")
    when = one.t1w.stat().st_mtime_ns
    assert choose_template("auto", cache_dir=tmp_path / "one").t1w.stat().st_mtime_ns == when
    two = choose_template("auto", cache_dir=tmp_path / "two")
    assert [p.read_bytes() for p in (one.t1w, *one.priors)] == [p.read_bytes() for p in (two.t1w, *two.priors)]
    assert sorted(p.name for p in one.t1w.parent.iterdir()) == sorted(p.name for p in (one.t1w, one.mask, *one.priors))


def test_templateflow_s_comes_first_where_t1w_and_mask_are_there(home, tmp_path):
    put(home, "MNI152NLin2009cAsym", "res-01_T1w")
    assert choose_template("auto", cache_dir=tmp_path).space == "MNI152NLin2009aSym", "its mask is missing"
    put(home, "MNI152NLin2009cAsym", "res-01_desc-brain_mask")
    chosen = choose_template("auto", cache_dir=tmp_path)
    assert (chosen.space, chosen.has_head, chosen.priors) == ("MNI152NLin2009cAsym", True, ())
    put(home, "MNI152NLin2009cAsym", "res-02_T1w", "res-02_desc-brain_mask")
    put(home, "MNI152NLin2009cAsym", *(f"res-02_label-{name}_probseg" for name in ("GM", "WM", "CSF")))
    chosen = choose_template("auto", cache_dir=tmp_path)
    assert "res-02" in chosen.t1w.name
    assert [path.name.split("label-")[1][:2] for path in chosen.priors] == ["GM", "WM", "CS"]


def test_a_space_that_is_not_at_hand_is_an_error_with_a_hint(home, tmp_path):
    put(home, "MNI152NLin6Asym", "res-02_T1w")
    with pytest.raises(MissingInputError, match="MNI152NLin6Asym") as caught:
        choose_template("MNI152NLin6Asym", cache_dir=tmp_path)
    for word in ("TEMPLATEFLOW_HOME", "--fetch-templates", 'space = "auto"'):
        assert word in caught.value.hint
    assert "MNI152NLin2009aSym" in caught.value.message


def test_fetching_takes_what_choosing_looks_for(monkeypatch, tmp_path):
    """A stand-in for TemplateFlow's client writes what it is asked for."""
    asked = []

    def get(template, *, resolution, extension, suffix, raise_empty, desc=None, label=None):
        middle = f"_desc-{desc}" if desc else f"_label-{label}" if label else ""
        name = f"tpl-{template}_res-{resolution:02d}{middle}_{suffix}{extension}"
        path = tmp_path / f"tpl-{template}" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"image")
        asked.append(name)

    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    monkeypatch.setattr("templateflow.api.get", get)
    assert automatic_space() == "MNI152NLin2009aSym"
    fetch_template("auto")
    assert automatic_space() == "MNI152NLin2009cAsym"
    chosen = choose_template("auto", cache_dir=tmp_path / "none")
    assert chosen.space == "MNI152NLin2009cAsym" and chosen.has_head and len(chosen.priors) == 3
    fetch_template("auto")
    assert len(asked) == 5, "what is there is not downloaded again"


def test_without_a_network_fetching_says_so(monkeypatch, tmp_path):
    def get(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    monkeypatch.setattr("templateflow.api.get", get)
    with pytest.raises(MissingInputError, match="cannot be downloaded"):
        fetch_template("auto")


def test_a_space_that_templateflow_has_not_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    monkeypatch.setattr("templateflow.api.get", lambda *_, **__: [])
    with pytest.raises(MissingInputError, match="no T1w and brain mask"):
        fetch_template("Nowhere")
