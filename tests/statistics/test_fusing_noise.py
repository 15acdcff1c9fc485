"""Fusing noise with a block that tells gives no gain, and the ablation finds none more often than it says."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bidsml.learn.ablation import cross_validate_arm, judge_blocks
from bidsml.learn.cohort import build_cohort
from bidsml.learn.crossval import cross_validate
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, FeatureSet
from bidsml.spec import AnalysisSpec

N_COHORTS = 60
N, TELLING, NOISE = 80, 4, 60


def make_spec(kind):
    return AnalysisSpec.model_validate(
        {
            "name": "noise",
            "target": {"column": "dx"},
            "features": ({"kind": "table", "name": "telling"}, {"kind": "table", "name": "noise"}),
            "fusion": {"kind": kind},
            "cv": {"outer": {"kind": "stratified", "folds": 5}, "inner": {"folds": 3}},
            "estimators": ({"kind": "ridge", "grid": {"alpha": (1e3, 10.0)}},),
        }
    )


def gain_of_noise(spec, seed):
    rng = np.random.default_rng([seed, 77])
    label = rng.permutation(np.arange(N) % 2)
    values = rng.standard_normal((N, TELLING + NOISE))
    values[:, :TELLING] += 0.5 * label[:, None]
    people = tuple(f"p{number:03d}" for number in range(N))
    table = pd.DataFrame({"participant_id": people, "dx": [f"class-{code}" for code in label]})
    cohort = build_cohort(table, spec, available=people)
    blocks = (
        FeatureBlock("telling", "table", "", "vector", 0, TELLING),
        FeatureBlock("noise", "table", "", "vector", TELLING, TELLING + NOISE),
    )
    features = FeatureSet(people, tuple(f"f{number}" for number in range(TELLING + NOISE)), values, blocks)
    folds = plan_folds(cohort, spec, seed=seed)
    shared = {"spec": spec, "seed": seed}
    full = cross_validate(features, cohort, folds, estimator=spec.estimators[0], model="biomarker", **shared)
    arm = cross_validate_arm(features, cohort, folds, blocks=("telling",), **shared)
    return judge_blocks(full, [arm], folds, cohort, blocks=blocks, **shared)[1].gain


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["concatenate", "kernel_sum", "stacking"])
def test_noise_adds_nothing(kind):
    gains = [gain_of_noise(make_spec(kind), seed) for seed in range(N_COHORTS)]
    values = np.array([gain.estimate for gain in gains])
    error = values.std(ddof=1) / np.sqrt(N_COHORTS)
    found = sum(gain.low > 0 for gain in gains)
    print(f"{kind}: mean gain {values.mean():+.4f} ± {1.96 * error:.4f}; above 0 in {found} of {N_COHORTS}")
    # Noise may cost a little; it must not help.
    assert values.mean() - stats.norm.ppf(0.975) * error <= 0
    # 2.5 % of 95 % intervals may lie above 0; the bound is exceeded by chance in 1 of 1,000 runs.
    assert found <= stats.binom.ppf(0.999, N_COHORTS, 0.025)
