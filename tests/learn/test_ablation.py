"""What each block adds: paired by fold, none for a copy or for noise, and never a reason to fail."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.learn.ablation import cross_validate_arm, holm, judge_blocks, plan_arms
from bidsml.learn.crossval import cross_validate
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock
from bidsml.spec import FusionSpec

CV = {"outer": {"kind": "stratified", "folds": 5}, "inner": {"folds": 3}}


def lay_out(simulate, parts, **sections):
    """A cohort whose blocks are made of its label and of noise: ``{name: function(label, noise)}``, 4 columns each."""
    data = simulate(
        p=4 * len(parts),
        cv=CV,
        features=[{"kind": "table", "name": name} for name in parts],
        estimators=[{"kind": "ridge", "grid": {"alpha": (1e3, 10.0)}}],
        **{"n": 100, **sections},
    )
    noise = np.split(data.features.values, len(parts), axis=1)
    values = np.hstack(
        [make(data.cohort.target[:, None], own) for make, own in zip(parts.values(), noise, strict=True)]
    )
    blocks = tuple(FeatureBlock(name, "table", "", "vector", 4 * i, 4 * i + 4) for i, name in enumerate(parts))
    return replace(data, features=replace(data.features, values=values, blocks=blocks))


def judge(data, *, seed=1):
    folds = plan_folds(data.cohort, data.spec, seed=seed)
    shared = {"spec": data.spec, "seed": seed}
    full = cross_validate(
        data.features, data.cohort, folds, estimator=data.spec.estimators[0], model="biomarker", **shared
    )
    arms = [
        cross_validate_arm(data.features, data.cohort, folds, blocks=blocks, **shared)
        for blocks in plan_arms(data.spec)
    ]
    return judge_blocks(full, arms, folds, data.cohort, blocks=data.features.blocks, **shared), full, arms


def tells(label, noise):
    return noise + 0.8 * label


def silent(label, noise):
    return noise


def test_two_blocks_need_two_arms_and_three_need_six(make_spec):
    two, three = (make_spec(features=[{"kind": "table"}] * number) for number in (2, 3))
    assert plan_arms(two) == (("table",), ("table-2",))
    assert plan_arms(three)[3:] == (("table-2", "table-3"), ("table", "table-3"), ("table", "table-2"))
    assert plan_arms(make_spec()) == ()
    assert plan_arms(two.model_copy(update={"fusion": FusionSpec(ablation=False)})) == ()


@pytest.mark.parametrize("kind", ["concatenate", "kernel_sum", "stacking"])
def test_a_telling_block_adds_and_noise_does_not(simulate, kind):
    data = lay_out(simulate, {"brain": tells, "noise": silent}, fusion={"kind": kind}, n=150)
    (brain, noise), _, _ = judge(data)
    assert brain.gain.low > 0 and brain.p_holm < 0.05
    assert noise.gain.low < 0.01 and noise.p_holm > 0.01
    # With two blocks, leaving one out leaves the other alone.
    assert replace(brain.without, estimator="") == replace(noise.alone, estimator="")
    if kind == "concatenate":
        assert np.isnan(brain.weight)
    else:
        assert brain.weight > noise.weight and brain.weight + noise.weight == pytest.approx(1)


def test_a_copy_tells_much_alone_and_adds_nothing(simulate):
    data = lay_out(simulate, {"brain": tells, "copy": silent, "noise": silent})
    values = data.features.values.copy()
    values[:, 4:8] = values[:, :4]
    effects, _, _ = judge(replace(data, features=replace(data.features, values=values)))
    copy = effects[1]
    assert copy.alone.low > 0.6 and abs(copy.gain.estimate) < 0.05 and copy.p_holm > 0.05


def test_the_gain_is_the_mean_difference_over_folds(simulate):
    data = lay_out(simulate, {"a": tells, "b": tells, "c": silent})
    effects, full, arms = judge(data)
    for number, effect in enumerate(effects):
        without = next(arm.result for arm in arms if len(arm.blocks) == 2 and effect.block not in arm.blocks)
        difference = full.fold_metrics["roc_auc"] - without.fold_metrics["roc_auc"]
        assert effect.gain.estimate == pytest.approx(difference.mean()), number
        assert effect.gain.low <= effect.gain.estimate <= effect.gain.high
        assert effect.without.estimate == pytest.approx(without.fold_metrics["roc_auc"].mean())


def test_a_block_that_cannot_be_learnt_from_alone_is_told_and_stops_nothing(simulate):
    data = lay_out(simulate, {"brain": tells, "empty": lambda label, noise: np.ones_like(noise)})
    (brain, empty), _, _ = judge(data)
    assert empty.alone is None and brain.gain is None and brain.notes
    assert brain.alone is not None and empty.gain.estimate == pytest.approx(0)


def test_holm_is_what_closed_testing_with_bonferroni_gives():
    """The corrected p is the largest Bonferroni p over all sets of hypotheses that hold it."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        p = rng.random(4) ** 3
        sets = [[i for i in range(4) if number >> i & 1] for number in range(1, 16)]
        closed = [max(min(1.0, len(some) * p[some].min()) for some in sets if i in some) for i in range(4)]
        np.testing.assert_allclose(holm(p), closed)
    assert np.isnan(holm(np.array([np.nan, 0.02]))[0]) and holm(np.array([np.nan, 0.02]))[1] == 0.02
