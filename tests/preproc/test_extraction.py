"""The whole way of one BOLD image, against nilearn's own."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from nilearn.connectome import ConnectivityMeasure
from nilearn.interfaces.fmriprep import load_confounds as nilearn_confounds
from nilearn.maskers import NiftiLabelsMasker, NiftiSpheresMasker
from sklearn.covariance import EmpiricalCovariance, LedoitWolf

from bidsml.atlases import load_atlas
from bidsml.errors import DataError
from bidsml.features.connectome import extract_connectome
from bidsml.matrices import edges_to_matrix
from bidsml.preproc.clean import extract_scan
from bidsml.records import Atlas, Scan
from bidsml.spec import DenoiseSpec, FeatureSpec

DENOISE = DenoiseSpec(strategy="24p", high_pass_hz=0.008, low_pass_hz=0.1, fd_censor_mm=0.13)


def nilearn_kept(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """Regressors by nilearn from the files themselves, and the kept volumes worked out from the raw table."""
    import pandas as pd

    regressors, _ = nilearn_confounds(str(scan.path), strategy=("motion",), motion="full", demean=False)
    table = pd.read_csv(scan.confounds, sep="\t", na_values="n/a")
    moved = table["framewise_displacement"].to_numpy() > DENOISE.fd_censor_mm
    kept = np.flatnonzero(~moved & (np.arange(len(table)) >= 2))
    assert 100 < len(kept) < 150  # some volumes are censored, beyond the first two
    return regressors, kept


def masker_options(scan: Scan) -> dict:
    return {
        "mask_img": str(scan.mask),
        "standardize": "zscore_sample",
        "detrend": True,
        "low_pass": DENOISE.low_pass_hz,
        "high_pass": DENOISE.high_pass_hz,
        "t_r": 2.0,
    }


@pytest.fixture(scope="module")
def spheres(studyforrest: Scan) -> Atlas:
    """Twenty spheres of the Power atlas's size that lie well inside this head."""
    mask = nib.load(studyforrest.mask)
    rng = np.random.default_rng(0)
    inside = np.argwhere(mask.get_fdata()[4:-4, 4:-4, 4:-4] > 0) + 4
    chosen = inside[rng.choice(len(inside), 20, replace=False)]
    power = load_atlas("power2011")
    return replace(
        power,
        names=power.names[:20],
        coordinates_mm=nib.affines.apply_affine(mask.affine, chosen) + rng.uniform(-1, 1, (20, 3)),
    )


@pytest.mark.parametrize("measure", ["correlation", "partial", "tangent"])
def test_connectome_of_a_real_scan_equals_nilearn(studyforrest: Scan, spheres: Atlas, measure: str) -> None:
    data = extract_scan(studyforrest, spheres, DENOISE)
    vector = extract_connectome(data, block="c", options=FeatureSpec(kind="connectome", measure=measure))

    regressors, kept = nilearn_kept(studyforrest)
    masker = NiftiSpheresMasker(
        list(map(tuple, spheres.coordinates_mm)),
        radius=5.0,
        allow_overlap=True,
        dtype="float64",
        **masker_options(studyforrest),
    )
    signals = masker.fit_transform(str(studyforrest.path), confounds=regressors, sample_mask=kept)
    present = [name not in data.missing for name in spheres.names]
    assert sum(present) >= 18
    np.testing.assert_allclose(data.signals[:, present], signals[:, present], atol=1e-8)

    estimator = EmpiricalCovariance() if measure == "correlation" else LedoitWolf()
    kind = {"correlation": "correlation", "partial": "partial correlation", "tangent": "covariance"}[measure]
    expected = ConnectivityMeasure(cov_estimator=estimator, kind=kind).fit_transform([signals[:, present]])[0]
    found = edges_to_matrix(vector.values, len(spheres.names), vector.layout)[np.ix_(present, present)]
    if measure != "tangent":
        found = np.tanh(found)
        np.fill_diagonal(found, 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:After applying mask")
def test_label_signals_of_a_real_scan_equal_nilearn(studyforrest: Scan, tmp_path) -> None:
    """The atlas lies in a finer grid than the image, so that resampling is compared too."""
    bold = nib.load(studyforrest.path)
    fine = bold.affine.copy()
    fine[:3, :3] /= 2
    shape = tuple(2 * n for n in bold.shape[:3])
    blocks = np.indices(shape) // np.array([10, 10, 12]).reshape(3, 1, 1, 1)
    values = (1 + blocks[0] + 8 * blocks[1] + 64 * blocks[2]).astype(np.int16)
    image = nib.Nifti1Image(values, fine)
    path = tmp_path / "atlas.nii.gz"
    nib.save(image, path)
    numbers = np.unique(values)
    atlas = Atlas(
        name="blocks",
        space="MNI152NLin6Asym",
        names=tuple(f"b{n}" for n in numbers),
        coordinates_mm=np.zeros((len(numbers), 3)),
        labels=tuple(int(n) for n in numbers),
        image=path,
    )
    data = extract_scan(studyforrest, atlas, DENOISE)

    regressors, kept = nilearn_kept(studyforrest)
    masker = NiftiLabelsMasker(str(path), resampling_target="data", **masker_options(studyforrest))
    signals = masker.fit_transform(str(studyforrest.path), confounds=regressors, sample_mask=kept)
    columns = {masker.region_ids_[k]: k for k in masker.region_ids_ if k != "background"}
    present = [i for i, name in enumerate(atlas.names) if name not in data.missing]
    assert len(present) >= 30
    theirs = np.stack([signals[:, columns[float(numbers[i])]] for i in present], axis=1)
    np.testing.assert_allclose(data.signals[:, present], theirs, atol=1e-8)


def test_atlas_of_another_space_is_refused(studyforrest: Scan, spheres: Atlas) -> None:
    native = replace(studyforrest, entities={"task": "oneback"})
    with pytest.raises(DataError, match="space"):
        extract_scan(native, spheres, DENOISE)
