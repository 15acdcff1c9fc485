"""The permutation test keeps its promise: exact on small samples, right error rate on noise, power on an effect."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from bidsml.learn.crossval import cross_validate
from bidsml.learn.exchange import plan_exchange
from bidsml.learn.nulls import correct_family, merge_nulls
from bidsml.learn.permutation import labellings, permute
from bidsml.learn.splits import plan_folds
from bidsml.records import PermutationNull
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (1.0,)})
THREE = {"outer": {"kind": "stratified", "folds": 3}}
FIVE = {"outer": {"kind": "stratified", "folds": 5}}


def observed(data, folds, target, estimator=RIDGE):
    cohort = replace(data.cohort, target=target)
    return permute(
        data.features, cohort, folds, spec=data.spec, estimator=estimator, first_draw=0, n_draws=0, seed=0
    ).observed


def test_eight_people_all_seventy_labellings(simulate):
    """P(p <= α) is ⌊mα⌋ / m over all m labellings: 70 of 4 + 4, which leave-one-out may all reach.

    A labelling and its mirror image are one to any fair statistic, so that m counts pairs.
    """
    data = simulate(n=8, p=3, classes=0, cv={"outer": {"kind": "leave-one-out"}})
    data = replace(data, cohort=replace(data.cohort, target=np.array([0.0, 1, 0, 1, 0, 1, 0, 1])))
    folds = plan_folds(data.cohort, data.spec, seed=0)
    labellings = [np.isin(np.arange(8), ones).astype(float) for ones in combinations(range(8), 4)]
    by_labels = {tuple(target): observed(data, folds, target) for target in labellings}
    assert len(by_labels) == 70
    for target, statistic in by_labels.items():
        assert by_labels[tuple(1 - value for value in target)] == pytest.approx(statistic)
    statistics = np.sort(list(by_labels.values()))[::2]
    assert np.diff(statistics).min() > 1e-9, "the statistic is tied"
    p = np.array([(statistics >= statistic).mean() for statistic in statistics])
    for alpha in (0.05, 0.1, 0.25, 0.5):
        assert (p <= alpha + 1e-12).mean() == pytest.approx(np.floor(35 * alpha + 1e-9) / 35)
    check_draws(data, folds, RIDGE, lambda target: by_labels[tuple(target)])


@pytest.mark.parametrize("keywords", [{}, {"n_sites": 2}, {"rows_per_unit": 2}], ids=["plain", "sites", "units"])
def test_a_draw_is_what_its_labels_would_have_given(simulate, keywords):
    """What exactness rests on, with tuning: the way to a statistic doesn't tell real labels from shuffled ones."""
    data = simulate(n=48, p=30, effect=0.5, cv={"outer": {"kind": "stratified", "folds": 4}}, **keywords)
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=0) if fold.design == "stratified"]
    tuned = EstimatorSpec(kind="ridge", grid={"alpha": (100.0, 1.0)})
    check_draws(data, folds, tuned, lambda target: observed(data, folds, target, tuned))


def check_draws(data, folds, estimator, statistic_of):
    null = permute(
        data.features, data.cohort, folds, spec=data.spec, estimator=estimator, first_draw=0, n_draws=4, seed=4
    )
    for draw in range(4):
        exchange = plan_exchange(data.cohort, folds, data.spec)
        labels = labellings(exchange, data.cohort.target, draw, 1, spec=data.spec, seed=4)[0][0]
        assert (labels != data.cohort.target).any()
        assert null.null[draw] == pytest.approx(statistic_of(labels), abs=1e-9)


def rejections(simulate, *, n_datasets, n_draws, alpha, first_seed=0, estimator=RIDGE, **keywords):
    count = 0
    for number in range(n_datasets):
        data = simulate(seed=first_seed + number, **keywords)
        folds = plan_folds(data.cohort, data.spec, seed=number)
        design = [fold for fold in folds if fold.design == "stratified"]
        null = permute(
            data.features,
            data.cohort,
            design,
            spec=data.spec,
            estimator=estimator,
            first_draw=0,
            n_draws=n_draws,
            seed=1000 + number,
        )
        count += null.p <= alpha + 1e-12
    return count


# With 19 draws p is a multiple of 1/20. Of 50 datasets 10 are expected at 0.2; 2–20 is 99.9 % of Binomial(50, 0.2).
FAST = {"n_datasets": 50, "n_draws": 19, "alpha": 0.2}
FULL = {"n_datasets": 500, "n_draws": 199, "alpha": 0.05}


@pytest.mark.parametrize("keywords", [{}, {"n_sites": 2}, {"rows_per_unit": 3}], ids=["plain", "sites", "units"])
def test_error_rate_on_noise(simulate, keywords):
    n = 72 if "rows_per_unit" in keywords else 24
    assert 2 <= rejections(simulate, n=n, p=4, cv=THREE, **FAST, **keywords) <= 20


def test_shuffling_single_scans_of_people_is_caught(simulate):
    """Negative control: the test above can fail."""
    free = {"inference": {"exchange": "free"}}
    strict = {**FAST, "n_datasets": 100, "alpha": 0.05}
    # 5 are expected of a valid test; more than 13 has a probability below 0.001.
    assert rejections(simulate, n=72, p=4, cv=FIVE, rows_per_unit=6, **strict, **free) > 13


@pytest.mark.slow
@pytest.mark.parametrize("keywords", [{}, {"rows_per_unit": 3}], ids=["plain", "units"])
def test_error_rate_on_noise_in_full(simulate, keywords):
    n = 90 if "rows_per_unit" in keywords else 30
    assert 11 <= rejections(simulate, n=n, p=4, cv=THREE, **FULL, **keywords) <= 42


@pytest.mark.slow
def test_error_rate_with_tuning(simulate):
    tuned = EstimatorSpec(kind="ridge", grid={"alpha": (100.0, 1.0, 0.01)})
    # Binomial(200, 0.1): 20 expected, 8–34 is 99.9 %.
    count = rejections(simulate, n=30, p=40, cv=THREE, n_datasets=200, n_draws=49, alpha=0.1, estimator=tuned)
    assert 8 <= count <= 34


def test_a_planted_effect_is_found(simulate):
    # d = 1.3 in one of four features: power is above 0.95, so that 16 of 20 is missed once in a thousand.
    found = rejections(simulate, n=48, p=4, effect=1.3, cv=THREE, n_datasets=20, n_draws=19, alpha=0.05)
    assert found >= 16


def family(n_datasets, rng):
    """Ten models whose statistics hang together, with 99 draws each; how often the best corrected p is <= 0.05."""
    count = 0
    for _ in range(n_datasets):
        shared = rng.standard_normal((100, 1))
        values = 0.7 * shared + rng.standard_normal((100, 10))
        nulls = [
            merge_nulls(
                [PermutationNull(f"m{m}", "d", "roc_auc", "pooled", float(values[0, m]), values[1:, m], "s", 0)]
            )
            for m in range(10)
        ]
        count += min(null.p_family for null in correct_family(nulls)) <= 0.05
    return count


def test_the_best_of_ten_models_is_corrected():
    # Binomial(500, 0.05): 25 expected; 11–42 is 99.9 %.
    assert 11 <= family(500, np.random.default_rng(0)) <= 42


def test_every_fit_sees_training_people_only(simulate, monkeypatch):
    """A spy at every fit: outcomes and a feature are people's numbers, so each fit says whom it saw."""
    from sklearn.linear_model import Ridge

    from bidsml.learn import preparation

    data = simulate(
        n=40, p=60, classes=0, nuisance={"regress": ["age"]}, cv={"outer": {"kind": "stratified", "folds": 4}}
    )
    target = np.random.default_rng(0).permutation(40).astype(float)
    values = data.features.values.copy()
    values[:, 0] = target
    features = replace(data.features, values=values)
    cohort = replace(data.cohort, target=target)
    seen = []

    def spy(cls, which):
        original = cls.fit

        def fit(self, X, y=None):
            seen.append(set(which(X, y)))
            return original(self, X, y)

        monkeypatch.setattr(cls, "fit", fit)

    spy(preparation.UsableFeatures, lambda X, y: X[:, 0])
    spy(preparation.MedianImputer, lambda X, y: X[:, 0])
    spy(preparation.NuisanceRegression, lambda X, y: X[:, 0])
    spy(Ridge, lambda X, y: np.atleast_2d(y.T)[0])
    for fold in plan_folds(cohort, data.spec, seed=0):
        seen.clear()
        tuned = EstimatorSpec(kind="ridge", grid={"alpha": (10.0, 1.0)})
        cross_validate(features, cohort, [fold], spec=data.spec, estimator=tuned, model="biomarker", seed=0)
        n_inner = np.unique(fold.inner).size
        # Three label-free fits per split, and two grid points per inner split before the last fit.
        assert len(seen) == 3 * (1 + n_inner) + 2 * n_inner + 1
        test, train = set(target[fold.test]), set(target[fold.train])
        allowed = [train] + [train - set(target[fold.train[fold.inner == b]]) for b in np.unique(fold.inner)]
        for people in seen:
            assert not people & test
            assert people in allowed
