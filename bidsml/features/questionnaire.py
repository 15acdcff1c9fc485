"""Questionnaires: items turned around where they must be, and subscales prorated over gaps."""

from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np

from bidsml.errors import DataError
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec
from bidsml.spec.patterns import matches_any


def extract_questionnaire(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Score one participant's questionnaire.

    A reversed item is (lowest + highest possible answer) − answer. A subscale is the mean of the items answered
    (``measure = "mean"``), or that times their number (``"sum"``): each gap counts as the person's own mean of the
    subscale (person-mean substitution: Downey and King 1998, Journal of General Psychology 125:175-191). With a larger
    share of gaps than ``max_missing`` the subscale is missing, and left to the imputation in the fold. Without
    subscales, the items themselves are the features.

    Returns
    -------
    FeatureVector
        One value per subscale, or per item; then, with ``indicators``, the share of its items that is missing.

    Raises
    ------
    DataError
        The data dictionary gives no range of an item that is to be reversed, or a subscale has lost all its items.
    """
    answers = _turned(data, options)
    scores: dict[str, float] = {}
    shares: dict[str, float] = {}
    for name, items in _subscales(answers, options).items():
        given = np.array([answers[item] for item in items])
        share = float(np.isnan(given).mean())
        allowed = share <= options.max_missing and share < 1
        # Whole answers add up without rounding.
        weight = len(items) if options.subscales and options.measure != "mean" else 1
        answered = np.isfinite(given).sum()
        scores[name] = float(np.nansum(given) * weight / answered) if allowed else float("nan")
        shares[f"{name}[missing]"] = share
    values = {**scores, **(shares if options.indicators else {})}
    reasons = {
        name: f"{shares[f'{name}[missing]']:.0%} of its items are missing" if options.subscales else "n/a in the table"
        for name, value in scores.items()
        if np.isnan(value)
    }
    return FeatureVector(
        block=block,
        kind=options.kind,
        measure=options.measure or "sum",
        names=tuple(values),
        values=np.array(list(values.values())),
        missing=reasons,
    )


def _turned(data: ScanData, options: FeatureSpec) -> dict[str, float]:
    answers = dict(data.table)
    for name in [name for name in answers if matches_any(name, options.reverse)]:
        if name not in data.ranges:
            raise DataError(
                f"item {name!r} of {options.file} is to be reversed, and nothing says what it ranges over",
                hint="give its Levels, or MinValue and MaxValue, in the .json beside the table",
            )
        answers[name] = sum(data.ranges[name]) - answers[name]
    return answers


def _subscales(answers: Mapping[str, float], options: FeatureSpec) -> dict[str, list[str]]:
    """Items by subscale; every item by itself where there are none."""
    if not options.subscales:
        return {name: [name] for name in answers}
    found = {
        name: [item for item in answers if matches_any(item, patterns)] for name, patterns in options.subscales.items()
    }
    for name, items in found.items():
        if not items:
            raise DataError(
                f"no item of subscale {name!r} is left: the target and what exclude names are no features",
                hint="leave the subscale out, or predict something else from it",
            )
    return found


def check_questionnaire(options: FeatureSpec) -> str:
    """Say what is wrong with the options: a table of phenotypes is needed, and subscales have items."""
    path = PurePosixPath(options.file or "")
    if path.suffix != ".tsv" or "{participant}" in (options.file or ""):
        return "kind 'questionnaire' needs file: a .tsv with a row per participant, such as phenotype/bis.tsv"
    empty = [name for name, items in options.subscales.items() if not items]
    if empty:
        return f"subscale {empty[0]!r} has no items"
    if options.subscales and options.columns:
        return "columns has no meaning where subscales name the items"
    return ""
