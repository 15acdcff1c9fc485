"""What may be concluded from a result: the tests behind the answer box, one function each."""

import math
import re

import numpy as np

from bidsml.records import PerformanceRow, Result
from bidsml.report import wording
from bidsml.report.lookup import class_counts, find_null, read_spec

ALPHA = 0.05
FEWEST_PER_CLASS = 20
WIDEST_INTERVAL = 0.3
TOO_GOOD = 0.95


def decisive_p(result: Result) -> float:
    """Find the p-value that decides: corrected where several estimators were tried; NaN where none was tested."""
    null = find_null(result)
    if null is None:
        return result.headline.p
    return null.p if math.isnan(null.p_family) or not tried_several(result) else null.p_family


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


_LEAK = re.compile(r"without overlap", re.IGNORECASE)
_TIE = re.compile(r"\b(tied to|alone tells)\b", re.IGNORECASE)
# Column names such as mean_fd count too, so that an underscore is no part of a word here.
_ORIGIN = re.compile(r"(?<![a-z])(sites?|scanners?|motion|movement|framewise|fd|dvars)(?![a-z])", re.IGNORECASE)


def find_suspicions(result: Result) -> tuple[str, ...]:
    """Find the warnings that say that the label goes with site or motion, or that a feature gives it away."""
    site = read_spec(result).cohort.site
    return tuple(
        text
        for text in result.warnings
        if _LEAK.search(text) or (_TIE.search(text) and (_ORIGIN.search(text) or (site is not None and site in text)))
    )
