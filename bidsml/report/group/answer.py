"""The answer box: what the figures allow to be said, by fixed rules."""

import math
from dataclasses import dataclass
from typing import Literal

from bidsml.records import PerformanceRow, Result
from bidsml.report import wording
from bidsml.report.blocks import Block, Bullets, Paragraph, Section, Tone
from bidsml.report.evidence import (
    can_be_significant,
    decisive_p,
    find_suspicions,
    gain,
    is_gain,
    is_significant,
    is_too_good,
    list_caveats,
    say_small_sample,
    say_wide_interval,
    tried_several,
)
from bidsml.report.lookup import (
    LEAVE_SITE_OUT,
    find_null,
    find_row,
    folds_of,
    name_confounds,
    name_primary,
    name_target,
    say_counts,
)

AnswerKind = Literal[
    "suspicious",
    "too small to say",
    "not tested",
    "too few draws",
    "not significant",
    "not beyond the confounds",
    "confounds not named",
    "beyond the confounds",
]

_BADGES: dict[AnswerKind, tuple[str, Tone]] = {
    "suspicious": ("Suspicious: check for a leak or a hidden difference before believing this", "bad"),
    "too small to say": ("Too small to say", "caution"),
    "not tested": ("Not tested against chance", "caution"),
    "too few draws": ("Too few permutation draws to say", "caution"),
    "not significant": ("Not better than chance, as far as these data can tell", "caution"),
    "not beyond the confounds": ("Better than chance, but not shown to be the brain", "caution"),
    "confounds not named": ("Better than chance; no confounds were named to compare with", "caution"),
    "beyond the confounds": ("Better than chance, and better than the confounds alone", "good"),
}


_WAYS = {
    "Nadeau-Bengio": "Nadeau-Bengio, corrected for training sets that overlap",
    "unit bootstrap, widened for training": "bootstrap over people, widened for the training people",
}


@dataclass(frozen=True)
class Answer:
    """What the report says first.

    ``kind`` decides the heading; ``sentences`` give the figures; ``caveats`` say why not to believe too much.
    """

    kind: AnswerKind
    sentences: tuple[str, ...]
    caveats: tuple[str, ...]


def answer(result: Result) -> Answer:
    """Judge a result by the first rule that applies.

    1. *suspicious*: the headline is above 0.95, or it is significant while the leakage audit raises an alarm: the
       label strongly tied to the site or to motion, or a feature that holds it. Motion is no alarm any more where the
       confounds had it and the biomarker is better than they are; a milder tie is a caveat beside the headline;
    2. *too small to say*: under 20 people in a class (40 in a regression), or an interval wider than 0.3;
    3. *not tested*: no permutation test;
    4. *too few draws*: the smallest p that the draws can show is 0.05 or more;
    5. *not significant*: p ≥ 0.05 (corrected where several estimators were tried), or below chance;
    6. *confounds not named*: there is no nuisance-only model to compare with;
    7. *beyond the confounds*: the paired difference to the nuisance-only model is positive with p < 0.05;
    8. *not beyond the confounds*: otherwise.
    """
    return Answer(
        kind=_judge(result),
        sentences=tuple(
            sentence
            for sentence in (
                _say_estimate(result),
                _say_chance(result),
                _say_confounds(result),
                _say_added_value(result),
                _say_new_sites(result),
            )
            if sentence
        ),
        caveats=list_caveats(result),
    )


def section(result: Result) -> Section:
    """Show the answer with its caveats."""
    judged = answer(result)
    badge, tone = _BADGES[judged.kind]
    blocks: list[Block] = [Paragraph(sentence) for sentence in judged.sentences]
    if judged.caveats:
        blocks.append(Bullets(judged.caveats, heading="Before believing it"))
    return Section(
        anchor="answer",
        title="Answer",
        lead=f"Can {name_target(result)} be predicted in people the model has not seen? "
        "The sentences follow fixed rules from the figures below.",
        blocks=tuple(blocks),
        badge=badge,
        tone=tone,
    )


# ------------------------------------------------------------------ rules


def _judge(result: Result) -> AnswerKind:
    doubt = _doubt(result)
    if doubt is not None:
        return doubt
    difference = find_row(result, "biomarker - nuisance")
    if difference is None:
        return "confounds not named"
    return "beyond the confounds" if is_gain(difference) else "not beyond the confounds"


def _doubt(result: Result) -> AnswerKind | None:
    """Find what keeps the result from being taken for more than chance."""
    if is_too_good(result) or (is_significant(result) and find_suspicions(result)):
        return "suspicious"
    if say_small_sample(result) or say_wide_interval(result):
        return "too small to say"
    if math.isnan(decisive_p(result)):
        return "not tested"
    if not can_be_significant(result):
        return "too few draws"
    return None if is_significant(result) else "not significant"


# ------------------------------------------------------------------ sentences


def _say_estimate(result: Result) -> str:
    row = result.headline
    meaning = wording.METRIC_MEANING.get(result.primary_metric, "")
    estimator = wording.name_estimator(row.estimator)
    how = [part for part in (_WAYS.get(row.interval, row.interval), row.note) if part]
    named = f", 95 % interval {wording.interval(row.low, row.high)} ({', '.join(how)})" if row.interval else ""
    return (
        f"{wording.start_sentence(estimator)} reached {_article(name_primary(result))} of "
        f"{wording.estimate(row.estimate)}{named} on {say_counts(result)}"
        f"{f'; it is {meaning}' if meaning else ''}."
    )


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiouAR' else 'a'} {name}"


def _say_chance(result: Result) -> str:
    null = find_null(result)
    if null is None:
        return "No permutation test was run, so nothing is said about chance."
    words = wording.p_value(null.p, floor=null.p_floor, draws=len(null.null))
    sentence = f"Permutation test with {len(null.null)} draws: {words}."
    if tried_several(result) and not math.isnan(null.p_family):
        corrected = wording.p_value(null.p_family, floor=null.p_floor, draws=len(null.null))
        sentence += f" Corrected over the estimators that were tried: {corrected}."
    return sentence


def _say_confounds(result: Result) -> str:
    alone = find_row(result, "nuisance")
    difference = find_row(result, "biomarker - nuisance")
    if alone is None or difference is None:
        return "No confounds were named, so the report can't tell whether it is the brain that predicts."
    columns = name_confounds(result)
    gap = (
        f"the difference is {wording.estimate(difference.estimate)} "
        f"(95 % interval {wording.interval(difference.low, difference.high)}, {wording.p_value(difference.p)})"
    )
    reached = f"{name_primary(result)} {wording.estimate(alone.estimate)}{_below_guessing(alone)}"
    if is_gain(difference):
        return f"The biomarker does better than the confounds alone ({columns}: {reached}): {gap}."
    if gain(difference) < 0:
        return f"The confounds alone do as well or better ({columns}: {reached}): {gap}."
    # Not significant is not the same as equal: the interval may hold a real gain.
    return f"A gain over the confounds alone is not shown ({columns}: {reached}): {gap}."


def _below_guessing(alone: PerformanceRow) -> str:
    """Warn that a difference to less than guessing looks larger than the distance from guessing."""
    chance = wording.CHANCE.get(alone.metric)
    if chance is None or alone.estimate >= chance:
        return ""
    return f", below the {chance:g} of guessing, which makes the difference look larger"


def _say_added_value(result: Result) -> str:
    added = find_row(result, "nuisance+biomarker - nuisance")
    if added is None:
        return ""
    verb = "improves on" if is_gain(added) else "does not measurably improve on"
    return (
        f"Added to the confounds, the biomarker {verb} them: the gain is {wording.estimate(added.estimate)} "
        f"(95 % interval {wording.interval(added.low, added.high)}, {wording.p_value(added.p)})."
    )


def _say_new_sites(result: Result) -> str:
    row = find_row(result, "biomarker", design=LEAVE_SITE_OUT)
    if row is None or result.headline.design == LEAVE_SITE_OUT:
        return ""
    sites = len(folds_of(result, LEAVE_SITE_OUT))
    return (
        f"On sites that the model has never seen (each of {sites} left out in turn), {name_primary(result)} is "
        f"{wording.estimate(row.estimate)} (95 % interval {wording.interval(row.low, row.high)}) against "
        f"{wording.estimate(result.headline.estimate)} when sites are mixed."
    )
