"""Permutation tests: the whole pipeline refitted on shuffled labels, draw by draw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import AnalysisFileError
from bidsml.learn.crossval import (
    Aggregate,
    SeenFeatures,
    aggregate_of,
    model_input,
    recipe_of,
    select_blocks,
)
from bidsml.learn.deviations import follows_labels
from bidsml.learn.exchange import Exchange, plan_exchange
from bidsml.learn.fast.draws import BATCH, score_labellings, train_means
from bidsml.learn.fast.scores import score_draws
from bidsml.learn.fast.solvers import why_not_fast
from bidsml.learn.fitting import FittedFold, Recipe, fit_fold, outcome_of, prepare_fold
from bidsml.learn.metrics import Outcome, pool_outcomes
from bidsml.learn.nulls import with_p
from bidsml.learn.patterns import correct_patterns, pattern_nulls
from bidsml.learn.preparation import ModelInput
from bidsml.learn.tail import reaches
from bidsml.records import Cohort, FeatureSet, FloatArray, Fold, IntArray, PatternNull, PermutationNull
from bidsml.spec import AnalysisSpec, EstimatorSpec

# Draws after which a test that may stop early is first looked at.
_FIRST_PIECE = 2 * BATCH
# Numbers of the pilot draws, which no test reaches.
_PILOTS = range(10**9, 10**9 + BATCH)


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
    patterns: bool = False,
) -> PermutationNull:
    """Refit the biomarker on shuffled labels: draws ``first_draw`` to ``first_draw + n_draws − 1``.

    Repeat 0 of one design. Everything that looks at a label is redone in every draw, tuning included; what doesn't
    (imputing, embedding, nuisance regression, scaling) is done once per fold. The observed statistic takes the same
    way as the draws. Where the analysis stops early, draws end once enough of them have reached the observed value.

    Parameters
    ----------
    patterns
        Also follow how the features go with the prediction, draw by draw: of a model with one output that the fast
        engine solves.

    Returns
    -------
    PermutationNull
        Statistics with the sign that higher is better; ``p`` is of these draws alone.
    """
    first = [fold for fold in folds if fold.repeat == 0]
    recipe = recipe_of(cohort, spec=spec, estimator=estimator, model="biomarker", seed=seed)
    seen = select_blocks(features, estimator.features)
    exchange = plan_exchange(cohort, first, spec)
    given = model_input(seen.features, cohort, spec=spec, model="biomarker")
    fast = runs_fast(spec, estimator, recipe, stacked=given.stacked)
    follows = patterns and fast and recipe.n_classes <= 2
    pilots = exchange.shuffle(cohort.target, _PILOTS if follows else [], seed=seed)
    solves = given.follows_labels and spec.inference.engine == "auto" and why_not_fast(estimator.kind, recipe) is None
    test = _Test(given, first, cohort, estimator.kind, recipe, pilots, solves and not given.stacked)
    start, stop = _batch_bounds(first_draw, n_draws) if fast else (first_draw, first_draw + n_draws)
    labels, exhaustive = labellings(exchange, cohort.target, start, stop - start, spec=spec, seed=seed)
    # A p corrected over several estimators needs the same draws of each.
    stop_after = 0 if exhaustive or len(spec.estimators) > 1 else spec.inference.stop_after
    own = slice(first_draw - start, first_draw - start + n_draws)
    drawn = _draw(test, labels, own, fast=fast, stop_after=stop_after)
    null = PermutationNull(
        estimator=estimator.name,
        design=first[0].design,
        metric=spec.primary_metric,
        aggregate=drawn.aggregate,
        observed=float(drawn.statistics[0]),
        null=drawn.statistics[1:][own],
        scheme=exchange.words,
        seed=seed,
        first_draw=first_draw,
        engine="fast" if fast else "general",
        exhaustive=exhaustive,
        n_distinct=exchange.count(cohort.target),
        stopped=drawn.stopped,
    )
    return with_p(null if drawn.stopped else replace(null, patterns=_own_patterns(test, drawn, own, seen)))


@dataclass(frozen=True)
class _Test:
    """What is refitted, and where: the same for every draw."""

    given: ModelInput
    folds: Sequence[Fold]
    cohort: Cohort
    kind: str
    recipe: Recipe
    pilots: FloatArray
    """Labellings ``(n_pilots, n)`` that scale the patterns; none where patterns are not followed."""
    solves: bool = False
    """Whether draws that are prepared anew one by one are solved by what solves many at once."""


@dataclass(frozen=True)
class _Draws:
    """Statistics ``(1 + n_draws,)``, the observed one first.

    ``decisions`` are those on training rows, by fold and batch: the observed labels, the pilots, the draws; empty
    where patterns are not followed.
    """

    statistics: FloatArray
    aggregate: Aggregate
    decisions: Sequence[Sequence[NDArray[np.float32]]]
    stopped: bool = False


def _own_patterns(test: _Test, drawn: _Draws, own: slice, seen: SeenFeatures) -> tuple[PatternNull, ...]:
    if not len(test.pilots):
        return ()
    features, *groups = pattern_nulls(test.given, test.folds, drawn.decisions)
    features = replace(features, observed=seen.expand(features.observed), correlation=seen.expand(features.correlation))
    return tuple(correct_patterns(replace(null, draws=null.draws[own])) for null in (features, *groups))


def _draw(test: _Test, labels: FloatArray, own: slice, *, fast: bool, stop_after: int) -> _Draws:
    """Refit all labellings; or, where the test may stop early, ever larger pieces of them until enough reach."""
    refit = _refit_together if fast else _refit_anew if test.solves else _refit_singly
    if not stop_after:
        return refit(test, labels)
    drawn = refit(test, labels[:_FIRST_PIECE])
    while (done := len(drawn.statistics) - 1) < len(labels):
        null = drawn.statistics[1:][own]
        if int(reaches(null, float(drawn.statistics[0])).sum()) >= stop_after:
            return replace(drawn, stopped=True)
        # As many as before once more: what doesn't depend on labels is then done a few times only.
        more = refit(test, labels[done : 2 * done])
        drawn = replace(
            drawn,
            statistics=np.concatenate([drawn.statistics, more.statistics[1:]]),
            decisions=[[*old, *new[2:]] for old, new in zip(drawn.decisions, more.decisions, strict=True)],
        )
    return drawn


def runs_fast(spec: AnalysisSpec, estimator: EstimatorSpec, recipe: Recipe, *, stacked: bool = False) -> bool:
    """Say whether all draws are solved together.

    The second level of a stack is fitted on scores that differ in every draw: such draws are solved one by one, at the
    cost of cross-validation each, times the number of draws.

    Raises
    ------
    AnalysisFileError
        The analysis asks for the fast engine and the estimator has none.
    """
    if spec.inference.engine == "general":
        return False
    reason = "it is stacked" if stacked else why_not_fast(estimator.kind, recipe)
    if follows_labels(spec):
        reason = "normative.reference names the target, so that everything is prepared anew for every draw"
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


def _refit_together(test: _Test, labels: FloatArray) -> _Draws:
    """Solve all draws together; the observed labels are a batch of their own, and so are the pilots."""
    folds, recipe = test.folds, test.recipe
    follows = len(test.pilots) > 0
    batches = [
        test.cohort.target[None, :],
        *([test.pilots] if follows else []),
        *(labels[start : start + BATCH] for start in range(0, len(labels), BATCH)),
    ]
    scored = score_labellings(test.given, folds, batches, kind=test.kind, recipe=recipe, keep_decisions=follows)
    values = [
        np.concatenate(
            [
                score_draws(batch[:, fold.test], part, train_means(batch, fold.train, fold.test, recipe), recipe=recipe)
                for batch, part in zip(batches, parts, strict=True)
            ]
        )
        for fold, parts in zip(folds, scored.scores, strict=True)
    ]
    aggregate = aggregate_of([value[0] for value in values], folds, test.cohort)
    sign = 1.0 if recipe.metric.higher_is_better else -1.0
    if aggregate == "fold mean":
        statistics = sign * np.mean(values, axis=0)
    else:
        parts_of = [[parts[number] for parts in scored.scores] for number in range(len(batches))]
        pooled = [_pooled(batch, folds, parts, recipe) for batch, parts in zip(batches, parts_of, strict=True)]
        statistics = sign * np.concatenate(pooled)
    # A pilot only sets a scale: the grid point that it has will do.
    scored.undecided[1 : 1 + len(test.pilots)] = False
    undecided = np.flatnonzero(scored.undecided)
    if undecided.size:
        targets = np.concatenate(batches)[undecided]
        fits, decisions = _fit_singly(test, targets)
        statistics[undecided] = [
            _statistic(mine, test, target, aggregate=aggregate) for mine, target in zip(fits, targets, strict=True)
        ]
        if follows:
            _replace_rows(scored.decisions, undecided, decisions)
    drawn = np.delete(statistics, np.arange(1, 1 + len(test.pilots)))
    return _Draws(drawn, aggregate, scored.decisions if follows else [])


def _pooled(batch: FloatArray, folds: Sequence[Fold], scores: Sequence[FloatArray], recipe: Recipe) -> FloatArray:
    rows = np.concatenate([fold.test for fold in folds])
    means = [train_means(batch, fold.train, fold.test, recipe) for fold in folds]
    joined = None if recipe.task == "classification" else np.concatenate([m for m in means if m is not None], axis=1)
    return score_draws(batch[:, rows], np.concatenate(scores, axis=1), joined, recipe=recipe)


def _replace_rows(
    decisions: Sequence[Sequence[NDArray[np.float32]]], draws: IntArray, rows: Sequence[NDArray[np.float32]]
) -> None:
    """Put the decisions of some draws into the batches."""
    starts = np.cumsum([0, *map(len, decisions[0])])
    for batches, mine in zip(decisions, rows, strict=True):
        for draw, row in zip(draws, mine, strict=True):
            batch = int(np.searchsorted(starts, draw, side="right")) - 1
            batches[batch][draw - starts[batch]] = row


def _refit_anew(test: _Test, labels: FloatArray) -> _Draws:
    """Prepare everything anew for each labelling, and solve its whole grid at once."""
    drawn = []
    for target in np.vstack([test.cohort.target, labels]):
        cohort = replace(test.cohort, target=target)
        drawn.append(_refit_together(replace(test, given=test.given.for_labels(target), cohort=cohort), labels[:0]))
    return _Draws(np.concatenate([one.statistics for one in drawn]), drawn[0].aggregate, [])


def _refit_singly(test: _Test, labels: FloatArray) -> _Draws:
    """Let scikit-learn fit the observed labels and the draws one by one."""
    everyone = np.vstack([test.cohort.target, labels])
    fits, _ = _fit_singly(test, everyone)
    values = [test.recipe.metric(outcome) for outcome in _outcomes(fits[0], test, test.cohort.target)]
    # Shuffling within blocks keeps the class counts that decide it.
    aggregate = aggregate_of(values, test.folds, test.cohort)
    statistics = [
        _statistic(mine, test, target, aggregate=aggregate) for mine, target in zip(fits, everyone, strict=True)
    ]
    return _Draws(np.array(statistics), aggregate, [])


def _fit_singly(test: _Test, targets: FloatArray) -> tuple[list[list[FittedFold]], list[NDArray[np.float32]]]:
    """Fit labellings ``(n_draws, n)`` one by one, what doesn't depend on them once per fold.

    Returns
    -------
    fits
        For every labelling its folds, without the fitted estimators.
    decisions
        For every fold the decisions on its training rows, ``(n_draws, m)``, where patterns are followed.
    """
    follows = len(test.pilots) > 0
    fits: list[list[FittedFold]] = [[] for _ in targets]
    decisions = []
    for fold in test.folds:
        prepared = prepare_fold(test.given, fold, recipe=test.recipe)
        rows = np.empty((len(targets) if follows else 0, len(fold.train)), dtype=np.float32)
        for draw, target in enumerate(targets):
            if test.given.follows_labels:
                prepared = prepare_fold(test.given.for_labels(target), fold, recipe=test.recipe)
            fit = fit_fold(prepared, target, recipe=test.recipe)
            if follows:
                rows[draw] = sum(part.split.train @ np.ravel(part.coef) for part in fit.parts)
            fits[draw].append(fit.without_model())
        decisions.append(rows)
    return fits, decisions


def _outcomes(fits: Sequence[FittedFold], test: _Test, target: FloatArray) -> list[Outcome]:
    return [
        outcome_of(fit, target, train_rows=fold.train, test_rows=fold.test, recipe=test.recipe)
        for fit, fold in zip(fits, test.folds, strict=True)
    ]


def _statistic(fits: Sequence[FittedFold], test: _Test, target: FloatArray, *, aggregate: Aggregate) -> float:
    outcomes = _outcomes(fits, test, target)
    metric = test.recipe.metric
    if aggregate == "fold mean":
        value = float(np.mean([metric(outcome) for outcome in outcomes]))
    else:
        value = metric(pool_outcomes(outcomes))
    return value if metric.higher_is_better else -value
