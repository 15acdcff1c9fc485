"""What the predictions would be good for: errors at a threshold, predictive values, net benefit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bidsml.learn.crossval import pooled_outcome
from bidsml.learn.metrics import METRICS, Outcome
from bidsml.records import Cohort, CVResult, FloatArray, Fold, Utility

PREVALENCES = (0.01, 0.02, 0.05, 0.10, 0.20, 0.30, 0.50)
_THRESHOLDS = np.arange(1, 100) / 100


def weigh_utility(cv: Sequence[CVResult], folds: Sequence[Fold], cohort: Cohort) -> tuple[Utility, ...]:
    """Give every estimator's biomarker its utility on every design; nothing for a regression."""
    if not cohort.classes:
        return ()
    return tuple(
        utility_of(result, [fold for fold in folds if fold.design == result.design], cohort)
        for result in cv
        if result.model == "biomarker"
    )


def utility_of(result: CVResult, folds: Sequence[Fold], cohort: Cohort) -> Utility:
    """Count right and wrong predictions, and what they mean where the positive class is rarer or commoner.

    Over the pooled out-of-fold predictions of the first repeat. A person is predicted positive above a probability of
    0.5, or above a decision value of 0 where there are no probabilities.

    Parameters
    ----------
    folds
        Of the result's design.
    """
    outcome = pooled_outcome(result, folds, cohort, repeat=0)
    n_classes = len(cohort.classes)
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (outcome.target.astype(int), outcome.predictions.astype(int)), 1)
    nothing = np.empty(0)
    blank = Utility(
        estimator=result.estimator,
        model=result.model,
        design=result.design,
        scale="highest of the classes",
        threshold=float("nan"),
        confusion=confusion,
        prevalence=nothing,
        ppv=nothing,
        npv=nothing,
        threshold_probability=nothing,
        net_benefit=nothing,
        treat_all=nothing,
        note="predictive values and decision curve are for two classes only",
    )
    return blank if n_classes != 2 else _of_two_classes(blank, outcome)


def _of_two_classes(blank: Utility, outcome: Outcome) -> Utility:
    sample = float(outcome.target.mean())
    prevalence = np.array([*PREVALENCES, sample])
    sensitivity, specificity = METRICS["sensitivity"](outcome), METRICS["specificity"](outcome)
    ppv, npv = predictive_values(sensitivity, specificity, prevalence)
    utility = replace(
        blank,
        scale="decision value",
        threshold=0.0,
        prevalence=prevalence,
        ppv=ppv,
        npv=npv,
        sensitivity=sensitivity,
        specificity=specificity,
        note=f"no decision curve: {blank.estimator} gives no probabilities",
    )
    if outcome.probabilities is None:
        return utility
    benefit, treat_all = decision_curve(outcome.target == 1, outcome.probabilities[:, 1], _THRESHOLDS)
    return replace(
        utility,
        scale="probability",
        threshold=0.5,
        threshold_probability=_THRESHOLDS.copy(),
        net_benefit=benefit,
        treat_all=treat_all,
        note="",
    )


def predictive_values(sensitivity: float, specificity: float, prevalence: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Positive and negative predictive value where the positive class has another prevalence, by Bayes' rule.

    Sensitivity and specificity are taken to stay the same there. NaN where nobody would be predicted so.
    """
    right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    healthy, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    with np.errstate(invalid="ignore", divide="ignore"):
        return right / (right + wrong), healthy / (healthy + missed)


def decision_curve(truth: np.ndarray, probability: FloatArray, thresholds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Net benefit of acting on a model, and of acting on everyone, by threshold probability.

    TP/n − FP/n · t/(1 − t): a false alarm costs the odds of the threshold, in units of one true positive (Vickers and
    Elkin 2006, doi 10.1177/0272989X06295361).

    Parameters
    ----------
    truth, probability
        ``(n,)``: true for the positive class, and its predicted probability; at the threshold, one acts.
    thresholds
        ``(n_thresholds,)``, between 0 and 1, exclusive.

    Returns
    -------
    tuple
        ``(n_thresholds,)`` each; acting on nobody has net benefit 0.
    """
    acts = probability >= thresholds[:, None]  # (n_thresholds, n)
    odds = thresholds / (1 - thresholds)
    benefit = (acts & truth).mean(axis=1) - (acts & ~truth).mean(axis=1) * odds
    return benefit, truth.mean() - (1 - truth.mean()) * odds
