import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold
from sklearn.utils.estimator_checks import check_estimator

from bidsml.errors import DataError
from bidsml.learn.normative import NormativeScores
from bidsml.learn.normative_layout import what_disagrees


def columns(features, *, site=None, reference=None, covariates=()):
    n = len(features)
    site = np.zeros(n) if site is None else site
    reference = np.ones(n) if reference is None else reference
    return np.column_stack([features, site, reference, *covariates])


def aged(n, p, rng, *, n_sites=1, between=0.0, growth=0.8):
    """Features with a bent age curve and a spread that grows with age: features, age, site, true mean and spread."""
    age = rng.uniform(8, 60, n)
    site = rng.integers(0, n_sites, n)
    mean = np.repeat((3 * np.sin(age / 12))[:, None], p, axis=1)
    spread = np.repeat(np.exp(-0.4 + growth * (age - 34) / 26)[:, None], p, axis=1)
    shift = between * rng.standard_normal((n_sites, p))
    return mean + shift[site] + spread * rng.standard_normal((n, p)), age, site.astype(float), mean, spread


def test_scikit_learn_takes_it_for_a_transformer():
    check_estimator(NormativeScores())


def test_without_curve_and_site_it_is_the_prediction_interval_of_a_regression():
    rng = np.random.default_rng(1)
    n, sex = 40, np.arange(40) % 2.0
    features = rng.standard_normal((n, 3)) + sex[:, None]
    new = columns(rng.standard_normal((5, 3)), covariates=[np.array([0, 1, 0, 1, 1.0])])
    got = NormativeScores(3, spread="constant").fit(columns(features, covariates=[sex])).transform(new)
    design = np.column_stack([np.ones(n), sex])
    coefficients, squares, *_ = np.linalg.lstsq(design, features, rcond=None)
    row = np.column_stack([np.ones(5), new[:, -1]])
    leverage = ((row @ np.linalg.inv(design.T @ design)) * row).sum(axis=1)[:, None]
    # The standard deviation of Student's t with 38 degrees of freedom, not its scale.
    expected = np.sqrt(squares / 38 * (38 / 36 + leverage))
    np.testing.assert_allclose(got, (new[:, :3] - row @ coefficients) / expected, rtol=1e-10)


def test_a_bent_curve_and_an_uneven_spread_come_back():
    rng = np.random.default_rng(2)
    features, age, _, _, _ = aged(3000, 20, rng)
    _, new_age, _, mean, spread = aged(200, 20, rng)
    given, new = columns(features, covariates=[age]), columns(mean, covariates=[new_age])
    found, deviation = NormativeScores(3, n_knots=6).fit(given).predict_moments(new)
    # Standard errors of 3000 people and nine coefficients: about 6 % of the spread, and 4 % in its logarithm.
    assert np.abs((found - mean) / spread).mean() < 0.1
    assert np.abs(np.log(deviation / spread)).mean() < 0.06
    even = NormativeScores(3, n_knots=6, spread="constant").fit(given).predict_moments(new)[1]
    assert np.abs(np.log(even / spread)).mean() > 0.3


def test_an_even_spread_is_left_even_but_for_chance():
    rng = np.random.default_rng(3)
    features, age, *_ = aged(400, 600, rng, growth=0.0)
    (_, fit), *_ = NormativeScores(3).fit(columns(features, covariates=[age])).fits_
    # The score test's level is 5 %: 30 of 600, standard deviation 5.3.
    assert 14 <= fit.bend.any(axis=0).sum() <= 46


@pytest.mark.parametrize("n_reference", [25, 60, 200])
def test_z_of_new_people_is_as_wide_as_it_says_however_few_define_the_norm(n_reference):
    rng = np.random.default_rng(4)
    squares, outside, plain = [], [], []
    for _ in range(40):
        features, age, site, *_ = aged(n_reference + 300, 20, rng, n_sites=3, between=0.7, growth=0.0)
        given = columns(features, site=site, covariates=[age])
        norm = NormativeScores(3).fit(given[:n_reference])
        z = norm.transform(given[n_reference:])
        squares.append((z**2).mean())
        outside.append((np.abs(z) > 1.96).mean())
        (_, fit), *_ = norm.fits_
        mean = norm.predict_moments(given[n_reference:])[0]
        plain.append((((features[n_reference:] - mean) ** 2) / fit.variance).mean())
    assert np.sqrt(np.mean(squares)) == pytest.approx(1.0, abs=0.05)
    assert np.mean(outside) == pytest.approx(0.05, abs=0.015)
    if n_reference == 25:
        # What leaving the norm's own uncertainty out would have cost: a fifth too wide.
        assert np.sqrt(np.mean(plain)) > 1.12


def test_sites_are_shrunken_between_their_own_mean_and_everyones():
    rng = np.random.default_rng(5)
    sizes = (60, 60, 60, 2)
    site = np.repeat(np.arange(4.0), sizes)
    features = np.array([0.0, 1.0, 2.0, 8.0])[site.astype(int)][:, None] + rng.standard_normal((site.size, 5))
    norm = NormativeScores(2).fit(columns(features, site=site))
    mean = norm.predict_moments(columns(np.zeros((5, 5)), site=np.array([0.0, 1, 2, 3, 9])))[0]
    own = np.stack([features[site == number].mean(axis=0) for number in range(4)])
    # Many people: their own mean to a percent of the way to the others'; two people: some of the way.
    np.testing.assert_allclose(mean[:3], own[:3], atol=0.15)
    assert (mean[3] < own[3]).all()
    assert (mean[3] > 0.7 * own[3]).all()
    assert (np.abs(mean[4] - own.mean(axis=0)) < 0.5).all()


def test_people_of_an_unseen_site_get_the_variance_between_sites():
    rng = np.random.default_rng(6)
    squares = []
    for _ in range(30):
        features, age, site, *_ = aged(600, 20, rng, n_sites=12, between=1.0, growth=0.0)
        given = columns(features, site=site, covariates=[age])
        norm = NormativeScores(3).fit(given[site != 0])
        squares.append((norm.transform(given[site == 0]) ** 2).mean())
    assert np.sqrt(np.mean(squares)) == pytest.approx(1.0, abs=0.1)
    assert norm.count_unseen(given) == (site == 0).sum()
    refusing = NormativeScores(3, unseen_site="error").fit(given[site != 0])
    with pytest.raises(DataError, match="without reference people"):
        refusing.transform(given)


def test_sites_that_differ_in_age_do_not_bend_the_curve():
    rng = np.random.default_rng(7)
    site = np.repeat(np.arange(6.0), 50)
    age = 10 + 8 * site + rng.uniform(-6, 6, site.size)
    # Young sites' scanners measure more: between sites, the feature seems to fall with age; within, it rises.
    features = (0.1 * age - 1.5 * site)[:, None] + 0.3 * rng.standard_normal((site.size, 4))
    norm = NormativeScores(3, n_knots=2).fit(columns(features, site=site, covariates=[age]))
    mean = norm.predict_moments(columns(np.zeros((2, 4)), site=np.full(2, 3.0), covariates=[np.array([30.0, 38.0])]))[0]
    np.testing.assert_allclose(mean[1] - mean[0], 0.8, atol=0.25)


def test_only_reference_rows_are_fitted():
    rng = np.random.default_rng(8)
    features, age, site, *_ = aged(80, 6, rng, n_sites=2)
    reference = (np.arange(80) < 50).astype(float)
    given = columns(features, site=site, reference=reference, covariates=[age])
    changed = given.copy()
    changed[50:, :6] = 1e6
    one, other = (NormativeScores(3).fit(rows) for rows in (given, changed))
    np.testing.assert_array_equal(one.transform(given), other.transform(given))
    with pytest.raises(DataError, match="nobody among the training rows"):
        NormativeScores(3).fit(given[50:])


def test_gaps_stay_gaps_and_cost_nobody_else():
    rng = np.random.default_rng(9)
    features, age, site, *_ = aged(90, 5, rng, n_sites=2)
    given = columns(features, site=site, covariates=[age])
    whole = NormativeScores(3).fit(given).transform(given)
    given[:7, 2] = np.nan
    z = NormativeScores(3).fit(given).transform(given)
    assert np.isnan(z[:7, 2]).all()
    assert np.isfinite(z).sum() == z.size - 7
    others = [0, 1, 3, 4]
    # Site scales are shrunken by what all complete features say.
    np.testing.assert_allclose(z[:, others], whole[:, others], atol=0.1)


def test_what_has_no_norm_is_missing():
    rng = np.random.default_rng(10)
    features, age, *_ = aged(60, 4, rng)
    features[:, 1] = 5.0
    features[10:, 2] = np.nan
    features[:, 3] = np.nan
    z = NormativeScores(3).fit(columns(features, covariates=[age])).transform(columns(features, covariates=[age]))
    assert np.isfinite(z).all(axis=0).tolist() == [True, False, False, False]
    assert np.isnan(z[:, 1]).all()
    assert np.isnan(z[:, 3]).all()


def test_few_people_cost_the_sites_first_and_the_curve_then():
    rng = np.random.default_rng(11)
    features, age, *_ = aged(30, 4, rng)
    site = np.arange(30.0)
    together = columns(features, covariates=[age])
    np.testing.assert_allclose(
        NormativeScores(3).fit(columns(features, site=site, covariates=[age])).transform(together),
        NormativeScores(3).fit(together).transform(together),
    )
    few = NormativeScores(3).fit(together[:4])
    assert len(np.unique(few.predict_moments(together)[0][:, 0])) == 1
    assert np.isfinite(few.transform(together)).all()


def test_too_few_people_are_refused():
    rng = np.random.default_rng(11)
    features, age, *_ = aged(3, 4, rng)
    with pytest.raises(DataError, match="3 reference people"):
        NormativeScores(3).fit(columns(features, covariates=[age]))


@pytest.mark.parametrize("bad", [{"spread": "wide"}, {"unseen_site": "guess"}, {"n_knots": 1}, {"n_design": 99}])
def test_wrong_parameters_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        NormativeScores(**{"n_design": 2, **bad}).fit(columns(np.random.default_rng(0).standard_normal((20, 2))))


def test_arrays_make_the_same_norm():
    rng = np.random.default_rng(12)
    features, age, site, *_ = aged(120, 6, rng, n_sites=3, between=1.0)
    features[:9, 4] = np.nan
    # Of one value among the reference people: no z.
    features[:-3, 2] = 7.0
    given = columns(features, site=site, covariates=[age, age > 30], reference=np.arange(120) < 117)
    norm = NormativeScores(4).fit(given)
    state = norm.state()
    assert not [name for name, array in state.items() if not np.isfinite(array).all()]
    assert not what_disagrees(state, n_sites=3, n_covariates=2, n_features=6)
    z = norm.transform(given)
    assert np.isnan(z).all(axis=0).tolist() == [number == 2 for number in range(6)]
    np.testing.assert_array_equal(NormativeScores.from_state(state).transform(given), z)


# ------------------------------------------------------------------ real people


@pytest.fixture(scope="module")
def controls(shared_data):
    """Controls of ABIDE I: FreeSurfer's numbers, age and site."""
    table = pd.read_csv(shared_data("abide_fs915") / "FS_features_ABIDE_males.csv", sep=";", encoding="utf-8-sig")
    table = table[table["DX_GROUP"] == -1]
    site = pd.factorize(table["FILE_ID"].str.rsplit("_", n=1).str[0], sort=True)[0].astype(float)
    features = table.drop(columns=["FILE_ID", "AGE_AT_SCAN", "SEX", "FIQ", "DX_GROUP"]).to_numpy(float)
    return features[:, features.std(axis=0) > 0], table["AGE_AT_SCAN"].to_numpy(float), site


def out_of_fold(controls, splits):
    features, age, site = controls
    given = columns(features, site=site, covariates=[age])
    z = np.full(features.shape, np.nan)
    for train, test in splits:
        z[test] = NormativeScores(3).fit(given[train]).transform(given[test])
    return z


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_controls_of_abide_are_within_the_limits_out_of_fold(controls):
    features, _, site = controls
    splits = list(StratifiedKFold(10, shuffle=True, random_state=0).split(features, site))
    z = out_of_fold(controls, splits)
    inside, spread = (np.abs(z) <= 1.96).mean(axis=0), z.std(axis=0, ddof=1)
    assert 0.93 <= np.median(inside) <= 0.97
    assert 0.95 <= np.median(spread) <= 1.05
    # All but the worst 5 % of the features, at either end.
    assert np.quantile(inside, (0.05, 0.95)) == pytest.approx([0.95, 0.95], abs=0.02)
    assert np.quantile(spread, (0.05, 0.95)) == pytest.approx([1.0, 1.0], abs=0.05)
    for number in np.flatnonzero(np.bincount(site.astype(int)) >= 40):
        mine = z[site == number]
        assert 0.93 <= np.median((np.abs(mine) <= 1.96).mean(axis=0)) <= 0.97
        assert np.median(np.sqrt((mine**2).mean(axis=0))) == pytest.approx(1.0, abs=0.05)


def test_controls_of_a_site_that_the_norm_never_saw(controls):
    features, _, site = controls
    z = out_of_fold(controls, LeaveOneGroupOut().split(features, groups=site))
    assert 0.93 <= np.median((np.abs(z) <= 1.96).mean(axis=0)) <= 0.97
    assert np.median(z.std(axis=0)) == pytest.approx(1.0, abs=0.05)
