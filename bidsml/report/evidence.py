"""What may be concluded from a result: the tests and caveats behind the answer box, one function each."""

import math

import numpy as np

from bidsml.records import LeakageCheck, PerformanceRow, PermutationNull, Result
from bidsml.report import wording
from bidsml.report.lookup import class_counts, find_null, find_row, lost_on_the_way, name_primary, set_aside

ALPHA = 0.05
FEWEST_PER_CLASS = 20
WIDEST_INTERVAL = 0.3
TOO_GOOD = 0.95
LEAST_DRAWS = 99
"""With fewer draws a test at 5 % has little power to spare, and p jumps between runs."""
MANY_LOST = 0.2


def decisive_p(result: Result) -> float:
    """Find the p-value that decides: corrected where several estimators were tried; NaN where none was tested."""
    null = find_null(result)
    if null is None:
        return result.headline.p
    return null.p if math.isnan(null.p_family) or not tried_several(result) else null.p_family


def can_be_significant(result: Result) -> bool:
    """Say whether the test has draws enough for a p below 5 %."""
    null = find_null(result)
    return null is None or math.isnan(null.p_floor) or null.p_floor < ALPHA


def tried_several(result: Result) -> bool:
    """Say whether more than one estimator was tested on the headline's design."""
    return len({null.estimator for null in result.nulls if null.design == result.headline.design}) > 1


def is_significant(result: Result) -> bool:
    """Say whether the headline is better than chance at 5 %."""
    return decisive_p(result) < ALPHA and _is_above_chance(result)


def _is_above_chance(result: Result) -> bool:
    chance = wording.CHANCE.get(result.primary_metric)
    # An R² below 0 may still beat shuffled labels, and yet be worse than always saying the mean.
    if chance is not None and result.headline.estimate <= chance:
        return False
    null = find_null(result)
    if null is None or null.null.size == 0:
        return True
    # Nulls are kept so that higher is better, whatever the metric.
    return bool(null.observed > np.nanmean(null.null))


def is_too_good(result: Result) -> bool:
    """Say whether the headline is higher than brain measures honestly reach."""
    return result.primary_metric in wording.UNIT_RANGE and result.headline.estimate > TOO_GOOD


def gain(difference: PerformanceRow) -> float:
    """Turn the sign of a paired difference so that positive is better."""
    return -difference.estimate if difference.metric in wording.LOWER_IS_BETTER else difference.estimate


def is_gain(difference: PerformanceRow) -> bool:
    """Say whether the first model of a paired difference is better at 5 %."""
    return difference.p < ALPHA and gain(difference) > 0


def say_small_sample(result: Result) -> str:
    """Say that too few people were analysed; empty where there are enough."""
    if result.task == "regression":
        n = len(result.cohort.target)
        if n < 2 * FEWEST_PER_CLASS:
            return f"Only {n} people were analysed; {2 * FEWEST_PER_CLASS} is the least for a stable figure."
        return ""
    counts = class_counts(result.cohort)
    if counts.min() >= FEWEST_PER_CLASS:
        return ""
    fewest = result.cohort.classes[int(counts.argmin())]
    return f"Only {counts.min()} people are {fewest}; {FEWEST_PER_CLASS} per class is the least for a stable figure."


def say_wide_interval(result: Result) -> str:
    """Say that the interval of the headline is too wide; empty where it is not."""
    width = result.headline.high - result.headline.low
    if result.primary_metric in wording.UNIT_RANGE and width > WIDEST_INTERVAL:
        return f"The interval is {wording.estimate(width)} wide: the true value may be almost anything in it."
    return ""


_MOTION = "label-motion"
# The box's own rules speak of the sample's size already.
_SAID_ELSEWHERE = frozenset({"sample-size"})


def find_suspicions(result: Result) -> tuple[LeakageCheck, ...]:
    """Find the alarms of the leakage audit that leave no other explanation standing.

    These are strong ties of the label to the site or to motion, and features that hold the label. Strong motion is
    no suspicion where the model of confounds alone had the motion too and the biomarker is better than it: a
    difference in motion must not hide a finding that goes beyond it. It then stays a caveat.
    """
    return tuple(
        check
        for check in result.leakage
        if check.severity == "alarm" and not (check.check == _MOTION and _is_beyond_motion(result))
    )


def _is_beyond_motion(result: Result) -> bool:
    difference = find_row(result, "biomarker - nuisance")
    return difference is not None and is_gain(difference) and _compares_motion(result)


def _compares_motion(result: Result) -> bool:
    return any(wording.MOTION.search(column) for column in result.cohort.nuisance_source)


def say_leaks(result: Result) -> tuple[str, ...]:
    """Say what the leakage audit warns of, alarms first."""
    found = [c for c in result.leakage if c.status == "warned" and c.check not in _SAID_ELSEWHERE]
    return tuple(wording.hide_folders(check.evidence) for check in sorted(found, key=lambda c: c.severity != "alarm"))


# ------------------------------------------------------------------ caveats


def list_caveats(result: Result) -> tuple[str, ...]:
    """List why not to believe too much, in sentences."""
    found = [
        _say_too_good(result),
        *say_leaks(result),
        say_small_sample(result),
        say_wide_interval(result),
        _say_few_draws(find_null(result)),
        _say_lost_people(result),
        "All of it comes from one dataset: elsewhere, with other people and scanners, expect less.",
        "This is a statement about groups; it does not make the model fit for deciding about a single person.",
    ]
    return tuple(caveat for caveat in found if caveat)


def _say_too_good(result: Result) -> str:
    if not is_too_good(result):
        return ""
    return (
        f"{name_primary(result)} above {TOO_GOOD} is rare for real brain measures; "
        "look for a feature that holds the label, or for groups that were measured differently."
    )


def _say_few_draws(null: PermutationNull | None) -> str:
    if null is None or null.exhaustive or null.stopped or len(null.null) >= LEAST_DRAWS:
        return ""
    return f"Only {len(null.null)} permutation draws: p can't be below {wording.number(null.p_floor, 2)}."


def _say_lost_people(result: Result) -> str:
    lost = len(lost_on_the_way(result))
    asked = result.cohort.considered - len(set_aside(result))
    if asked == 0 or lost / asked <= MANY_LOST:
        return ""
    share = wording.percent(lost / asked)
    return f"{share} of {asked} people were left out on the way; those who stay may differ from them."
