"""nilearn's viewer without its random ids, its web icon and what a strict policy stops."""

import json
import re

import nibabel as nib
import numpy as np
import pytest

from bidsml.errors import BidsmlError
from bidsml.records import WeightMap
from bidsml.report.blocks import Section, Table
from bidsml.report.page import make_page
from bidsml.report.viewers.brainmap import BrainMap, make_brain_map


def weight_map() -> WeightMap:
    volume = np.zeros((20, 24, 20), dtype=np.float32)
    volume[5:8, 8:12, 8:12], volume[12:15, 8:12, 8:12] = 0.5, -1.5
    affine = np.diag([8.0, 8, 8, 1])
    affine[:3, 3] = -78, -110, -70
    return WeightMap(
        "weights_gm", "gm", "", "patient", "pattern", "MNI152", volume, affine, ("a", "b"), np.array([0.5, -1.5]),
        np.array([0.01, 0.2]),
    )  # fmt: skip


def make() -> BrainMap:
    return make_brain_map(weight_map(), name="map-1", alt="Finding.", table=Table("t", ("a",), (("1",),)))


@pytest.fixture(scope="module")
def made() -> BrainMap:
    return make()


def test_the_same_map_gives_the_same_bytes(made: BrainMap) -> None:
    assert made == make()


def test_the_scale_is_that_of_the_values(made: BrainMap) -> None:
    settings = json.loads(made.settings)
    assert (settings["colorMap"]["min"], settings["colorMap"]["max"]) == (-1.5, 1.5)
    assert set(made.pictures) == {"sprite", "overlay", "colours"}


def test_a_strict_policy_can_run_it_and_nothing_is_asked_for(made: BrainMap) -> None:
    html = make_page([Section("a", "A", "L.", (made,))], title="t", subtitle="s", version="1").html
    assert "unsafe-eval" not in html and not re.search(r"new Function|\beval\(", html)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", html)
    for address in made.pictures.values():
        assert address in html  # nothing rewrote it


def test_another_nilearn_is_told_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    import nilearn.plotting

    class Page:
        html = "<html></html>"

    monkeypatch.setattr(nilearn.plotting, "view_img", lambda *_args, **_more: Page())
    with pytest.raises(BidsmlError, match="without the pictures"):
        make()


def test_a_space_that_is_not_mni_gets_no_mni_background(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    import nilearn.plotting

    seen = {}
    real = nilearn.plotting.view_img

    def spy(image: nib.Nifti1Image, **given):
        seen.update(given)
        return real(image, **given)

    monkeypatch.setattr(nilearn.plotting, "view_img", spy)
    make_brain_map(replace(weight_map(), space="OASIS30ANTs"), name="m", alt="F.", table=Table("t", ("a",), ()))
    assert seen["bg_img"] is None
