"""BOLD on cortical surfaces, as fMRIPrep writes it beside volumes, through both levels."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from surface_files import N_VERTICES, brain_models, write_dlabel, write_dtseries, write_func, write_label

FAST = ("--set", "cv.outer.repeats=1", "--set", "inference.permutations=4")
NUMBERS = np.arange(N_VERTICES) // 10 + 1  # four regions a hemisphere
TABLE = {number: f"area{number}" for number in range(1, 5)}


@pytest.fixture
def surfaces(place):
    """The cohort with series on surfaces in both forms beside the volumes, and their atlases."""
    root = place.dataset / "derivatives" / "fmriprep"
    models = brain_models(medial_wall=0)
    both = np.concatenate([NUMBERS, NUMBERS + 4])
    write_dlabel(root / "atlas-toy.dlabel.nii", both, {**TABLE, **{n: f"area{n}" for n in range(5, 9)}}, models)
    for side in "LR":
        write_label(root / f"atlas-toy_hemi-{side}.label.gii", NUMBERS, TABLE)
    for number in range(1, 13):
        rng = np.random.default_rng(number)
        label = f"sub-{number:02d}"
        signals = rng.standard_normal((130, 8)) + rng.standard_normal((130, 1))
        values = 1000 + 10 * signals[:, both - 1] + rng.standard_normal((130, 2 * N_VERTICES))
        func = root / label / "func"
        write_dtseries(func / f"{label}_task-rest_space-fsLR_den-91k_bold.dtseries.nii", values, models)
        sidecar = json.dumps({"RepetitionTime": 2.0, "TaskName": "rest"})
        (func / f"{label}_task-rest_space-fsLR_den-91k_bold.json").write_text(sidecar)
        for side, columns in (("L", slice(0, N_VERTICES)), ("R", slice(N_VERTICES, None))):
            stem = f"{label}_task-rest_hemi-{side}_space-fsaverage5_bold"
            write_func(func / f"{stem}.func.gii", values[:, columns])
            (func / f"{stem}.json").write_text(sidecar)
    return place


def words(atlas: str, space: str) -> tuple[str, ...]:
    place = f"{{fmriprep}}/{atlas}"
    features = f'features=[{{kind = "connectome", atlas = "{place}"}}, {{kind = "amplitude", atlas = "{place}"}}]'
    return ("--set", features, "--set", f'input.space="{space}"', *FAST)


def read_signals(place, name: str) -> pd.DataFrame:
    (path,) = (place.output / "sub-01" / "func").glob(f"sub-01_task-rest_{name}_*timeseries.tsv")
    return pd.read_csv(path, sep="\t")


@pytest.mark.slow
def test_cifti_and_gifti_give_the_same_signals_and_reach_the_model(surfaces):
    for level in ("participant", "group"):
        ran = surfaces.run(level, *words("atlas-toy.dlabel.nii", "fsLR"))
        assert ran.code == 0, ran.text
    cifti = read_signals(surfaces, "space-fsLR")
    assert list(cifti) == [f"area{n}" for n in range(1, 9)]
    weights = pd.read_csv(surfaces.group / "weights.tsv", sep="\t")["feature"].str.partition(":")[0].value_counts()
    assert weights.to_dict() == {"connectome": 28, "amplitude": 8}
    shutil.rmtree(surfaces.output)
    ran = surfaces.run("participant", *words("atlas-toy_hemi-L.label.gii", "fsaverage5"))
    assert ran.code == 0, ran.text
    gifti = read_signals(surfaces, "space-fsaverage5")
    assert list(gifti) == [f"{side}_area{n}" for side in "LR" for n in range(1, 5)]
    np.testing.assert_allclose(cifti.to_numpy(), gifti.to_numpy(), atol=1e-6)


@pytest.mark.slow
def test_volumes_are_read_where_no_surface_is_asked_for(surfaces):
    ran = surfaces.run("participant", "--dry-run")
    assert ran.code == 0, ran.text
    assert "space MNI152NLin2009aSym" in ran.text and "fsLR" not in ran.text
