from dataclasses import replace

import numpy as np
import pytest

from bidsml.learn.calibration import calibrate, calibration_curve, wilson_interval
from bidsml.learn.crossval import cross_validate
from bidsml.learn.splits import plan_folds
from bidsml.spec import EstimatorSpec

CV = {"outer": {"kind": "stratified", "folds": 5}}


@pytest.fixture(name="fitted")
def _fitted(simulate):
    data = simulate(n=240, effect=1.2, cv=CV)
    folds = plan_folds(data.cohort, data.spec, seed=0)
    estimator = EstimatorSpec(kind="logistic", grid={"C": (1.0,)})
    result = cross_validate(
        data.features, data.cohort, folds, spec=data.spec, estimator=estimator, model="biomarker", seed=0
    )
    return data, folds, result


def with_probability(result, probability):
    pair = np.stack([1 - probability, probability], axis=1)[None]
    return replace(result, probabilities=pair)


def test_everyone_is_in_one_part(fitted):
    data, folds, result = fitted
    curve = calibration_curve(result, folds, data.cohort)
    assert curve.n.sum() == 240 and curve.positives.sum() == data.cohort.target.sum()
    assert curve.n.size == 10 and curve.n.min() >= 23
    assert np.all(np.diff(curve.predicted) > 0)
    assert curve.ece == pytest.approx(np.sum(np.abs(curve.predicted - curve.observed) * curve.n) / 240)


def test_probabilities_that_are_true_lie_on_the_line_and_others_do_not(fitted):
    data, folds, result = fitted
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.05, 0.95, 240)
    cohort = replace(data.cohort, target=(rng.random(240) < probability).astype(float))
    honest = calibration_curve(with_probability(result, probability), folds, cohort)
    extreme = calibration_curve(with_probability(result, np.where(probability > 0.5, 0.99, 0.01)), folds, cohort)
    # Of ten 95 % intervals, three or more that miss the truth have p = 0.012.
    assert np.sum((honest.low > honest.predicted) | (honest.high < honest.predicted)) <= 2
    assert honest.slope == pytest.approx(1, abs=0.5) and extreme.slope < 0.5
    assert extreme.ece > 2 * honest.ece


def test_equal_probabilities_stay_together_whatever_the_order(fitted):
    data, folds, result = fitted
    curve = calibration_curve(with_probability(result, np.repeat([0.2, 0.6], 120)), folds, data.cohort)
    assert curve.n.tolist() == [120, 120]
    assert curve.predicted == pytest.approx([0.2, 0.6])
    constant = calibration_curve(with_probability(result, np.full(240, 0.5)), folds, data.cohort)
    assert constant.n.tolist() == [240]


def test_no_probabilities_no_curve_and_a_reason(fitted, simulate):
    data, folds, result = fitted
    curve = calibration_curve(replace(result, estimator="ridge", probabilities=None), folds, data.cohort)
    assert curve.n.size == 0 and "ridge" in curve.note and np.isnan(curve.ece)
    regression = simulate(n=60, classes=0, cv=CV)
    assert calibrate([result], folds, regression.cohort) == ()


def test_the_interval_is_wilsons():
    low, high = wilson_interval(np.array([0, 7]), np.array([10, 20]))
    z = 1.959964
    for k, n, a, b in ((0, 10, low[0], high[0]), (7, 20, low[1], high[1])):
        centre = (k / n + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(k / n * (1 - k / n) / n + z**2 / (4 * n**2))
        assert (a, b) == pytest.approx((centre - half, centre + half), abs=1e-6)
