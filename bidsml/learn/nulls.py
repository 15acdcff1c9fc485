"""The null distribution: chunks of draws joined, p, its correction over estimators, and what goes beyond it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from bidsml.learn.patterns import correct_patterns
from bidsml.learn.tail import reaches, sequential_p, tail_p
from bidsml.records import PatternNull, PermutationNull
from bidsml.spec import InferenceSpec

# Two statistics this close are a tie: the same labelling fitted in another order of operations.
_TIE = 1e-10


def with_p(null: PermutationNull) -> PermutationNull:
    """Add p and its floor; an undefined statistic counts as extreme, ties count (Phipson and Smyth 2010)."""
    m = null.null.size
    if not m and not null.exhaustive:
        return null
    p = (1 + int(reaches(null.null, null.observed).sum())) / (1 + m)
    return replace(null, p=p, p_floor=1 / (1 + m))


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
        if before.stopped:
            break
        if before.first_draw + before.null.size != after.first_draw:
            raise ValueError(f"draw {before.first_draw + before.null.size} is followed by {after.first_draw}")
    # Once one chunk stopped, enough of its own draws had reached the observed value: the rest is not needed.
    last = next((number for number, part in enumerate(ordered) if part.stopped), len(ordered))
    used = ordered[: last + 1]
    return with_p(
        replace(
            first,
            null=np.concatenate([part.null for part in used]),
            stopped=last < len(ordered),
            patterns=() if last < len(ordered) else _merge_patterns([part.patterns for part in used]),
        )
    )


def _merge_patterns(parts: Sequence[tuple[PatternNull, ...]]) -> tuple[PatternNull, ...]:
    return tuple(
        correct_patterns(replace(levels[0], draws=np.concatenate([level.draws for level in levels])))
        for levels in zip(*parts, strict=True)
    )


def _identity(null: PermutationNull) -> tuple[str | int, ...]:
    return (null.estimator, null.design, null.metric, null.aggregate, null.scheme, null.seed, null.engine)


def finish_null(null: PermutationNull, inference: InferenceSpec) -> PermutationNull:
    """Add what the analysis asks for beyond the plain p: the sequential stop, and the tail beyond the draws.

    The sequential rule judges the draws in order and drops those after the stop. A p corrected over estimators rests
    on all draws: :func:`correct_family` comes first.
    """
    if null.exhaustive:
        return null
    if inference.stop_after:
        p, used = sequential_p(null.null, null.observed, stop_after=inference.stop_after)
        # The last draw of all may be the one that stops the test.
        stopped = null.stopped or int(reaches(null.null, null.observed).sum()) >= inference.stop_after
        null = replace(null, p=p, null=null.null[:used], p_floor=1 / (1 + used), stopped=stopped)
    if inference.tail == "pareto":
        null = replace(null, tail="the test stopped early: its p needs no tail") if null.stopped else _with_tail(null)
    return null


def _with_tail(null: PermutationNull) -> PermutationNull:
    fit = tail_p(null.null, null.observed)
    if fit is None:
        return replace(null, tail="the draws allow no fit of a tail")
    words = f"generalised Pareto over the {fit.n_exceedances} largest draws, goodness of fit p = {fit.p_fit:.2f}"
    if fit.at_floor:
        words += f"; {len(null.null)} draws can't tell less"
    return replace(null, p_tail=fit.p, tail=words)


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
    return tuple(replace(null, p_family=(1 + int(reaches(largest, null.observed).sum())) / (1 + m)) for null in nulls)
