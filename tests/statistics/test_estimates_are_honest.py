"""Chance on noise, whatever the confounds."""

import numpy as np
import pytest

from bidsml.learn.crossval import cross_validate
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


def mean_accuracy(simulate, n_datasets):
    return np.mean([accuracy_with_confounds(simulate, seed) for seed in range(n_datasets)])


def test_noise_with_confounds_stays_at_chance(simulate, figure):
    # One run spreads by about 0.06; the mean of 30 by 0.011, and the band is three and a half of those.
    figure("accuracy on noise with 20 confounds, mean of 30", mean_accuracy(simulate, 30), 0.46, 0.54)


@pytest.mark.slow
def test_noise_with_confounds_stays_at_chance_in_full(simulate, figure):
    figure("accuracy on noise with 20 confounds, mean of 500", mean_accuracy(simulate, 500), 0.49, 0.51)
