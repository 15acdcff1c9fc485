from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from bidsml.errors import DataError
from bidsml.learn.harmonise import ComBat, combat_design, harmonisation_warnings, shrink_sites, unseen_rows
from bidsml.learn.splits import design_warnings, plan_folds

SIZES = (25, 40, 12, 3)


def cohort(sizes=SIZES, p=30, seed=0):
    """Features with site shifts, site scales and an age slope; sites differ in age. Returns features, site, age."""
    rng = np.random.default_rng(seed)
    site = np.repeat(np.arange(len(sizes)), sizes)
    age = 30 + 10 * site + 8 * rng.standard_normal(site.size)
    shift = rng.standard_normal((len(sizes), 1)) + 0.5 * rng.standard_normal((len(sizes), p))
    scale = rng.uniform(0.5, 2, (len(sizes), 1)) * rng.uniform(0.8, 1.2, (len(sizes), p))
    slope = rng.uniform(-0.1, 0.1, p)
    features = 3 + age[:, None] * slope + shift[site] + scale[site] * rng.standard_normal((site.size, p))
    return features, site.astype(float), age


def stack(features, *columns):
    return np.column_stack([features, *columns])


def published_combat(features, site, covariates):
    """Johnson 2007 and Fortin 2018, number by number: one feature, one site at a time, scalar iterations."""
    n, p = features.shape
    sites = sorted(set(site))
    design = np.array([[float(s == i) for i in sites] + list(row) for s, row in zip(site, covariates, strict=True)])
    sizes = [int((site == i).sum()) for i in sites]
    z, fixed, sigma = np.empty((n, p)), np.empty((n, p)), np.empty(p)
    for g in range(p):
        coefficients = np.linalg.solve(design.T @ design, design.T @ features[:, g])
        alpha = sum(size * own for size, own in zip(sizes, coefficients[: len(sites)], strict=True)) / n
        sigma[g] = np.sqrt(sum((features[:, g] - design @ coefficients) ** 2) / n)
        fixed[:, g] = alpha + design[:, len(sites) :] @ coefficients[len(sites) :]
        z[:, g] = (features[:, g] - fixed[:, g]) / sigma[g]
    harmonised = np.empty((n, p))
    for i, size in zip(sites, sizes, strict=True):
        rows = np.flatnonzero(site == i)
        gamma_hat = [np.mean(z[rows, g]) for g in range(p)]
        delta_hat = [np.var(z[rows, g], ddof=1) for g in range(p)]
        gamma_bar, tau2 = np.mean(gamma_hat), np.var(gamma_hat, ddof=1)
        mean, variance = np.mean(delta_hat), np.var(delta_hat, ddof=1)
        lam, theta = (mean**2 + 2 * variance) / variance, (mean**3 + mean * variance) / variance
        for g in range(p):
            gamma, delta2 = gamma_hat[g], delta_hat[g]
            for _ in range(500):
                gamma = (size * tau2 * gamma_hat[g] + delta2 * gamma_bar) / (size * tau2 + delta2)
                delta2 = (theta + 0.5 * sum((z[rows, g] - gamma) ** 2)) / (size / 2 + lam - 1)
            harmonised[rows, g] = sigma[g] / np.sqrt(delta2) * (z[rows, g] - gamma) + fixed[rows, g]
    return harmonised


def test_scikit_learn_conventions_hold():
    check_estimator(ComBat())


@pytest.mark.parametrize("with_covariates", [False, True])
def test_agrees_with_the_published_formulas(with_covariates):
    features, site, age = cohort(p=12)
    sex = np.random.default_rng(1).integers(0, 2, site.size)
    covariates = np.column_stack([age, sex]) if with_covariates else np.empty((site.size, 0))
    ours = ComBat(1 + covariates.shape[1]).fit_transform(stack(features, site, covariates))
    # The iterations stop at relative steps of 1e-8.
    np.testing.assert_allclose(ours, published_combat(features, site, covariates), rtol=1e-6, atol=1e-6)


def test_sites_agree_afterwards_and_the_covariate_effect_stays():
    features, site, age = cohort(sizes=(60, 80, 50), p=40, seed=2)
    after = ComBat(2).fit_transform(stack(features, site, age))

    def slopes_and_sites(values):
        design = np.column_stack([site[:, None] == np.unique(site), age - age.mean()])
        fit = np.linalg.lstsq(design, values, rcond=None)[0]
        residual = values - design @ fit
        return fit[-1], fit[:-1].std(axis=0), np.array([residual[site == i].std(axis=0) for i in np.unique(site)])

    (slope, means, spreads), (new_slope, new_means, new_spreads) = map(slopes_and_sites, (features, after))
    # Shrinking leaves a part of what the sites differ by.
    assert np.median(new_means) < 0.2 * np.median(means)
    assert np.log(new_spreads).std(axis=0).mean() < 0.3 * np.log(spreads).std(axis=0).mean()
    assert np.corrcoef(slope, new_slope)[0, 1] > 0.98
    # Without the covariate, the sites' difference in age is taken for a difference of the sites.
    lost = ComBat(1).fit_transform(stack(features, site))
    kept, gone = (np.polyfit(age, values, 1)[0] @ slope / (slope @ slope) for values in (after, lost))
    assert abs(kept - 1) < 0.1 and abs(gone - 1) > 0.2


def test_new_rows_of_a_known_site_pass_through_the_fitted_numbers():
    features, site, age = cohort()
    given = stack(features, site, age)
    train = np.arange(site.size) % 3 > 0
    model = ComBat(2).fit(given[train])
    np.testing.assert_array_equal(model.transform(given[train]), ComBat(2).fit_transform(given[train]))
    # The transform of a row is affine and looks at no other row.
    np.testing.assert_allclose(model.transform(given[~train][:1]), model.transform(given[~train])[:1], rtol=1e-12)


def test_test_rows_change_nothing_in_the_fit():
    features, site, age = cohort()
    given = stack(features, site, age)
    wild = given.copy()
    wild[1::2, :-2] *= 1e3
    wild[1::2, -2:] += 7
    first, second = ComBat(2).fit(given[::2]), ComBat(2).fit(wild[::2])
    np.testing.assert_array_equal(first.transform(given), second.transform(given))


def test_the_order_of_rows_columns_and_site_numbers_changes_nothing():
    features, site, age = cohort()
    plain = ComBat(2).fit_transform(stack(features, site, age))
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(site.size), rng.permutation(features.shape[1])
    np.testing.assert_allclose(ComBat(2).fit_transform(stack(features, site, age)[rows]), plain[rows], rtol=1e-7)
    np.testing.assert_allclose(
        ComBat(2).fit_transform(stack(features[:, columns], site, age)), plain[:, columns], rtol=1e-7
    )
    renamed = np.array([40.0, 3.0, 17.0, 5.0])[site.astype(int)]
    np.testing.assert_allclose(ComBat(2).fit_transform(stack(features, renamed, age)), plain, rtol=1e-7)


def test_units_of_features_and_covariates_carry_through():
    features, site, age = cohort()
    plain = ComBat(2).fit_transform(stack(features, site, age))
    other = ComBat(2).fit_transform(stack(1e6 * features - 5, site, 365 * age + 1e4))
    np.testing.assert_allclose(other, 1e6 * plain - 5, rtol=1e-6)


def test_rows_of_an_unseen_site_stay_as_they_are_are_counted_or_refused():
    features, site, age = cohort()
    given = stack(features, site, age)
    model = ComBat(2).fit(given[site < 2])
    passed = model.transform(given)
    np.testing.assert_allclose(passed[site >= 2], features[site >= 2], rtol=1e-12)
    assert np.abs(passed[site < 2] - features[site < 2]).max() > 0.1
    assert model.count_unseen(given) == sum(SIZES[2:])
    assert model.count_unseen(given[site < 2]) == 0
    strict = ComBat(2, unseen_site="error").fit(given[site < 2])
    np.testing.assert_array_equal(strict.transform(given[site < 2]), passed[site < 2])
    with pytest.raises(DataError, match=f"{sum(SIZES[2:])} of {site.size} rows"):
        strict.transform(given)


def test_a_site_of_one_training_row_is_only_shifted():
    features, site, _ = cohort(sizes=(40, 40, 1))
    model = ComBat(1).fit(stack(features, site))
    assert (model.scale_[2] == 1).all()
    # Shrunken, towards what the site does on the whole, and not to the very mean.
    raw = (features[-1] - model.grand_mean_) / features[:-1].std(axis=0)
    taken = model.shift_[2] / features[:-1].std(axis=0)
    assert 0.1 < taken.std() / raw.std() < 0.9
    assert np.isfinite(model.transform(stack(features, site))).all()


def test_sites_of_two_alike_rows_and_features_that_are_constant_in_a_site_do_not_break():
    features, site, _ = cohort(sizes=(30, 30, 2, 5))
    features[site == 2] = features[site == 2][0]
    features[site == 3, :4] = 1.5
    after = ComBat(1).fit_transform(stack(features, site))
    assert np.isfinite(after).all()
    assert np.abs(after).max() < 10 * np.abs(features).max()


def test_one_site_has_nothing_to_harmonise():
    features, _, age = cohort()
    np.testing.assert_allclose(ComBat(2).fit_transform(stack(features, np.full(len(age), 4.0), age)), features)


def test_one_feature_alone_borrows_from_none():
    features, site, _ = cohort(p=1)
    after = ComBat(1).fit_transform(stack(features, site))
    np.testing.assert_allclose([after[site == i].mean() for i in range(4)], features.mean(), rtol=1e-9)
    spreads = [after[site == i].std(ddof=1) for i in range(4)]
    np.testing.assert_allclose(spreads, spreads[0], rtol=1e-9)


def test_features_without_residual_become_what_explains_them():
    features, site, age = cohort()
    odd = np.column_stack([np.full(site.size, 0.1), site * 3 - 1, age * 2 + 1, age - 4 * site])
    model = ComBat(2).fit(stack(features, odd, site, age))
    after = model.transform(stack(features, odd, site, age))[:, -4:]
    np.testing.assert_array_equal(after[:, 0], 0.1)
    # No rounding may be left that scaling would blow up.
    assert np.ptp(after[:, 1]) == 0
    np.testing.assert_allclose(after[:, 2], odd[:, 2])
    np.testing.assert_allclose(np.polyfit(age, after[:, 3], 1)[0], 1)
    # And they have no part in what is borrowed between features.
    np.testing.assert_allclose(
        model.transform(stack(features, odd, site, age))[:, :-4], ComBat(2).fit_transform(stack(features, site, age))
    )


def test_missing_covariates_get_the_training_median():
    features, site, age = cohort()
    gaps = age.copy()
    gaps[::7] = np.nan
    filled = np.where(np.isnan(gaps), np.nanmedian(gaps[:60]), gaps)
    first, second = (ComBat(2).fit(stack(features, site, column)[:60]) for column in (gaps, filled))
    np.testing.assert_allclose(
        first.transform(stack(features, site, gaps)), second.transform(stack(features, site, filled))
    )


def test_a_covariate_that_is_the_site_goes_with_the_site():
    features, site, age = cohort()
    np.testing.assert_allclose(
        ComBat(3).fit_transform(stack(features, site, age, 100 * (site == 1))),
        ComBat(2).fit_transform(stack(features, site, age)),
        rtol=1e-7,
    )


def test_untouched_columns_are_handed_on_and_have_no_part():
    features, site, age = cohort()
    beside = np.random.default_rng(4).standard_normal((site.size, 3))
    after = ComBat(2, n_untouched=3).fit_transform(stack(features, beside, site, age))
    np.testing.assert_array_equal(after[:, -3:], beside)
    np.testing.assert_array_equal(after[:, :-3], ComBat(2).fit_transform(stack(features, site, age)))


def test_shrinking_lies_between_a_site_and_the_common_value():
    rng = np.random.default_rng(0)
    location, variance = rng.standard_normal((3, 50)), rng.gamma(5, size=(3, 50)) / 5
    shift, scale2 = shrink_sites(location, variance, np.array([5.0, 50.0, 5000.0]))
    common = location.mean(axis=1, keepdims=True)
    share = (shift - common) / (location - common)
    assert (share > 0).all() and (share < 1).all()
    # The more rows a site has, the more its own values count.
    assert (np.diff(np.median(share, axis=1)) > 0).all()
    np.testing.assert_allclose(scale2[2], variance[2], rtol=0.05)
    assert scale2[0].std() < 0.8 * variance[0].std()


@pytest.mark.parametrize(
    ("model", "words"),
    [(ComBat(31), "leave no feature"), (ComBat(-1), "leave no feature"), (ComBat(1, unseen_site="guess"), "'guess'")],
)
def test_impossible_parameters_are_refused(model, words):
    features, site, _ = cohort()
    with pytest.raises(ValueError, match=words):
        model.fit(stack(features, site))


def test_sites_of_one_row_each_leave_nothing_to_learn_from():
    features, _, age = cohort()
    with pytest.raises(DataError, match="more than 81 training rows"):
        ComBat(2).fit(stack(features, np.arange(80), age))


def test_gaps_where_none_may_be_are_refused():
    features, site, _ = cohort()
    features[3, 2] = np.nan
    with pytest.raises(ValueError, match="impute"):
        ComBat(1).fit(stack(features, site))
    site[0] = np.nan
    with pytest.raises(ValueError, match="no site"):
        ComBat(1).fit(stack(features, site))


# ------------------------------------------------------------------ a cohort's sites

COMBAT = {"harmonize": "combat", "preserve": ["age"]}


def test_unseen_rows_are_those_of_sites_without_training_rows():
    site = tuple("aabbcd")
    np.testing.assert_array_equal(unseen_rows(site, train=np.array([0, 2]), test=np.array([1, 3, 4, 5])), [4, 5])


def test_the_result_hears_of_unseen_sites_by_design(simulate):
    data = simulate(n=60, n_sites=4, nuisance=COMBAT)
    folds = plan_folds(data.cohort, data.spec, seed=1)
    said = [line for line in design_warnings(folds, data.cohort, data.spec) if line.startswith("ComBat")]
    assert said == [
        "ComBat, leave-site-out: 60 test rows of 4 folds came from sites unseen in training and got the pooled mean "
        "and variance."
    ]
    lonely = replace(data.cohort, site=("alone", *data.cohort.site[1:]))
    stratified = [fold for fold in folds if fold.design == "stratified"]
    assert "stratified: 1 test row of 1 fold " in harmonisation_warnings(stratified, lonely, data.spec)[0]
    plain = simulate(n=60, n_sites=4)
    assert not harmonisation_warnings(folds, plain.cohort, plain.spec)


def test_the_result_hears_of_columns_that_cannot_be_preserved(simulate):
    data = simulate(n=60, n_sites=4, nuisance=COMBAT)
    table = data.cohort.table.assign(age=[float(name[-1]) for name in data.cohort.site])
    said = harmonisation_warnings((), replace(data.cohort, table=table), data.spec)
    assert len(said) == 1 and "could not preserve age" in said[0]


def test_the_design_holds_the_site_and_what_is_preserved(simulate):
    data = simulate(n=60, n_sites=4, nuisance={"harmonize": "combat", "preserve": ["age", "sex"]})
    design = combat_design(data.cohort, data.spec)
    assert [f"site-{int(code)}" for code in design[:, 0]] == list(data.cohort.site)
    np.testing.assert_array_equal(design[:, 1], data.cohort.table["age"])
    np.testing.assert_array_equal(design[:, 2], data.cohort.table["sex"] == "M")
    assert combat_design(data.cohort, simulate(n=60).spec).shape == (60, 0)
    # Preserved columns are no confounds unless they are named so.
    assert data.cohort.nuisance_names == ()


# ------------------------------------------------------------------ real sites


def test_real_sites_are_hard_to_tell_apart_afterwards(shared_data):
    """ABIDE, 20 sites, 100 edges: a ridge classifier of the site, before and after ComBat fitted in the fold."""
    folder = shared_data("abide_ho871")
    people = np.genfromtxt(folder / "participants.tsv", delimiter="\t", names=True, dtype=None, encoding="utf-8")
    with np.load(folder / "connectomes_pearson_triu_float16.npz") as content:
        edges = content["r"]
    chosen = np.random.default_rng(0).choice(6105, 100, replace=False)
    features = np.arctanh(np.clip(edges[:, chosen].astype(float), -0.99, 0.99))
    label = people["site"]
    site = np.unique(label, return_inverse=True)[1].astype(float)
    before, after = np.empty_like(label), np.empty_like(label)
    model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0, class_weight="balanced"))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(features, label):
        before[test] = model.fit(features[train], label[train]).predict(features[test])
        combat = ComBat(1).fit(stack(features, site)[train])
        train_features, test_features = (combat.transform(stack(features, site)[rows]) for rows in (train, test))
        after[test] = model.fit(train_features, label[train]).predict(test_features)
    accuracies = [balanced_accuracy_score(label, predicted) for predicted in (before, after)]
    # Chance is 0.05; seen: 0.34 before, 0.03 after.
    assert accuracies[0] > 0.25
    assert accuracies[1] < 0.1


def test_a_state_is_the_whole_fit():
    features, site, age = cohort()
    beside = np.random.default_rng(4).standard_normal((site.size, 2))
    table = stack(features, beside, site, age)
    fitted = ComBat(2, n_untouched=2).fit(table[site > 0])
    again = ComBat.from_state(fitted.state(), n_untouched=2)
    table[3, -1] = np.nan
    np.testing.assert_array_equal(again.transform(table), fitted.transform(table))
    assert again.get_params() == fitted.get_params() and again.n_features_in_ == fitted.n_features_in_
    with pytest.raises(DataError, match="25 of 80 rows come from a site"):
        ComBat.from_state(fitted.state(), n_untouched=2, unseen_site="error").transform(table)
    assert ComBat().fit(features).state() == {}
