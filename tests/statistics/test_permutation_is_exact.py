"""The permutation test keeps its promise: exact on small samples, right error rate on noise, power on an effect."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binomtest

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


@pytest.mark.parametrize("name", ["plain", "sites", "units"])
def test_error_rate_on_noise(simulate, figure, name):
    keywords = {"plain": {}, "sites": {"n_sites": 2}, "units": {"rows_per_unit": 3}}[name]
    n = 72 if name == "units" else 24
    count = rejections(simulate, n=n, p=4, cv=THREE, **FAST, **keywords)
    figure(f"type I, {name}, of 50 at 0.2", count, 2, 20)


def test_shuffling_single_scans_of_people_is_caught(simulate, figure):
    """Negative control: the test above can fail."""
    free = {"inference": {"exchange": "free"}}
    strict = {**FAST, "n_datasets": 100, "alpha": 0.05}
    # 5 are expected of a valid test; more than 13 has a probability below 0.001.
    count = rejections(simulate, n=72, p=4, cv=FIVE, rows_per_unit=6, **strict, **free)
    figure("type I, scans shuffled freely, of 100 at 0.05 (negative control)", count, 14, 100)


def test_selection_on_everyone_is_caught(simulate, figure):
    """Negative control: features chosen by the labels of all, before the folds, and not again in the draws."""

    def choose(**keywords):
        data = simulate(p=500, **keywords)
        values = data.features.values
        apart = values[data.cohort.target == 1].mean(axis=0) - values[data.cohort.target == 0].mean(axis=0)
        best = np.argsort(-np.abs(apart))[:4]
        block = replace(data.features.blocks[0], stop=4)
        names = tuple(data.features.names[column] for column in best)
        return replace(data, features=replace(data.features, values=values[:, best], names=names, blocks=(block,)))

    # Binomial(20, 0.05): more than 5 has a probability below 0.001.
    count = rejections(choose, n=24, cv=THREE, **{**FAST, "n_datasets": 20, "alpha": 0.05})
    figure("type I, selection outside of the folds, of 20 at 0.05 (negative control)", count, 6, 20)


def test_the_binomial_test_is_caught(figure):
    """Negative control: predictions of one cross-validation counted as if they were independent."""
    rng = np.random.default_rng(0)
    count = 0
    for _ in range(1000):
        label, features = rng.permutation(np.arange(30) % 2), rng.standard_normal((30, 4))
        right = 0
        fold = np.empty(30, dtype=int)
        fold[np.argsort(label, kind="stable")] = np.arange(30) % 10
        for number in range(10):
            train, test = fold != number, fold == number
            centre = features[train].mean(axis=0)
            weights = np.linalg.lstsq(features[train] - centre, label[train] - label[train].mean(), rcond=None)[0]
            threshold = 0.5 - label[train].mean()
            right += int((((features[test] - centre) @ weights > threshold) == (label[test] == 1)).sum())
        count += binomtest(right, 30, alternative="greater").pvalue <= 0.05
    # Binomial(1000, 0.05): more than 73 has a probability below 0.001.
    figure("type I, binomial test, of 1000 at 0.05 (negative control)", count, 74, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "units"])
def test_error_rate_on_noise_in_full(simulate, figure, name):
    keywords, n = ({"rows_per_unit": 3}, 90) if name == "units" else ({}, 30)
    count = rejections(simulate, n=n, p=4, cv=THREE, **FULL, **keywords)
    figure(f"type I, {name}, of 500 at 0.05", count, 11, 42)


@pytest.mark.slow
def test_error_rate_with_tuning(simulate, figure):
    tuned = EstimatorSpec(kind="ridge", grid={"alpha": (100.0, 1.0, 0.01)})
    # Binomial(200, 0.1): 20 expected, 8–34 is 99.9 %.
    count = rejections(simulate, n=30, p=40, cv=THREE, n_datasets=200, n_draws=49, alpha=0.1, estimator=tuned)
    figure("type I, tuned, of 200 at 0.1", count, 8, 34)


def test_a_planted_effect_is_found(simulate, figure):
    # d = 1.3 in one of four features: power is above 0.95, so that 16 of 20 is missed once in a thousand.
    found = rejections(simulate, n=48, p=4, effect=1.3, cv=THREE, n_datasets=20, n_draws=19, alpha=0.05)
    figure("power, of 20 at 0.05", found, 16, 20)


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


def test_the_best_of_ten_models_is_corrected(figure):
    # Binomial(500, 0.05): 25 expected; 11–42 is 99.9 %.
    figure("family-wise rate over 10 models, of 500 at 0.05", family(500, np.random.default_rng(0)), 11, 42)


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
