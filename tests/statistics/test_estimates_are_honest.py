"""Chance on noise, whatever the confounds; intervals that cover."""

import numpy as np
import pandas as pd
import pytest

from bidsml.learn.crossval import cross_validate
from bidsml.learn.intervals import corrected_t
from bidsml.learn.splits import plan_folds
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (10.0,)})
FIVE = {"outer": {"kind": "stratified", "folds": 5}}


def accuracy_with_confounds(simulate, seed):
    """Noise features of 80 people; 20 confounds, of which one is related to the label (d = 1)."""
    from dataclasses import replace

    names = [f"c{number}" for number in range(20)]
    data = simulate(n=80, p=30, seed=seed, cv=FIVE)
    confounds = np.random.default_rng(10_000 + seed).standard_normal((80, 20))
    confounds[:, 0] += data.cohort.target
    cohort = replace(data.cohort, nuisance=confounds, nuisance_names=tuple(names), nuisance_source=tuple(names))
    spec = data.spec.model_copy(update={"nuisance": data.spec.nuisance.model_copy(update={"regress": tuple(names)})})
    folds = plan_folds(cohort, spec, seed=seed)
    result = cross_validate(data.features, cohort, folds, spec=spec, estimator=RIDGE, model="biomarker", seed=0)
    return float(np.mean(result.predictions[0] == cohort.target))


def test_noise_with_confounds_stays_at_chance(simulate):
    # One run spreads by about 0.06; the mean of 30 by 0.011, and the band is three and a half of those.
    assert np.mean([accuracy_with_confounds(simulate, seed) for seed in range(30)]) == pytest.approx(0.5, abs=0.04)


@pytest.mark.slow
def test_noise_with_confounds_stays_at_chance_in_full(simulate):
    assert np.mean([accuracy_with_confounds(simulate, seed) for seed in range(500)]) == pytest.approx(0.5, abs=0.01)


def fold_values(simulate, seed):
    data = simulate(n=100, p=10, effect=0.8, seed=seed, cv={"outer": {"kind": "stratified", "folds": 10}})
    folds = plan_folds(data.cohort, data.spec, seed=seed)
    result = cross_validate(
        data.features, data.cohort, folds, spec=data.spec, estimator=RIDGE, model="biomarker", seed=0
    )
    return corrected_t(result.fold_metrics["roc_auc"], folds)


def covered(simulate, n_simulations):
    rows = pd.DataFrame(
        [fold_values(simulate, seed) for seed in range(n_simulations)], columns=["mean", "low", "high", "p"]
    )
    truth = rows["mean"].mean()  # what the procedure reaches on average at this size
    return float(((rows["low"] <= truth) & (truth <= rows["high"])).mean())


@pytest.mark.slow
def test_corrected_intervals_cover(simulate):
    # The correction errs on the wide side for folds that don't overlap; plain t over folds is the fault to catch.
    assert covered(simulate, 300) >= 0.925
