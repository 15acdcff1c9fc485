"""Regions of cortical surfaces, from CIFTI, GIFTI and FreeSurfer's annotations."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from surface_files import N_VERTICES, brain_models, write_dlabel, write_dtseries, write_func, write_label

from bidsml.atlases import load_atlas
from bidsml.errors import DataError, MissingInputError
from bidsml.preproc.clean import extract_scan
from bidsml.preproc.surfaces import average_surface
from bidsml.records import Scan
from bidsml.spec import DenoiseSpec

N_VOLUMES = 50
TABLE = {1: "front", 2: "back"}
NUMBERS = np.repeat([0, 1, 2], [10, 10, 20])  # of the vertices of one hemisphere


@pytest.fixture
def values() -> np.ndarray:
    """Both hemispheres, ``(n_volumes, 2 × n_vertices)``."""
    return 1000 + 10 * np.random.default_rng(0).standard_normal((N_VOLUMES, 2 * N_VERTICES))


@pytest.fixture
def gifti(tmp_path: Path, values) -> Path:
    for side, columns in (("L", slice(0, N_VERTICES)), ("R", slice(N_VERTICES, None))):
        write_func(tmp_path / f"sub-1_hemi-{side}_space-x_bold.func.gii", values[:, columns])
        write_label(tmp_path / f"atlas-a_hemi-{side}.label.gii", NUMBERS, TABLE)
    return tmp_path


def expected(values: np.ndarray) -> np.ndarray:
    both = np.split(values.astype(np.float32).astype(float), 2, axis=1)
    return np.stack([side[:, number == NUMBERS].mean(axis=1) for side in both for number in (1, 2)], axis=1)


def test_gifti_pairs(gifti, values):
    atlas = load_atlas(str(gifti / "atlas-a_hemi-L.label.gii"))
    found = average_surface(gifti / "sub-1_hemi-L_space-x_bold.func.gii", atlas)
    assert found.names == ("L_front", "L_back", "R_front", "R_back") == atlas.names
    np.testing.assert_allclose(found.signals, expected(values), rtol=1e-6)
    assert found.tr_s is None and not found.missing


def test_cifti_matches_vertices_not_columns(tmp_path, values):
    """A series without the medial wall against labels with it: columns differ, vertices are the same."""
    bare, whole = brain_models(medial_wall=6, voxels=5), brain_models(medial_wall=0)
    kept = np.r_[6:N_VERTICES, N_VERTICES + 6 : 2 * N_VERTICES]
    noise = np.random.default_rng(1).standard_normal((N_VOLUMES, 5))
    series = write_dtseries(tmp_path / "x_bold.dtseries.nii", np.hstack([values[:, kept], noise]), bare, tr_s=1.5)
    numbers = np.concatenate([NUMBERS, np.where(NUMBERS > 0, NUMBERS + 2, 0)])
    names = {1: "7Networks_LH_Vis_1", 2: "7Networks_LH_Default_1", 3: "7Networks_RH_Vis_1", 4: "7Networks_RH_Default_1"}
    atlas = load_atlas(str(write_dlabel(tmp_path / "atlas-b_x.dlabel.nii", numbers, names, whole)))
    found = average_surface(series, atlas)
    assert atlas.networks == ("Vis", "Default", "Vis", "Default") and atlas.name == "b"
    np.testing.assert_allclose(found.signals, expected(values), rtol=1e-6)
    assert found.tr_s == 1.5
    np.testing.assert_array_equal(found.coverage, 1)


def test_voxels_of_cifti_are_regions_too(tmp_path, values):
    models = brain_models(medial_wall=0, voxels=5)
    given = np.hstack([values, values[:, :5]])
    series = write_dtseries(tmp_path / "x_bold.dtseries.nii", given, models)
    numbers = np.concatenate([np.zeros(2 * N_VERTICES), np.ones(5)])
    atlas = load_atlas(str(write_dlabel(tmp_path / "a.dlabel.nii", numbers, {1: "thalamus"}, models)))
    np.testing.assert_allclose(average_surface(series, atlas).signals[:, 0], values[:, :5].mean(axis=1), rtol=1e-6)


def test_freesurfer_annotations(gifti, values):
    colours = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 0, 0], [7, 8, 9, 0, 0]])
    for side in ("lh", "rh"):
        nib.freesurfer.write_annot(gifti / f"{side}.toy.annot", NUMBERS, colours, ["unknown", "front", "back"])
    atlas = load_atlas(str(gifti / "lh.toy.annot"))
    assert atlas.name == "toy" and atlas.names == ("L_front", "L_back", "R_front", "R_back")
    found = average_surface(gifti / "sub-1_hemi-L_space-x_bold.func.gii", atlas)
    np.testing.assert_allclose(found.signals, expected(values), rtol=1e-6)


def test_vertices_without_a_signal_and_lost_regions(tmp_path, values):
    values = values.copy()
    values[:, 10:16] = 0.0  # six of the ten vertices of the left front
    values[3, 20] = np.nan
    models = brain_models(medial_wall=0)
    series = write_dtseries(tmp_path / "x_bold.dtseries.nii", values, models)
    numbers = np.concatenate([NUMBERS, np.where(NUMBERS > 0, NUMBERS + 2, 0)])
    names = {1: "a", 2: "b", 3: "c", 4: "d"}
    atlas = load_atlas(str(write_dlabel(tmp_path / "a.dlabel.nii", numbers, names, models)))
    found = average_surface(series, atlas)
    assert found.missing == {"a": "only 40 % of its vertices have a signal"}
    assert np.isnan(found.signals[:, 0]).all() and found.n_nonfinite_voxels == 1
    np.testing.assert_allclose(found.signals[:, 1], values[:, 21:40].mean(axis=1), rtol=1e-6)


def test_cleaned_like_any_other_scan(gifti):
    atlas = load_atlas(str(gifti / "atlas-a_hemi-L.label.gii"))
    scan = Scan("1", "bold", gifti / "sub-1_hemi-L_space-x_bold.func.gii", tr_s=2.0)
    denoise = DenoiseSpec(strategy="none", high_pass_hz=0.01, low_pass_hz=0.1, fd_censor_mm=0)
    data = extract_scan(scan, atlas, denoise)
    assert data.signals.shape == (N_VOLUMES, 4)
    np.testing.assert_allclose(data.signals.std(axis=0, ddof=1), 1)


def test_another_surface_is_refused(gifti, tmp_path):
    for side in "LR":
        write_label(tmp_path / f"atlas-big_hemi-{side}.label.gii", np.ones(77), {1: "all"})
    with pytest.raises(DataError, match="has 40 vertices, the atlas has 77"):
        average_surface(
            gifti / "sub-1_hemi-L_space-x_bold.func.gii", load_atlas(str(tmp_path / "atlas-big_hemi-L.label.gii"))
        )


def test_voxels_and_surfaces_do_not_mix(gifti):
    surface = load_atlas(str(gifti / "atlas-a_hemi-L.label.gii"))
    balls = load_atlas("power2011")
    denoise = DenoiseSpec(strategy="none")
    with pytest.raises(DataError, match="holds voxels, atlas a surfaces"):
        extract_scan(Scan("1", "bold", gifti / "x_bold.nii.gz", tr_s=2.0), surface, denoise)
    with pytest.raises(DataError, match="holds surfaces, atlas power2011 voxels"):
        extract_scan(Scan("1", "bold", gifti / "sub-1_hemi-L_space-x_bold.func.gii", tr_s=2.0), balls, denoise)


def test_a_missing_hemisphere_and_damage_are_named(gifti):
    (gifti / "atlas-a_hemi-R.label.gii").unlink()
    with pytest.raises(MissingInputError, match=r"atlas-a_hemi-R\.label\.gii is not there"):
        load_atlas(str(gifti / "atlas-a_hemi-L.label.gii"))
    for name in ("broken.dlabel.nii", "lh.broken.annot", "hemi-L_broken.label.gii"):
        (gifti / name).write_bytes(b"<?xml nothing")
        (gifti / name.replace("lh.", "rh.").replace("hemi-L", "hemi-R")).write_bytes(b"<?xml nothing")
        with pytest.raises(DataError, match="broken"):
            load_atlas(str(gifti / name))
