from dataclasses import replace

import numpy as np
import pytest

from bidsml.learn.crossval import cross_validate
from bidsml.learn.curve import extrapolate, learn_curve, nested_order, power_law, training_shares
from bidsml.learn.splits import plan_folds
from bidsml.records import LearningCurve
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (1.0, 100.0)})
CV = {"outer": {"kind": "stratified", "folds": 5, "repeats": 2}, "inner": {"folds": 3}}


def curve_of(data, seed=0):
    folds = plan_folds(data.cohort, data.spec, seed=0)
    full = cross_validate(data.features, data.cohort, folds, spec=data.spec, estimator=RIDGE, model="biomarker", seed=0)
    made = learn_curve(data.features, data.cohort, folds, spec=data.spec, estimator=RIDGE, full=full, seed=seed)
    return made, full, folds


def points(values, size=None):
    size = np.geomspace(20, 800, len(values)) if size is None else size
    nothing = np.full(len(values), np.nan)
    return LearningCurve("r", "d", "roc_auc", size, np.asarray(values), nothing, nothing, np.ones(len(values), int))


def test_more_people_help_and_the_last_point_is_the_cross_validation(simulate):
    data = simulate(n=200, p=30, effect=1.5, cv=CV)
    curve, full, folds = curve_of(data)
    first = [number for number, fold in enumerate(folds) if fold.repeat == 0]
    assert curve.estimate[-1] == pytest.approx(full.fold_metrics["roc_auc"][first].mean())
    assert curve.size[-1] == 160 and curve.size[0] == pytest.approx(20, abs=1)
    assert np.diff(np.log(curve.size)) == pytest.approx(np.full(curve.size.size - 1, np.log(8) / 7), abs=0.08)
    assert curve.estimate[-1] > curve.estimate[0] + 0.05
    assert (curve.low < curve.estimate).all() and (curve.estimate < curve.high).all()


def test_the_seed_decides_the_subsets(simulate):
    data = simulate(n=60, cv={"outer": {"kind": "stratified", "folds": 3}})
    curve = curve_of(data)[0]
    assert curve_of(data)[0].estimate.tolist() == curve.estimate.tolist()
    assert curve_of(data, seed=1)[0].estimate[0] != curve.estimate[0]


def test_subsets_are_nested_balanced_and_keep_units_whole(simulate):
    data = simulate(n=120, rows_per_unit=3)
    rows = np.arange(30, 120)
    place = nested_order(data.cohort, rows, rng=np.random.default_rng(0))
    unit = np.asarray(data.cohort.unit)[rows]
    for share in (0.25, 0.5, 0.8):
        taken = place < share
        assert not set(unit[taken]) & set(unit[~taken])
        for code in (0, 1):
            mine = data.cohort.target[rows] == code
            assert abs(taken[mine].sum() / 3 - share * mine.sum() / 3) <= 1
    assert np.all((place < 0.25) <= (place < 0.5))


def test_the_test_people_never_train(simulate, monkeypatch):
    from bidsml.learn import curve, fitting

    seen, scored = [], []
    prepare, fit = fitting.prepare_views, curve.fit_as_chosen

    def prepared(given, train, test, **options):
        seen.append((train, test))
        return prepare(given, train, test, **options)

    def fitted(given, fold, target, chosen, **options):
        result = fit(given, fold, target, chosen, **options)
        scored.append((fold.test.tolist(), seen[-1][1].tolist()))
        return result

    monkeypatch.setattr(fitting, "prepare_views", prepared)
    monkeypatch.setattr(curve, "fit_as_chosen", fitted)
    data = simulate(n=100, cv=CV)
    _, _, folds = curve_of(data)
    tests = [fold.test.tolist() for fold in folds if fold.repeat == 0]
    assert seen and all(not set(train) & set(test) for train, test in seen)
    assert scored and all(mine in tests and used == mine for mine, used in scored)


def test_few_people_get_one_point_and_no_law(simulate):
    data = simulate(n=24, cv={"outer": {"kind": "stratified", "folds": 4}})
    curve, _, folds = curve_of(data)
    assert training_shares(data.cohort, folds).tolist() == [1.0]
    assert curve.size.size == 1 and "no power law" in curve.note and np.isnan(curve.flat_from)


@pytest.mark.parametrize(("classes", "cv"), [(0, CV), (3, CV), (2, {"outer": {"kind": "stratified", "folds": 3}})])
def test_regressions_several_classes_and_pooled_figures_have_a_curve(simulate, classes, cv):
    curve, _, _ = curve_of(simulate(n=45, classes=classes, effect=2, cv=cv))
    assert np.isfinite(curve.estimate).all() and curve.interval


def test_the_law_comes_back():
    size = np.geomspace(20, 800, 8)
    made = extrapolate(points(power_law(size, 0.8, 1.2, 0.6), size), higher_is_better=True, best=(0, 1))
    assert (made.asymptote, made.scale, made.exponent) == pytest.approx((0.8, 1.2, 0.6), rel=1e-3)
    assert made.gain == pytest.approx(power_law(1600.0, 0.8, 1.2, 0.6) - power_law(800.0, 0.8, 1.2, 0.6), rel=1e-3)
    reached = made.flat_from
    gained = power_law(2 * reached, 0.8, 1.2, 0.6) - power_law(reached, 0.8, 1.2, 0.6)
    assert 20 < reached < 800 and gained == pytest.approx(0.01, rel=1e-2)


def test_where_twice_the_people_still_help_nothing_is_flat():
    size = np.geomspace(20, 200, 8)
    made = extrapolate(points(power_law(size, 0.95, 1.0, 0.25), size), higher_is_better=True, best=(0, 1))
    assert np.isnan(made.flat_from) and made.gain > 0.01


def test_a_curve_at_chance_is_flat_from_the_start():
    rng = np.random.default_rng(0)
    made = extrapolate(points(0.5 + 0.002 * rng.standard_normal(8)), higher_is_better=True, best=(0, 1))
    assert made.flat_from == 20 and made.gain < 0.01


def test_an_error_falls_as_a_score_rises():
    size = np.geomspace(20, 800, 8)
    score = extrapolate(points(power_law(size, 0.8, 1.2, 0.6), size), higher_is_better=True)
    error = extrapolate(points(-power_law(size, 0.8, 1.2, 0.6), size), higher_is_better=False)
    assert (error.asymptote, error.scale) == pytest.approx((-score.asymptote, -score.scale))
    assert (error.gain, error.flat_from) == pytest.approx((score.gain, score.flat_from))
    assert replace(error, exponent=score.exponent).exponent == pytest.approx(score.exponent)
