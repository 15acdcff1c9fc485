"""Permutation tests: the whole pipeline refitted on shuffled labels, draw by draw."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from bidsml.errors import AnalysisFileError
from bidsml.learn.crossval import Aggregate, aggregate_of, model_input, recipe_of
from bidsml.learn.exchange import Exchange, plan_exchange
from bidsml.learn.fast.draws import BATCH, score_labellings, train_means
from bidsml.learn.fast.scores import score_draws
from bidsml.learn.fast.solvers import why_not_fast
from bidsml.learn.fitting import FittedFold, Recipe, fit_fold, outcome_of, prepare_fold
from bidsml.learn.metrics import Outcome, pool_outcomes
from bidsml.learn.preparation import ModelInput
from bidsml.learn.tail import sequential_p, tail_p
from bidsml.records import Cohort, FeatureSet, FloatArray, Fold, PermutationNull
from bidsml.spec import AnalysisSpec, EstimatorSpec, InferenceSpec

# Two statistics this close are a tie: the same labelling fitted in another order of operations.
_TIE = 1e-10


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
    exchange = plan_exchange(cohort, first, spec)
    fast = runs_fast(spec, estimator, recipe)
    start, stop = _batch_bounds(first_draw, n_draws) if fast else (first_draw, first_draw + n_draws)
    labels, exhaustive = labellings(exchange, cohort.target, start, stop - start, spec=spec, seed=seed)
    if fast:
        observed, null, aggregate = _refit_together(given, first, cohort, labels, kind=estimator.kind, recipe=recipe)
        null = null[first_draw - start :][:n_draws]
    else:
        observed, null, aggregate = _refit_singly(given, first, cohort, labels, recipe=recipe)
    return _with_p(
        PermutationNull(
            estimator=estimator.kind,
            design=first[0].design,
            metric=spec.primary_metric,
            aggregate=aggregate,
            observed=observed,
            null=null,
            scheme=exchange.words,
            seed=seed,
            first_draw=first_draw,
            engine="fast" if fast else "general",
            exhaustive=exhaustive,
            n_distinct=exchange.count(cohort.target),
        )
    )


def runs_fast(spec: AnalysisSpec, estimator: EstimatorSpec, recipe: Recipe) -> bool:
    """Say whether all draws are solved together.

    Raises
    ------
    AnalysisFileError
        The analysis asks for the fast engine and the estimator has none.
    """
    if spec.inference.engine == "general":
        return False
    reason = why_not_fast(estimator.kind, recipe)
    if reason and spec.inference.engine == "fast":
        raise AnalysisFileError(
            f"inference.engine = 'fast' is not to be had for {estimator.kind}: {reason}", hint="use 'auto' or 'general'"
        )
    return reason is None


def _batch_bounds(first_draw: int, n_draws: int) -> tuple[int, int]:
    """Draws of whole batches: a product of matrices rounds by its shape, and no draw may depend on who asks for it."""
    if not n_draws:
        return first_draw, first_draw
    return first_draw // BATCH * BATCH, -(-(first_draw + n_draws) // BATCH) * BATCH


def labellings(
    exchange: Exchange, target: FloatArray, first_draw: int, n_draws: int, *, spec: AnalysisSpec, seed: int
) -> tuple[FloatArray, bool]:
    """Labellings of some draws, ``(n_draws, n)``, and whether they are an enumeration of all there are.

    Where no more distinct labellings exist than draws are asked for in the analysis, each is taken once.
    """
    if exchange.count(target) - 1 <= spec.inference.permutations:
        return exchange.others(target, first_draw, n_draws), True
    return exchange.shuffle(target, range(first_draw, first_draw + n_draws), seed=seed), False


def _refit_together(
    given: ModelInput,
    folds: Sequence[Fold],
    cohort: Cohort,
    labels: FloatArray,
    *,
    kind: str,
    recipe: Recipe,
) -> tuple[float, FloatArray, Aggregate]:
    """Observed statistic and those of the draws, all solved together; the observed labels are a batch of their own."""
    batches = [cohort.target[None, :], *(labels[start : start + BATCH] for start in range(0, len(labels), BATCH))]
    scores, undecided = score_labellings(given, folds, batches, kind=kind, recipe=recipe)
    values = [
        np.concatenate(
            [
                score_draws(batch[:, fold.test], part, train_means(batch, fold.train, fold.test, recipe), recipe=recipe)
                for batch, part in zip(batches, parts, strict=True)
            ]
        )
        for fold, parts in zip(folds, scores, strict=True)
    ]
    aggregate = aggregate_of([value[0] for value in values], folds, cohort)
    sign = 1.0 if recipe.metric.higher_is_better else -1.0
    if aggregate == "fold mean":
        statistics = sign * np.mean(values, axis=0)
    else:
        pooled = [_pooled(batch, folds, [parts[n] for parts in scores], recipe) for n, batch in enumerate(batches)]
        statistics = sign * np.concatenate(pooled)
    everyone = np.concatenate(batches)
    for draw in np.flatnonzero(undecided):
        fits = [fit_fold(prepare_fold(given, fold, recipe=recipe), everyone[draw], recipe=recipe) for fold in folds]
        statistics[draw] = _statistic(fits, folds, everyone[draw], recipe=recipe, aggregate=aggregate)
    return float(statistics[0]), statistics[1:], aggregate


def _pooled(batch: FloatArray, folds: Sequence[Fold], scores: Sequence[FloatArray], recipe: Recipe) -> FloatArray:
    rows = np.concatenate([fold.test for fold in folds])
    means = [train_means(batch, fold.train, fold.test, recipe) for fold in folds]
    joined = None if recipe.task == "classification" else np.concatenate([m for m in means if m is not None], axis=1)
    return score_draws(batch[:, rows], np.concatenate(scores, axis=1), joined, recipe=recipe)


def _refit_singly(
    given: ModelInput,
    folds: Sequence[Fold],
    cohort: Cohort,
    labels: FloatArray,
    *,
    recipe: Recipe,
) -> tuple[float, FloatArray, Aggregate]:
    """Observed statistic and those of the draws, fitted one by one by scikit-learn."""
    everyone = [cohort.target, *labels]
    fits: list[list[FittedFold]] = [[] for _ in everyone]
    for fold in folds:
        prepared = prepare_fold(given, fold, recipe=recipe)
        for mine, target in zip(fits, everyone, strict=True):
            mine.append(replace(fit_fold(prepared, target, recipe=recipe), estimator=None))
    aggregate = _aggregate(fits[0], folds, cohort, recipe)
    statistics = [
        _statistic(mine, folds, target, recipe=recipe, aggregate=aggregate)
        for mine, target in zip(fits, everyone, strict=True)
    ]
    return statistics[0], np.array(statistics[1:], dtype=float), aggregate


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
    if not m and not null.exhaustive:
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
    if first.exhaustive:
        # There are fewer labellings than were asked for: the last chunks are empty.
        ordered = [part for part in ordered if part.null.size or part is first]
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
    return (null.estimator, null.design, null.metric, null.aggregate, null.scheme, null.seed, null.engine)


def finish_null(null: PermutationNull, inference: InferenceSpec) -> PermutationNull:
    """Add what the analysis asks for beyond the plain p: the sequential stop, and the tail beyond the draws.

    The sequential rule judges the draws in order and drops those after the stop; a p corrected over estimators rests
    on all of them.
    """
    if inference.stop_after and not null.exhaustive:
        p, used = sequential_p(null.null, null.observed, stop_after=inference.stop_after)
        stopped = used < null.null.size
        null = replace(null, p=p, null=null.null[:used], p_floor=1 / (1 + used), stopped=stopped)
    if inference.tail == "pareto" and not null.exhaustive:
        fit = tail_p(null.null, null.observed)
        if fit is None:
            return replace(null, tail="the draws allow no fit of a tail")
        words = f"generalised Pareto over the {fit.n_exceedances} largest draws, goodness of fit p = {fit.p_fit:.2f}"
        null = replace(null, p_tail=fit.p, tail=words)
    return null


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
