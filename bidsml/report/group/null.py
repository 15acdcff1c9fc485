"""What chance looks like: the permutation test."""

from itertools import pairwise

import numpy as np

from bidsml.records import PermutationNull, Result
from bidsml.report.blocks import Block, Facts, Figure, Paragraph, Section, Table
from bidsml.report.figures import null_histogram
from bidsml.report.lookup import find_null, name_primary
from bidsml.report.wording import CHANCE, LOWER_IS_BETTER, estimate, name_metric, number, p_value, start_sentence

_BINS = 30
_NOTABLE = 0.01
_MILLION = 1e6
_ENGINES = {
    "fast": "fast: all draws of the linear model solved together",
    "general": "general: refitted one by one",
}
_AGGREGATES = {"fold mean": "mean over the test folds", "pooled": "all test folds pooled"}


def section(result: Result) -> Section | None:
    """Draw the null distribution with the observed value; nothing where no test was run."""
    null = find_null(result)
    if null is None or not np.isfinite(null.null).any():
        return None
    blocks: list[Block] = [_figure(result, null), Facts(_facts(null))]
    others = [other for other in result.nulls if other is not null]
    if others:
        blocks.append(_all_tests(result))
    blocks += _kept_in(null)
    return Section(
        anchor="null",
        title="Chance",
        lead="How high the same pipeline, tuning included, gets when the labels are shuffled so that nothing can be "
        f"learned: {p_value(null.p, floor=null.p_floor, draws=len(null.null))}.",
        blocks=tuple(blocks),
    )


def _kept_in(null: PermutationNull) -> list[Block]:
    """Say why shuffled labels do better than guessing, where they are shuffled within sites."""
    chance = CHANCE.get(null.metric)
    if chance is None or "within sites" not in null.scheme or np.nanmean(null.null) < chance + _NOTABLE:
        return []
    return [
        Paragraph(
            f"Shuffled labels do a little better than guessing ({estimate(chance)}): they are shuffled within sites, "
            "so that sites keep their shares of the classes, and a model that recognises the site gains from them. The "
            "test asks for more than that."
        )
    ]


def _figure(result: Result, null: PermutationNull) -> Figure:
    finite = null.null[np.isfinite(null.null)]
    low, high = min(finite.min(), null.observed), max(finite.max(), null.observed)
    counts, edges = np.histogram(finite, bins=_BINS, range=(low, high) if high > low else (low - 0.5, high + 0.5))
    reached = int((null.null >= null.observed).sum())
    turned = " (sign turned, so that higher is better)" if null.metric in LOWER_IS_BETTER else ""
    alt = (
        f"{start_sentence(name_primary(result))}{turned} is {estimate(null.observed)} with the labels as they are"
        f"{_first(result)}. "
        f"With shuffled labels it is {estimate(float(finite.mean()))} on average and "
        f"{estimate(float(finite.max()))} at most; {reached} of {len(null.null)} draws reach the observed value. "
        f"{p_value(null.p, floor=null.p_floor, draws=len(null.null))}."
    )
    rows = tuple(
        (f"{number(float(a))} to {number(float(b))}", str(count))
        for (a, b), count in zip(pairwise(edges), counts, strict=True)
        if count
    )
    label = f"{name_primary(result)}{turned}"
    return Figure(
        name="null",
        svg=null_histogram(counts, edges, null.observed, label=label, name="null", alt=alt),
        alt=alt,
        table=Table("draws by value, empty bins left out", (label, "Draws"), rows),
    )


def _facts(null: PermutationNull) -> tuple[tuple[str, str], ...]:
    return (
        ("What is shuffled", null.scheme),
        ("Draws", _draws(null)),
        *_distinct(null),
        ("Engine", _ENGINES.get(null.engine, null.engine)),
        ("p", p_value(null.p, floor=null.p_floor, draws=len(null.null))),
        ("Smallest p these draws can show", number(null.p_floor, 2)),
        *_tail(null),
        (
            "What is compared",
            f"{name_metric(null.metric)}, {_AGGREGATES[null.aggregate]}, first repeat of {null.design}",
        ),
        ("Seed", str(null.seed)),
    )


def _draws(null: PermutationNull) -> str:
    if null.exhaustive:
        return f"{len(null.null)}: every distinct labelling but the data's own, none by chance"
    if null.stopped:
        return f"{len(null.null)}: stopped early, once enough had reached the observed value (Besag and Clifford 1991)"
    return str(len(null.null))


def _distinct(null: PermutationNull) -> tuple[tuple[str, str], ...]:
    """State how many labellings the scheme allows, where that was counted."""
    if np.isnan(null.n_distinct):
        return ()
    if np.isinf(null.n_distinct):
        return (("Distinct labellings", "more than 1e308"),)
    count = f"{null.n_distinct:,.0f}" if null.n_distinct < _MILLION else _round(null.n_distinct)
    return (("Distinct labellings", count),)


def _round(count: float) -> str:
    """Write a large number: ``about 60 million``, ``about 10^27``."""
    if count < 1000 * _MILLION:
        return f"about {count / _MILLION:.2g} million"
    return f"about 10^{np.log10(count):.0f}"


def _first(result: Result) -> str:
    """Say where the test looks at less than the headline does."""
    headline = result.headline
    repeats = len({fold.repeat for fold in result.folds if fold.design == headline.design})
    if repeats < 2:
        return ""
    return f", in the first of {repeats} repeats (the headline of {estimate(headline.estimate)} is the mean over all)"


def _tail(null: PermutationNull) -> tuple[tuple[str, str], ...]:
    """Show the extrapolated p apart from the exact one, or why there is none."""
    if np.isnan(null.p_tail):
        return (("Pareto tail", null.tail),) if null.tail else ()
    value = f"p = {number(null.p_tail, 2)}" if null.p_tail >= 1e-4 else f"p = {null.p_tail:.1e}"
    words = f"; {null.tail}" if null.tail else ""
    return (("p from a Pareto tail (extrapolated, Knijnenburg 2009)", f"{value}{words}"),)


def _all_tests(result: Result) -> Table:
    rows = tuple(
        (
            null.estimator,
            null.design,
            estimate(null.observed),
            p_value(null.p, floor=null.p_floor),
            "n/a" if np.isnan(null.p_family) else p_value(null.p_family, floor=null.p_floor),
        )
        for null in result.nulls
    )
    columns = ("Estimator", "Design", "Observed", "p", "p corrected over estimators")
    return Table("All permutation tests", columns, rows, text_columns=2)
