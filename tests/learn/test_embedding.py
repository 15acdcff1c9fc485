import numpy as np
import pytest
from nilearn.connectome import ConnectivityMeasure
from sklearn.covariance import EmpiricalCovariance

from bidsml.learn.embedding import TangentSpace

REGIONS = 6
UPPER = np.triu_indices(REGIONS)


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((20, REGIONS, REGIONS)) * 0.3 + np.eye(REGIONS)
    return [rng.standard_normal((80, REGIONS)) @ mixing[person] for person in range(20)]


@pytest.fixture(scope="module")
def matrices(series):
    return np.array([EmpiricalCovariance().fit(one).covariance_ for one in series])


def vectors(matrices):
    return matrices[:, UPPER[0], UPPER[1]]


def test_agrees_with_nilearn_on_the_time_series(series, matrices):
    measure = ConnectivityMeasure(kind="tangent", cov_estimator=EmpiricalCovariance(), standardize=False)
    measure.fit(series[:15])
    expected = np.asarray(measure.transform(series[15:]))[:, UPPER[0], UPPER[1]]
    found = TangentSpace().fit(vectors(matrices[:15])).transform(vectors(matrices[15:]))
    weight = np.where(UPPER[0] == UPPER[1], 1, np.sqrt(2))
    # Both iterate to the same tolerance (1e-7 per cell of the gradient).
    np.testing.assert_allclose(found, expected * weight, atol=1e-6)


def test_tangent_vectors_of_training_people_average_to_zero(matrices):
    embedded = TangentSpace().fit_transform(vectors(matrices))
    np.testing.assert_allclose(embedded.mean(axis=0), 0, atol=1e-5)


def test_length_is_invariant_to_a_change_of_coordinates(matrices):
    """The affine-invariant metric: mixing everyone's signals by one matrix moves nobody (Pennec 2006)."""
    mixing = np.random.default_rng(1).standard_normal((REGIONS, REGIONS))
    mixed = np.einsum("ij,njk,lk->nil", mixing, matrices, mixing)
    lengths = [np.linalg.norm(TangentSpace().fit_transform(vectors(m)), axis=1) for m in (matrices, mixed)]
    np.testing.assert_allclose(*lengths, rtol=1e-4)


def test_a_region_missing_for_many_is_dropped_and_the_rest_unchanged(matrices):
    gaps = matrices.copy()
    gaps[:8, 2], gaps[:8, :, 2] = np.nan, np.nan
    space = TangentSpace(max_missing=0.2).fit(vectors(gaps))
    keep = np.delete(np.arange(REGIONS), 2)
    inner = np.triu_indices(REGIONS - 1)
    alone = TangentSpace().fit_transform(matrices[:, keep][:, :, keep][:, inner[0], inner[1]])
    np.testing.assert_allclose(space.transform(vectors(gaps)), alone, atol=1e-10)
    cells = space.get_support()
    assert cells.size == alone.shape[1]
    assert not (2 in UPPER[0][cells] or 2 in UPPER[1][cells])


def test_a_region_missing_for_few_is_imputed(matrices):
    gaps = matrices.copy()
    gaps[0, 2], gaps[0, :, 2] = np.nan, np.nan
    embedded = TangentSpace(max_missing=0.2).fit_transform(vectors(gaps))
    assert embedded.shape == (20, UPPER[0].size) and np.isfinite(embedded).all()
    full = TangentSpace().fit_transform(vectors(matrices))
    # The others hardly notice; one of twenty has a filled-in region.
    assert np.corrcoef(embedded[1:].ravel(), full[1:].ravel())[0, 1] > 0.95


def test_a_matrix_that_imputing_made_indefinite_still_embeds(matrices):
    extreme = matrices.copy()
    extreme[0] = 1e-4 * np.eye(REGIONS)
    extreme[0, 2], extreme[0, :, 2] = np.nan, np.nan
    assert np.isfinite(TangentSpace().fit_transform(vectors(extreme))).all()


def test_columns_that_are_no_triangle_are_refused():
    with pytest.raises(ValueError, match="no upper triangle"):
        TangentSpace().fit(np.ones((4, 7)))
