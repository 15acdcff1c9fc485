"""A norm whose reference people are a class: on noise, the permutation test keeps its error rate."""

import pytest

from bidsml.learn.permutation import permute
from bidsml.learn.splits import plan_folds
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (1.0,)})
NORM = {"columns": ["age"], "reference": "dx == 'class-0'"}


def rejections(simulate, n_datasets, *, n_draws=39):
    count = 0
    for seed in range(n_datasets):
        data = simulate(
            seed=seed,
            n=48,
            p=10,
            normative=NORM,
            cv={"outer": {"kind": "stratified", "folds": 3}, "inner": {"folds": 2}},
            inference={"permutations": n_draws},
        )
        folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=seed) if fold.design == "stratified"]
        arguments = {"spec": data.spec, "estimator": RIDGE, "first_draw": 0, "n_draws": n_draws, "seed": seed}
        count += permute(data.features, data.cohort, folds, **arguments).p <= 0.05
    return int(count)


@pytest.mark.slow
def test_noise_is_found_as_often_as_promised(simulate, figure):
    # 99 % of a binomial of 200 draws at 5 %.
    figure("rejections of 200, controls as the norm", rejections(simulate, 200), 3, 18)
