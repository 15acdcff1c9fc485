"""The anatomical steps, one after the other, on a simulated head whose truth is known."""

import itertools
from pathlib import Path
from typing import NamedTuple

import ants
import nibabel as nib
import numpy as np
import pytest

from bidsml.bids.store import read_record
from bidsml.errors import DataError
from bidsml.preproc.anatomical.images import to_ants
from bidsml.records import AnatomicalQC
from bidsml.simulate.head import SimulatedHead, simulate_head
from bidsml.steps.anatomical import (
    conform_t1w,
    correct_bias,
    extract_brain,
    measure_anatomy,
    register_to_template,
    segment_tissues,
    warp_density,
)
from bidsml.templates import ChosenTemplate, choose_template


class Outputs(NamedTuple):
    t1w: Path
    mask: Path
    tissues: list[Path]
    registered: list[Path]
    density: list[Path]
    qc: AnatomicalQC
    folder: Path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ChosenTemplate:
    return choose_template("MNI152NLin2009aSym", cache_dir=tmp_path_factory.mktemp("templates"))


def run_all(t1w: list[Path], template: ChosenTemplate, folder: Path) -> Outputs:
    conformed = conform_t1w(t1w, 1, out_dir=folder / "conform")
    corrected = correct_bias(conformed, 1, out_dir=folder / "bias")
    mask = extract_brain(corrected, template.t1w, template.mask, template.has_head, 1, out_dir=folder / "brain")
    registered = register_to_template(
        corrected, mask, template.t1w, template.mask, "fast", 1, out_dir=folder / "register"
    )
    tissues = segment_tissues(corrected, mask, list(template.priors), registered[1], 1, out_dir=folder / "segment")
    density = warp_density(tissues, template.t1w, registered[0], 6.0, 1, out_dir=folder / "density")
    qc = measure_anatomy(
        corrected,
        mask,
        tissues,
        registered,
        template.t1w,
        template.mask,
        template.space,
        "sub-01",
        len(t1w),
        out_dir=folder / "measure",
    )
    return Outputs(corrected, mask, tissues, registered, density, read_record(AnatomicalQC, qc), folder)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def canonical(image: nib.Nifti1Image) -> np.ndarray:
    return np.asarray(nib.as_closest_canonical(image).dataobj)


def registration_error_mm(head: SimulatedHead, forward: Path) -> np.ndarray:
    """Distance, per brain voxel, between where the transform and where the truth puts it, in template mm."""
    fixed = to_ants(nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4)))
    assert fixed.dimension == 3
    inside = np.argwhere(np.asarray(head.brain.dataobj) > 0)[::97]
    native = nib.affines.apply_affine(head.brain.affine, inside)
    inverse = Path(str(forward).replace("Composite", "InverseComposite"))
    transform = ants.read_transform(str(inverse))
    flip = np.array([-1.0, -1.0, 1.0])
    found = np.array([ants.apply_ants_transform_to_point(transform, point) for point in native * flip]) * flip
    return np.linalg.norm(found - head.to_template(native), axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_truth_of_a_simulated_head_is_found(tmp_path, template, seed):
    head = simulate_head(seed=seed)
    nib.save(head.t1w, tmp_path / "t1w.nii.gz")
    out = run_all([tmp_path / "t1w.nii.gz"], template, tmp_path / "work")
    brain = canonical(head.brain) > 0
    assert dice(nib.load(out.mask).get_fdata() > 0, brain) >= 0.95
    maps = [nib.load(path).get_fdata() for path in out.tissues]
    assert dice(maps[0] > 0.5, canonical(head.grey) > 0.5) >= 0.80
    inside = nib.load(out.mask).get_fdata() > 0
    np.testing.assert_allclose(np.sum(maps, axis=0)[inside], 1.0, atol=1e-4)
    assert registration_error_mm(head, out.registered[0]).mean() <= 2.0
    # Modulation keeps the volume: within the 2 % that lie outside the template's box or fall between voxels.
    density = nib.load(out.density[1]).get_fdata().sum() * 8 / 1000
    assert density == pytest.approx(out.qc.gray_matter_ml, rel=0.02)
    assert out.qc.brain_ml == pytest.approx(brain.sum() * 8 / 1000, rel=0.06)
    assert out.qc.template_dice > 0.93
    assert not out.qc.skull_stripped_input
    assert not list(out.folder.rglob("ants-*"))


@pytest.mark.slow
def test_the_same_head_gives_the_same_bytes(tmp_path, template):
    head = simulate_head(seed=3, voxel_mm=4.0)
    nib.save(head.t1w, tmp_path / "t1w.nii.gz")
    one, two = (run_all([tmp_path / "t1w.nii.gz"], template, tmp_path / name) for name in "ab")
    for first, second in zip(
        (one.mask, *one.tissues, *one.density), (two.mask, *two.tissues, *two.density), strict=True
    ):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_two_images_of_one_head_are_aligned_before_they_are_averaged(tmp_path):
    head = simulate_head(seed=4, voxel_mm=4.0, bias=0.0)
    values = np.asarray(head.clean.dataobj, dtype=np.float32) * 600
    nib.save(nib.Nifti1Image(values, head.t1w.affine), tmp_path / "a.nii.gz")
    moved = np.eye(4)
    moved[:3, 3] = (6.0, -5.0, 4.0)
    nib.save(nib.Nifti1Image(values * 3, moved @ head.t1w.affine), tmp_path / "b.nii.gz")
    paths = [tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"]
    first = nib.load(conform_t1w(paths[:1], 1, out_dir=tmp_path / "first")).get_fdata()
    np.testing.assert_allclose(first, canonical(nib.Nifti1Image(values, head.t1w.affine)))
    mean = nib.load(conform_t1w(paths, 1, out_dir=tmp_path / "mean")).get_fdata()
    inside = canonical(head.brain) > 0
    # Unaligned, an edge would be doubled (correlation 0.8 here); and a threefold gain must not count.
    assert np.corrcoef(mean[inside], first[inside])[0, 1] > 0.98
    assert mean[inside].mean() == pytest.approx(first[inside].mean(), rel=0.03)


def test_a_skull_stripped_input_keeps_its_own_brain(tmp_path, template):
    head = simulate_head(seed=5, voxel_mm=4.0, bias=0.0)
    brain = np.asarray(head.brain.dataobj) > 0
    values = np.where(brain, np.asarray(head.clean.dataobj) * 600, 0).astype(np.float32)
    nib.save(nib.Nifti1Image(values, head.t1w.affine), tmp_path / "t1w.nii.gz")
    conformed = conform_t1w([tmp_path / "t1w.nii.gz"], 1, out_dir=tmp_path / "c")
    mask = extract_brain(conformed, template.t1w, template.mask, False, 1, out_dir=tmp_path / "m")
    assert dice(nib.load(mask).get_fdata() > 0, canonical(head.brain) > 0) > 0.98


def test_no_t1w_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no T1w"):
        conform_t1w([], 1, out_dir=tmp_path)


@pytest.mark.slow
def test_real_brains_agree_in_template_space(tmp_path, template, shared_data):
    folder = shared_data("ds002748_t1w")
    inside = to_ants(nib.load(template.mask))
    warped: list[np.ndarray] = []
    for label in ("01", "04", "52", "60"):
        out = tmp_path / label
        t1w = conform_t1w([folder / f"sub-{label}/anat/sub-{label}_T1w.nii.gz"], 1, out_dir=out / "c")
        mask = extract_brain(t1w, template.t1w, template.mask, template.has_head, 1, out_dir=out / "m")
        forward = register_to_template(t1w, mask, template.t1w, template.mask, "fast", 1, out_dir=out / "r")[0]
        native = nib.load(mask)
        assert 0.9 < native.get_fdata().sum() * 27 / 1e6 < 1.7
        moved = ants.apply_transforms(inside, to_ants(native), [str(forward)], interpolator="linear")
        warped.append(moved.numpy() > 0.5)
    assert min(dice(a, b) for a, b in itertools.combinations(warped, 2)) >= 0.90
