"""Permutation tests: the whole pipeline refitted on shuffled labels, draw by draw."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from bidsml.learn.crossval import Aggregate, aggregate_of, model_input, recipe_of
from bidsml.learn.fitting import FittedFold, PreparedFold, Recipe, fit_fold, fit_fold_many, outcome_of, prepare_fold
from bidsml.learn.metrics import Outcome, pool_outcomes
from bidsml.learn.splits import permutation_blocks
from bidsml.records import Cohort, FeatureSet, FloatArray, Fold, IntArray, PermutationNull
from bidsml.spec import AnalysisSpec, EstimatorSpec

# Labellings that share a factorisation; a draw always has the same neighbours, whatever the chunk.
_BATCH = 128
# Two statistics this close are a tie: the same labelling fitted in another order of operations.
_TIE = 1e-10
_OBSERVED = -1


def permute_labels(
    target: FloatArray,
    *,
    blocks: IntArray,
    strata: Sequence[str],
    units: Sequence[str],
    whole: bool,
    draw: int,
    seed: int,
) -> FloatArray:
    """Shuffle labels within blocks and strata.

    Draw ``i`` comes from ``SeedSequence(seed, spawn_key=(i,))``: neither chunks nor workers nor order change it.

    Parameters
    ----------
    target
        Labels in the order of the cohort, ``(n,)``.
    blocks
        Cell of every row, ``(n,)``, from :func:`~bidsml.learn.splits.permutation_blocks`; rows of −1 stay.
    strata
        One per row, or empty.
    units
        One per row.
    whole
        Exchange the labels of whole units, in the order of their rows, among units of equal size (and equal blocks
        and strata); else every row moves by itself.

    Returns
    -------
    numpy.ndarray
        Shuffled labels, ``(n,)``.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(draw,)))
    stratum = pd.factorize(np.asarray(strata, dtype=object), sort=True)[0] if strata else np.zeros(len(target), int)
    shuffled = np.array(target, dtype=float)
    groups = _unit_rows(units) if whole else [np.array([row]) for row in range(len(target))]
    cells: dict[tuple[int, ...], list[IntArray]] = {}
    for rows in groups:
        if (blocks[rows] >= 0).all():
            key = (rows.size, *blocks[rows].tolist(), *stratum[rows].tolist())
            cells.setdefault(key, []).append(rows)
    for key in sorted(cells):
        members = np.array(cells[key])  # (n_groups, rows per group)
        shuffled[members] = target[members[rng.permutation(len(members))]]
    return shuffled


def _unit_rows(units: Sequence[str]) -> list[IntArray]:
    numbers = pd.factorize(np.asarray(units, dtype=object), sort=True)[0]
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def scheme(spec: AnalysisSpec, cohort: Cohort) -> str:
    """Say in words which labels may change places."""
    within, whole = _exchange(spec, cohort)
    what = "whole units among units of equal size" if whole else "labels of single participants"
    where = ", within sites" if within else ""
    return f"{what}{where}, within the test folds"


def _exchange(spec: AnalysisSpec, cohort: Cohort) -> tuple[bool, bool]:
    """Say whether labels stay within their site, and whether units stay whole."""
    exchange = spec.inference.exchange
    has_units = len(set(cohort.unit)) < len(cohort.unit)
    if exchange == "auto":
        return bool(cohort.site), has_units
    # Rows of one unit depend on each other whatever the site, so that only "free" takes them apart.
    return exchange == "within-site", exchange == "whole" or (exchange == "within-site" and has_units)


def permute(
    features: FeatureSet,
    cohort: Cohort,
    folds: Sequence[Fold],
    *,
    spec: AnalysisSpec,
    estimator: EstimatorSpec,
    first_draw: int,
    n_draws: int,
    seed: int,
) -> PermutationNull:
    """Refit the biomarker on shuffled labels: draws ``first_draw`` to ``first_draw + n_draws − 1``.

    Repeat 0 of one design. Everything that looks at a label is redone in every draw, tuning included; what doesn't
    (imputing, embedding, nuisance regression, scaling) is done once per fold. The observed statistic takes the same
    way as the draws.

    Returns
    -------
    PermutationNull
        Statistics with the sign that higher is better; ``p`` is of these draws alone.
    """
    first = [fold for fold in folds if fold.repeat == 0]
    recipe = recipe_of(cohort, spec=spec, estimator=estimator, model="biomarker", seed=seed)
    given = model_input(features, cohort, spec=spec, model="biomarker")
    batches = _batches(first_draw, n_draws, shared=recipe.fits_many)
    labels = {draw: _labelling(draw, cohort, first, spec=spec, seed=seed) for batch in batches for draw in batch}
    fits: dict[int, list[FittedFold]] = {draw: [] for draw in (_OBSERVED, *range(first_draw, first_draw + n_draws))}
    for number, fold in enumerate(first):
        prepared = prepare_fold(given, fold, recipe=recipe)
        for batch in batches:
            # Neighbours that fill a batch up are not counted; the observed labels are in every shared batch.
            wanted = [draw for draw in batch if draw in fits and len(fits[draw]) == number]
            fitted = _fit_labellings(prepared, batch, labels, recipe=recipe, wanted=wanted)
            for draw, fit in zip(wanted, fitted, strict=True):
                fits[draw].append(replace(fit, estimator=None))
    aggregate = _aggregate(fits[_OBSERVED], first, cohort, recipe)
    statistics = {
        draw: _statistic(fits[draw], first, labels[draw], recipe=recipe, aggregate=aggregate) for draw in fits
    }
    observed = statistics.pop(_OBSERVED)
    null = PermutationNull(
        estimator=estimator.kind,
        design=first[0].design,
        metric=spec.primary_metric,
        aggregate=aggregate,
        observed=observed,
        null=np.array(list(statistics.values()), dtype=float),
        scheme=scheme(spec, cohort),
        seed=seed,
        first_draw=first_draw,
    )
    return _with_p(null)


def _batches(first_draw: int, n_draws: int, *, shared: bool) -> list[tuple[int, ...]]:
    """Group draws for fitting; shared batches start at fixed draw numbers and hold the observed labels first."""
    draws = range(first_draw, first_draw + n_draws)
    if not shared or not n_draws:
        return [(_OBSERVED,), *((draw,) for draw in draws)]
    numbers = range(draws[0] // _BATCH, draws[-1] // _BATCH + 1)
    return [(_OBSERVED, *range(number * _BATCH, (number + 1) * _BATCH)) for number in numbers]


def _labelling(draw: int, cohort: Cohort, folds: Sequence[Fold], *, spec: AnalysisSpec, seed: int) -> FloatArray:
    if draw == _OBSERVED:
        return cohort.target
    within, whole = _exchange(spec, cohort)
    return permute_labels(
        cohort.target,
        blocks=permutation_blocks(folds, len(cohort.target)),
        strata=cohort.site if within else (),
        units=cohort.unit,
        whole=whole,
        draw=draw,
        seed=seed,
    )


def _fit_labellings(
    prepared: PreparedFold,
    batch: Sequence[int],
    labels: Mapping[int, FloatArray],
    *,
    recipe: Recipe,
    wanted: Sequence[int],
) -> list[FittedFold]:
    if not recipe.fits_many:
        return [fit_fold(prepared, labels[draw], recipe=recipe) for draw in wanted]
    targets = np.column_stack([labels[draw] for draw in batch])
    return fit_fold_many(prepared, targets, recipe=recipe, wanted=[batch.index(draw) for draw in wanted])


def _aggregate(fits: Sequence[FittedFold], folds: Sequence[Fold], cohort: Cohort, recipe: Recipe) -> Aggregate:
    """Decide on the observed labels; shuffling within blocks keeps the class counts that decide it."""
    values = [recipe.metric(outcome) for outcome in _outcomes(fits, folds, cohort.target, recipe)]
    return aggregate_of(values, folds, cohort)


def _outcomes(fits: Sequence[FittedFold], folds: Sequence[Fold], target: FloatArray, recipe: Recipe) -> list[Outcome]:
    return [
        outcome_of(fit, target, train_rows=fold.train, test_rows=fold.test, recipe=recipe)
        for fit, fold in zip(fits, folds, strict=True)
    ]


def _statistic(
    fits: Sequence[FittedFold], folds: Sequence[Fold], target: FloatArray, *, recipe: Recipe, aggregate: Aggregate
) -> float:
    outcomes = _outcomes(fits, folds, target, recipe)
    if aggregate == "fold mean":
        value = float(np.mean([recipe.metric(outcome) for outcome in outcomes]))
    else:
        value = recipe.metric(pool_outcomes(outcomes))
    return value if recipe.metric.higher_is_better else -value


def _with_p(null: PermutationNull) -> PermutationNull:
    """Add p and its floor; an undefined statistic counts as extreme, ties count (Phipson and Smyth 2010)."""
    m = null.null.size
    if not m:
        return null
    p = (1 + int(_at_least(null.null, null.observed).sum())) / (1 + m)
    return replace(null, p=p, p_floor=1 / (1 + m))


def _at_least(null: FloatArray, observed: float) -> np.ndarray:
    if np.isnan(observed):
        return np.ones(null.size, dtype=bool)
    return np.asarray(np.isnan(null) | (null >= observed - _TIE * max(1.0, abs(observed))))


def merge_nulls(parts: Sequence[PermutationNull]) -> PermutationNull:
    """Join chunks of draws of one estimator and design, in any order.

    Raises
    ------
    ValueError
        Chunks don't belong together, overlap, or leave draws out.
    """
    ordered = sorted(parts, key=lambda part: part.first_draw)
    first = ordered[0]
    for part in ordered:
        if _identity(part) != _identity(first):
            raise ValueError(f"chunks of different tests: {_identity(first)} and {_identity(part)}")
        if not np.isclose(part.observed, first.observed, rtol=_TIE, atol=_TIE, equal_nan=True):
            raise ValueError(f"chunks differ in the observed statistic: {first.observed} and {part.observed}")
    for before, after in pairwise(ordered):
        if before.first_draw + before.null.size != after.first_draw:
            raise ValueError(f"draw {before.first_draw + before.null.size} is followed by {after.first_draw}")
    return _with_p(replace(first, null=np.concatenate([part.null for part in ordered])))


def _identity(null: PermutationNull) -> tuple[str | int, ...]:
    return (null.estimator, null.design, null.metric, null.aggregate, null.scheme, null.seed)


def correct_family(nulls: Sequence[PermutationNull]) -> tuple[PermutationNull, ...]:
    """Correct p over the estimators of one design by the maximum statistic of every draw.

    Westfall and Young 1993; the draws are the same labellings for every estimator.

    Raises
    ------
    ValueError
        The nulls are of different designs, metrics or draws.
    """
    if not nulls:
        return ()
    kinds = {(null.design, null.metric, null.seed, null.first_draw, null.null.size) for null in nulls}
    if len(kinds) != 1:
        raise ValueError(f"a family shares its design, metric and draws; found {sorted(kinds)}")
    if not nulls[0].null.size:
        return tuple(nulls)
    # NaN wins the maximum: an undefined draw counts as extreme.
    largest = np.max([null.null for null in nulls], axis=0)
    m = largest.size
    return tuple(replace(null, p_family=(1 + int(_at_least(largest, null.observed).sum())) / (1 + m)) for null in nulls)
