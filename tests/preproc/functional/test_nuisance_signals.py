"""The confounds table has fMRIPrep's columns, which nilearn reads unchanged, and the right numbers in them."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds
from nilearn.signal import clean

from bidsml.preproc.functional.components import HIGH_PASS_HZ, cosine_drifts, principal_components
from bidsml.preproc.functional.dvars import dvars
from bidsml.preproc.functional.motion_terms import (
    framewise_displacement_mm,
    motion_columns,
    rms_displacement_mm,
)
from bidsml.preproc.functional.nuisance_signals import make_confounds_table
from bidsml.preproc.functional.rigid import move_points, rigid_matrix
from bidsml.simulate.motion import framewise_displacement
from tests.preproc.functional.conftest import wander

TR_S, N, N_VOXELS, N_DUMMY = 2.0, 120, 400, 2


@pytest.fixture(scope="module")
def motion() -> np.ndarray:
    return wander(N, mm=1.5, seed=3)


@pytest.fixture(scope="module")
def values(motion) -> np.ndarray:
    """Noise, drift, motion artefact, and a breath that only CSF has."""
    rng = np.random.default_rng(0)
    breath = np.sin(2 * np.pi * 0.05 * TR_S * np.arange(N))
    run = 1000 + rng.normal(scale=8, size=(N, N_VOXELS)) + motion @ rng.normal(size=(6, N_VOXELS)) * 5
    run[:, :60] += 40 * breath[:, None] * rng.uniform(0.5, 1.5, 60)
    run += np.linspace(0, 30, N)[:, None]
    run[:N_DUMMY] *= [[1.4], [1.1]]
    return run.astype(np.float32)


@pytest.fixture(scope="module")
def masks() -> dict[str, np.ndarray]:
    index = np.arange(N_VOXELS)
    csf, wm = index < 60, (index >= 60) & (index < 200)
    return {"CSF": csf, "WM": wm, "combined": csf | wm}


@pytest.fixture(scope="module")
def confounds(values, masks, motion):
    return make_confounds_table(values, masks, motion, tr_s=TR_S, n_dummy=N_DUMMY, notes={"CSF": "few"})


def test_columns_are_those_of_fmriprep(confounds, shared_data):
    real = pd.read_csv(
        shared_data("fmriprep_confounds") / "nilearn" / "test-v21_desc-confounds_timeseries.tsv", sep="\t"
    )
    stem = lambda names: {name.rstrip("0123456789") for name in names}  # noqa: E731
    assert stem(real.columns) - stem(confounds.table.columns) == {"tcompcor", "t_comp_cor_"}
    assert stem(confounds.table.columns) <= stem(real.columns)


STRATEGIES = [
    ({"strategy": ["motion"], "motion": "full"}, 24),
    (
        {
            "strategy": ["motion", "wm_csf", "global_signal"],
            "motion": "full",
            "wm_csf": "full",
            "global_signal": "full",
        },
        36,
    ),
    ({"strategy": ["high_pass", "compcor"], "compcor": "anat_combined", "n_compcor": 5}, None),
    ({"strategy": ["high_pass", "motion", "compcor"], "compcor": "anat_separated", "n_compcor": 5}, None),
    ({"strategy": ["motion", "scrub"], "scrub": 0, "fd_threshold": 0.5, "std_dvars_threshold": 1.5}, None),
]


@pytest.mark.parametrize(("options", "n_columns"), STRATEGIES)
def test_nilearn_reads_it_unchanged(confounds, tmp_path, options, n_columns):
    folder = tmp_path / "func"
    folder.mkdir()
    stem = folder / "sub-01_task-rest"
    confounds.table.to_csv(f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False, na_rep="n/a")
    with open(f"{stem}_desc-confounds_timeseries.json", "w", encoding="utf-8") as handle:
        json.dump(confounds.metadata, handle)
    image = f"{stem}_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen, kept = load_confounds(image, demean=False, **options)
    assert len(chosen) == N
    assert np.isfinite(chosen.to_numpy()).all()
    if n_columns:
        assert chosen.shape[1] == n_columns
    if "compcor" in options["strategy"]:
        letters = {name[0] for name in chosen if "comp_cor" in name}
        assert letters == ({"a"} if options["compcor"] == "anat_combined" else {"c", "w"})
        assert sum("comp_cor" in name for name in chosen) == (5 if len(letters) == 1 else 10)
    # Volumes before the steady state are censored by every strategy.
    assert kept is not None
    assert not set(range(N_DUMMY)) & set(kept.tolist())


def test_framewise_displacement_agrees_with_the_simulation(motion):
    np.testing.assert_allclose(framewise_displacement_mm(motion), framewise_displacement(motion))


def test_rms_displacement_is_that_of_the_sphere_s_points(motion):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200_000, 3))
    points *= 80 * rng.uniform(size=(len(points), 1)) ** (1 / 3) / np.linalg.norm(points, axis=1, keepdims=True)
    zero = np.zeros(3)
    for volume in (1, N // 2):
        # Where points of the sphere, as they lay in one volume, lie in the next.
        change = rigid_matrix(motion[volume], zero) @ np.linalg.inv(rigid_matrix(motion[volume - 1], zero))
        moved = move_points(points, change) - points
        expected = np.sqrt((moved**2).sum(axis=1).mean())
        assert rms_displacement_mm(motion)[volume] == pytest.approx(expected, rel=0.01)  # Monte Carlo


def test_derivatives_and_squares(motion):
    table = motion_columns(motion)
    assert np.isnan(table["trans_x_derivative1"].iloc[0])
    np.testing.assert_allclose(table["rot_y_derivative1"][1:], np.diff(motion[:, 4]))
    np.testing.assert_allclose(table["rot_y_derivative1_power2"], table["rot_y_derivative1"] ** 2)
    np.testing.assert_allclose(table["trans_z_power2"], motion[:, 2] ** 2)


def test_standardised_dvars_of_autoregressive_noise_is_one():
    from scipy.signal import lfilter

    rng = np.random.default_rng(0)
    noise = lfilter([1.0], [1.0, -0.4], rng.normal(size=(500, 900)), axis=0)[100:]
    plain, standard = dvars((2000 + 20 * noise).astype(np.float32))
    assert np.isnan(plain[0])
    assert np.isnan(standard[0])
    assert np.nanmedian(standard) == pytest.approx(1.0, abs=0.03)
    # The median is scaled to 1000, so that 20 becomes 10; Var(diff) = 2 (1 - 0.4) Var = 2 * 0.6 / (1 - 0.16)
    assert np.nanmedian(plain) == pytest.approx(10 * np.sqrt(1.2 / 0.84), rel=0.03)


def test_dvars_sees_a_spike():
    run = 1000 + np.random.default_rng(0).normal(size=(80, 300)).astype(np.float32)
    run[40] += 15
    _, standard = dvars(run)
    assert set(np.argsort(-np.nan_to_num(standard))[:2]) == {40, 41}


def test_dvars_without_variation_is_unknown():
    assert np.isnan(np.concatenate(dvars(np.full((20, 5), 3.0, dtype=np.float32)))).all()


def test_components_agree_with_scikit_learn(values):
    from sklearn.decomposition import PCA

    drifts = cosine_drifts(N, TR_S, n_dummy=0)
    found = principal_components(values, drifts)
    left = clean(
        values.astype(float), confounds=drifts, detrend=False, standardize="zscore_sample", standardize_confounds=False
    )
    expected = PCA(n_components=4).fit(left)
    np.testing.assert_allclose(found.share[:4], expected.explained_variance_ratio_, rtol=2e-3)
    np.testing.assert_allclose(found.singular_values[:4], expected.singular_values_ * np.sqrt(N / (N - 1)), rtol=2e-3)
    scores = expected.transform(left)
    for number in range(4):
        assert abs(np.corrcoef(found.series[:, number], scores[:, number])[0, 1]) > 0.999
    np.testing.assert_allclose(found.series.T @ found.series, np.eye(found.series.shape[1]), atol=1e-8)
    np.testing.assert_allclose(found.series.T @ drifts, 0, atol=1e-6)


def test_the_breath_is_csf_s_first_component(confounds):
    breath = np.sin(2 * np.pi * 0.05 * TR_S * np.arange(N))
    column = confounds.table["c_comp_cor_00"].to_numpy()
    assert abs(np.corrcoef(column[N_DUMMY:], breath[N_DUMMY:])[0, 1]) > 0.95
    assert not column[:N_DUMMY].any()
    meta = confounds.metadata["c_comp_cor_00"]
    assert meta["Mask"] == "CSF"
    assert meta["VarianceExplained"] > 0.5
    assert confounds.metadata["csf"]["Note"] == "few"


def test_drifts_are_slower_than_the_high_pass():
    drifts = cosine_drifts(300, TR_S, n_dummy=5)
    spectrum = np.abs(np.fft.rfft(drifts[5:], axis=0)) ** 2
    slow = np.fft.rfftfreq(295, TR_S) <= HIGH_PASS_HZ + 1 / (295 * TR_S)
    assert (spectrum[slow].sum(axis=0) / spectrum.sum(axis=0) > 0.8).all()
    assert drifts.shape[1] == int(2 * 295 * TR_S * HIGH_PASS_HZ)
    assert not drifts[:5].any()


def test_tissue_without_voxels_is_unknown(values, masks, motion):
    nothing = np.zeros(N_VOXELS, dtype=bool)
    table = make_confounds_table(
        values, masks | {"CSF": nothing, "combined": masks["WM"]}, motion, tr_s=TR_S, n_dummy=0
    ).table
    assert table["csf"].isna().all()
    assert table["white_matter"].notna().all()
    assert not [name for name in table if name.startswith("c_comp_cor")]


def test_outliers_are_one_hot(confounds, motion):
    marked = confounds.table.filter(regex="^(motion|non_steady)")
    assert set(np.unique(marked)) <= {0, 1}
    assert (marked.sum(axis=0) == 1).all()
    moving = np.flatnonzero(framewise_displacement_mm(motion) > 0.5)
    steady = moving[moving >= N_DUMMY]
    assert set(steady) <= set(np.argwhere(marked.filter(regex="^motion").to_numpy())[:, 0])
    assert confounds.table["non_steady_state_outlier01"][1] == 1
