from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from bidsml.learn.crossval import cross_validate
from bidsml.learn.splits import plan_folds
from bidsml.learn.utility import decision_curve, predictive_values, utility_of, weigh_utility
from bidsml.spec import EstimatorSpec

CV = {"outer": {"kind": "stratified", "folds": 5, "repeats": 2}}


def evaluate(data, kind="logistic"):
    folds = plan_folds(data.cohort, data.spec, seed=0)
    estimator = EstimatorSpec(kind=kind, grid={})
    common = {"spec": data.spec, "estimator": estimator, "model": "biomarker", "seed": 0}
    result = cross_validate(data.features, data.cohort, folds, **common)
    return result, utility_of(result, folds, data.cohort), folds


def test_the_confusion_matrix_is_that_of_the_first_repeat(simulate):
    data = simulate(n=90, effect=1, cv=CV)
    result, utility, _ = evaluate(data)
    assert (utility.confusion == confusion_matrix(data.cohort.target, result.predictions[0])).all()
    assert (utility.scale, utility.threshold) == ("probability", 0.5)
    predicted = result.probabilities[0, :, 1] > utility.threshold
    assert (utility.confusion[:, 1] == [np.sum(predicted & (data.cohort.target == c)) for c in (0, 1)]).all()


def test_the_samples_own_prevalence_gives_back_the_counts(simulate):
    _, utility, _ = evaluate(simulate(n=90, effect=1, cv=CV))
    (_, false_positive), (_, true_positive) = utility.confusion
    assert utility.ppv[-1] == pytest.approx(true_positive / (true_positive + false_positive))
    assert utility.prevalence.tolist()[:-1] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
    assert np.all(np.diff(utility.ppv[:-1]) > 0) and np.all(np.diff(utility.npv[:-1]) < 0)


def test_predictive_values_are_those_of_a_simulated_population():
    rng = np.random.default_rng(0)
    sick = rng.random(400_000) < 0.1
    flagged = np.where(sick, rng.random(sick.size) < 0.8, rng.random(sick.size) < 0.3)
    ppv, npv = predictive_values(0.8, 0.7, np.array([0.1]))
    # Standard errors 0.0012 and 0.0003.
    assert ppv[0] == pytest.approx(sick[flagged].mean(), abs=0.005)
    assert npv[0] == pytest.approx(1 - sick[~flagged].mean(), abs=0.002)
    assert np.isnan(predictive_values(0.0, 1.0, np.array([0.1]))[0])


def test_net_benefit_counts_true_positives_less_priced_false_ones():
    truth = np.array([True, True, False, False, False])
    probability = np.array([0.9, 0.3, 0.6, 0.2, 0.1])
    benefit, everyone = decision_curve(truth, probability, np.array([0.05, 0.5, 0.8]))
    assert benefit == pytest.approx([2 / 5 - 3 / 5 * 0.05 / 0.95, 1 / 5 - 1 / 5, 1 / 5])
    assert everyone == pytest.approx([2 / 5 - 3 / 5 * odds for odds in (0.05 / 0.95, 1, 4)])
    assert benefit[0] == pytest.approx(everyone[0])  # below every probability, the model acts on everyone


def test_without_probabilities_there_is_no_decision_curve_and_a_reason(simulate):
    _, utility, _ = evaluate(simulate(n=60, effect=1, cv=CV), kind="ridge")
    assert (utility.scale, utility.threshold) == ("decision value", 0.0)
    assert utility.threshold_probability.size == 0 and "ridge gives no probabilities" in utility.note
    assert utility.ppv.size == 8


def test_several_classes_have_a_confusion_matrix_alone(simulate):
    data = simulate(n=90, classes=3, effect=2, cv=CV)
    result, utility, folds = evaluate(data)
    assert utility.confusion.sum() == 90 and utility.confusion.shape == (3, 3)
    assert utility.prevalence.size == 0 and utility.note
    assert weigh_utility([replace(result, model="nuisance")], folds, data.cohort) == ()
