import numpy as np
import pytest
from nilearn.connectome import ConnectivityMeasure
from sklearn.covariance import EmpiricalCovariance

from bidsml.learn.embedding import TangentSpace, complete

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


@pytest.fixture(scope="module")
def recordings():
    """Covariances of 60 people's 16 neighbouring channels, who differ in amplitude as EEG does, and who lacks which."""
    rng = np.random.default_rng(3)
    place = rng.standard_normal((16, 3))
    place /= np.linalg.norm(place, axis=1)[:, None]
    near = np.exp(-2 * ((place[:, None] - place) ** 2).sum(axis=-1)) + 0.05 * np.eye(16)
    sizes = np.exp(0.5 * rng.standard_normal((60, 1)) + 0.1 * rng.standard_normal((60, 16)))
    whole = near * sizes[:, :, None] * sizes[:, None, :]
    return whole, rng.random((60, 16)) < 0.07


def make_gaps(matrices, missing):
    gappy = matrices.copy()
    for matrix, gone in zip(gappy, missing, strict=True):
        matrix[gone], matrix[:, gone] = np.nan, np.nan
    return gappy


def triangles(matrices):
    rows, columns = np.triu_indices(matrices.shape[1])
    return matrices[:, rows, columns]


def test_people_with_bad_channels_are_no_outliers(recordings):
    """Filling cells with plain means moved them by three times their distance from the mean."""
    whole, missing = recordings
    full = TangentSpace().fit_transform(triangles(whole))
    found = TangentSpace(max_missing=0.5).fit_transform(triangles(make_gaps(whole, missing)))
    gappy = missing.any(axis=1)
    assert 20 < gappy.sum() < 60
    moved, length = np.linalg.norm(found - full, axis=1), np.linalg.norm(full, axis=1)
    assert np.median(moved[gappy]) < 0.2 * np.median(length)
    lengths = np.linalg.norm(found, axis=1)
    assert np.median(lengths[gappy]) == pytest.approx(np.median(length[gappy]), rel=0.1)


def test_gaps_are_filled_by_the_conditional_expectation(matrices):
    """Of normal data: the regression of the missing signals on the others, and what that leaves, at own scale."""
    mean, person = matrices.mean(axis=0), matrices[0]
    missing = np.array([False, False, True, False, True, False])
    (filled,) = complete(make_gaps(person[None], missing[None]), mean)
    o, g = np.flatnonzero(~missing), np.flatnonzero(missing)
    slope = mean[np.ix_(g, o)] @ np.linalg.inv(mean[np.ix_(o, o)])
    np.testing.assert_allclose(filled[np.ix_(o, o)], person[np.ix_(o, o)])
    np.testing.assert_allclose(filled[np.ix_(g, o)], slope @ person[np.ix_(o, o)], atol=1e-12)
    left = filled[np.ix_(g, g)] - slope @ person[np.ix_(o, o)] @ slope.T
    rest = mean[np.ix_(g, g)] - slope @ mean[np.ix_(o, g)]
    np.testing.assert_allclose(left / left[0, 0], rest / rest[0, 0], atol=1e-10)
    assert (np.linalg.eigvalsh(filled) > 0).all()
    # The mean itself is given back, and a louder person stays as much louder.
    np.testing.assert_allclose(complete(make_gaps(mean[None], missing[None]), mean)[0], mean, atol=1e-12)
    np.testing.assert_allclose(complete(make_gaps(9 * person[None], missing[None]), mean)[0], 9 * filled, atol=1e-10)


def test_regions_that_nobody_has_together_still_embed(matrices):
    missing = np.zeros((20, REGIONS), dtype=bool)
    missing[::2, 1], missing[1::2, 4] = True, True
    assert np.isfinite(TangentSpace(max_missing=0.5).fit_transform(vectors(make_gaps(matrices, missing)))).all()


def test_who_has_no_region_stays_missing_and_changes_nothing(matrices):
    nobody = np.full((1, UPPER[0].size), np.nan)
    given = np.vstack([vectors(matrices), nobody])
    found = TangentSpace().fit_transform(given)
    assert np.isnan(found[-1]).all()
    np.testing.assert_allclose(found[:-1], TangentSpace().fit_transform(vectors(matrices)), atol=1e-12)
    with pytest.raises(ValueError, match="every region is missing"):
        TangentSpace().fit(np.vstack([nobody, nobody]))


def test_columns_that_are_no_triangle_are_refused():
    with pytest.raises(ValueError, match="no upper triangle"):
        TangentSpace().fit(np.ones((4, 7)))


def test_a_missing_pair_of_regions_is_filled_by_the_mean(matrices):
    given = matrices.copy()
    given[0, 1, 3] = given[0, 3, 1] = np.nan
    found, full = (TangentSpace().fit_transform(vectors(one)) for one in (given, matrices))
    assert np.isfinite(found).all()
    assert np.linalg.norm(found[0] - full[0]) < 0.5 * np.linalg.norm(full[0])
