"""What each block of features adds: the biomarker with it alone, and without it, on the same folds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bidsml.errors import DataError
from bidsml.learn.crossval import cross_validate
from bidsml.learn.performance import summarise_performance
from bidsml.records import (
    AblationArm,
    BlockEffect,
    Cohort,
    CVResult,
    FeatureBlock,
    FeatureSet,
    FloatArray,
    Fold,
    PerformanceRow,
)
from bidsml.spec import AnalysisSpec


def plan_arms(spec: AnalysisSpec) -> tuple[tuple[str, ...], ...]:
    """List the sets of blocks that are evaluated beside all of them: each alone, and all but each.

    Of two blocks, the one alone is the other one left out. None where there is one block, or ``fusion.ablation`` is
    false.
    """
    names = spec.block_names
    if len(names) < 2 or not spec.fusion.ablation:
        return ()
    alone = [(name,) for name in names]
    without = [tuple(other for other in names if other != name) for name in names]
    return tuple(dict.fromkeys([*alone, *without]))


def cross_validate_arm(
    features: FeatureSet,
    cohort: Cohort,
    folds: Sequence[Fold],
    *,
    spec: AnalysisSpec,
    blocks: tuple[str, ...],
    seed: int,
) -> AblationArm:
    """Cross-validate the first estimator's biomarker on some of the blocks, fused as the analysis says.

    Parameters
    ----------
    folds
        Of one design.
    blocks
        Names of the blocks.

    Returns
    -------
    AblationArm
        Without weights. Blocks of which no feature is usable are no reason to fail: beside others they may be part of
        an analysis.
    """
    estimator = spec.estimators[0].model_copy(update={"features": blocks})
    try:
        result = cross_validate(features, cohort, folds, spec=spec, estimator=estimator, model="biomarker", seed=seed)
    except DataError as error:
        return AblationArm(blocks, None, error.message)
    return AblationArm(blocks, replace(result, weights=None, patterns=None))


def judge_blocks(
    full: CVResult,
    arms: Sequence[AblationArm],
    folds: Sequence[Fold],
    cohort: Cohort,
    *,
    blocks: Sequence[FeatureBlock],
    spec: AnalysisSpec,
    seed: int,
) -> tuple[BlockEffect, ...]:
    """Say for every block how good it is alone, how good the others are, and by how much it makes them better.

    Intervals and p of a gain are those of the other paired differences (:mod:`bidsml.learn.comparison`): over the
    folds, widened where they say too little. The p is corrected over the blocks by Holm's method (Holm 1979,
    Scandinavian Journal of Statistics 6, 65-70), since any block may turn out to be the one that adds something.

    Parameters
    ----------
    full
        The biomarker on all blocks.
    folds
        Of the design that ``full`` and the arms were validated by.
    blocks
        All blocks, in the order of the answer.
    """
    results = {arm.blocks: arm.result for arm in arms if arm.result is not None}
    notes = {arm.blocks: arm.note for arm in arms}
    rows = summarise_performance([full, *results.values()], (), folds, cohort, spec=spec, seed=seed)
    mine = [row for row in rows if row.metric == spec.primary_metric]
    headline = {row.estimator: row for row in reversed(mine) if row.model == "biomarker"}
    lost = {row.estimator: row for row in reversed(mine) if row.model == f"biomarker - biomarker of {full.estimator}"}
    names = [block.name for block in blocks]
    effects = []
    for block in blocks:
        own, others = (block.name,), tuple(name for name in names if name != block.name)
        one, rest = (results[part].estimator if part in results else "" for part in (own, others))
        effects.append(
            BlockEffect(
                block=block.name,
                n_features=block.stop - block.start,
                alone=headline.get(one),
                without=headline.get(rest),
                gain=_turn(lost[rest]) if rest in lost else None,
                weight=_mean_share(full, block.name),
                notes=tuple(notes[part] for part in dict.fromkeys((own, others)) if notes.get(part)),
            )
        )
    corrected = holm(np.array([effect.gain.p if effect.gain else np.nan for effect in effects]))
    return tuple(replace(effect, p_holm=float(p)) for effect, p in zip(effects, corrected, strict=True))


def _turn(row: PerformanceRow) -> PerformanceRow:
    """Turn a difference of the biomarker without a block and the whole one round."""
    # Subtracted from 0, which has no minus of its own.
    return replace(
        row, model="biomarker - without block", estimate=0 - row.estimate, low=0 - row.high, high=0 - row.low
    )


def _mean_share(full: CVResult, name: str) -> float:
    """Mean over folds of a block's share of the weights that were chosen; NaN where none were."""
    shares = []
    for chosen in full.chosen:
        weights = {key: float(value) for key, value in chosen.items() if key.startswith("weight of ")}
        total = sum(weights.values())
        if total > 0:
            shares.append(weights.get(f"weight of {name}", 0.0) / total)
    return float(np.mean(shares)) if shares else float("nan")


def holm(p: FloatArray) -> FloatArray:
    """Correct p values ``(k,)`` for their number by Holm's step-down method; NaN are no tests and stay NaN.

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    corrected = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int(np.isfinite(p).sum())]
    steps = p[order] * (order.size - np.arange(order.size))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
