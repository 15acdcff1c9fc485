"""Where single participants stand: their out-of-fold score, and how far from the truth it is."""

from dataclasses import dataclass

import numpy as np

from bidsml.records import Cohort, CVResult, FloatArray, IntArray, Result
from bidsml.report.disclosure import SMALLEST_CELL
from bidsml.report.lookup import name_target
from bidsml.report.wording import number, plural, start_sentence

SMALL_SITES = f"sites under {SMALLEST_CELL} people"
_N_PARTS = 3


@dataclass(frozen=True)
class Standing:
    """The participants whom some fold tested, ``(n,)`` each, averaged over repeats.

    Attributes
    ----------
    rows
        Rows of the cohort.
    value
        Score, margin or error, as ``label`` says.
    band
        Place in ``bands``: the class, or the third of the observed outcome.
    wrong
        Share of the repeats that predicted another class; of a regression 0.
    badness
        How far the value is on the wrong side: the larger, the worse.
    words, numbers
        What a table says of each participant, under ``word_columns`` and ``number_columns``.
    """

    rows: IntArray
    value: FloatArray
    band: IntArray
    wrong: FloatArray
    badness: FloatArray
    bands: tuple[str, ...]
    label: str
    axis: str
    reference: float | None
    word_columns: tuple[str, ...]
    number_columns: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    numbers: tuple[tuple[str, ...], ...]
    has_classes: bool
    n_repeats: int

    @property
    def averaged(self) -> str:
        """How several repeats were brought together; empty for one."""
        return f", mean of {self.n_repeats} repeats" if self.n_repeats > 1 else ""


def judge_individuals(result: Result) -> Standing:
    """Say of everyone whom the headline's model was tested on where they came out."""
    cv = result.cv[0]
    rows = np.flatnonzero(np.isfinite(cv.predictions).any(axis=0))
    if not result.cohort.classes:
        return _by_error(result, cv, rows)
    return _by_score(result, cv, rows) if len(result.cohort.classes) == 2 else _by_margin(result, cv, rows)


def name_sites(cohort: Cohort) -> tuple[str, ...]:
    """Site of every participant; those of too few people are put together. Empty where no site is named."""
    names, counts = np.unique(np.array(cohort.site, dtype=object), return_counts=True)
    small = {name for name, count in zip(names, counts, strict=True) if count < SMALLEST_CELL}
    return tuple(SMALL_SITES if site in small else site for site in cohort.site)


# ------------------------------------------------------------------ one task each


def _by_score(result: Result, cv: CVResult, rows: IntArray) -> Standing:
    cohort = result.cohort
    positive = cohort.classes.index(cohort.positive)
    threshold, on_probability = _threshold(result)
    if on_probability and cv.probabilities is not None:
        value = np.nanmean(cv.probabilities[:, rows, positive], axis=0)
        label = f"probability of {cohort.positive}"
    else:
        value = np.nanmean(cv.scores[:, rows, 0], axis=0)
        label = "decision value"
    truth = cohort.target[rows].astype(int)
    away = value - (0.0 if threshold is None else threshold)
    return _classes(
        result, cv, rows, value, np.where(truth == positive, -away, away), label=label,
        axis=f"{start_sentence(label)}, out of fold; to the right: {cohort.positive}", reference=threshold,
    )  # fmt: skip


def _by_margin(result: Result, cv: CVResult, rows: IntArray) -> Standing:
    scores = np.nanmean(cv.scores[:, rows], axis=0)  # (n, n_classes)
    truth = result.cohort.target[rows].astype(int)
    own = scores[np.arange(len(rows)), truth]
    others = scores.copy()
    others[np.arange(len(rows)), truth] = -np.inf
    margin = own - others.max(axis=1)
    return _classes(
        result, cv, rows, margin, -margin, label="margin of the true class over the next",
        axis="Score of the true class minus the highest other, out of fold", reference=0.0,
    )  # fmt: skip


def _by_error(result: Result, cv: CVResult, rows: IntArray) -> Standing:
    observed, predicted = result.cohort.target[rows], np.nanmean(cv.predictions[:, rows], axis=0)
    error = predicted - observed
    target = name_target(result)
    edges = np.quantile(observed, np.linspace(0, 1, _N_PARTS + 1)[1:-1])
    low, high = (number(float(edge)) for edge in edges)
    numbers = zip(observed, predicted, error, strict=True)
    return Standing(
        rows=rows, value=error, band=np.searchsorted(edges, observed, side="left").astype(np.int64),
        wrong=np.zeros(len(rows)), badness=np.abs(error),
        bands=(f"{target} up to {low}", f"{low} to {high}", f"above {high}"),
        label="error of prediction", axis=f"Predicted minus observed {target}, out of fold", reference=0.0,
        word_columns=(), number_columns=("Observed", "Predicted", "Error"), words=((),) * len(rows),
        numbers=tuple(tuple(number(float(value)) for value in three) for three in numbers),
        has_classes=False, n_repeats=cv.predictions.shape[0],
    )  # fmt: skip


def _classes(
    result: Result,
    cv: CVResult,
    rows: IntArray,
    value: FloatArray,
    badness: FloatArray,
    *,
    label: str,
    axis: str,
    reference: float | None,
) -> Standing:
    classes = result.cohort.classes
    truth = result.cohort.target[rows].astype(int)
    predictions = cv.predictions[:, rows]  # (n_repeats, n), NaN where a repeat did not test
    tested = np.isfinite(predictions).sum(axis=0)
    votes = np.stack([(predictions == code).sum(axis=0) for code in range(len(classes))])  # (n_classes, n)
    wrong = 1 - votes[truth, np.arange(len(rows))] / tested
    commonest = votes.argmax(axis=0)
    words = tuple(
        (classes[true], _vote(classes[said], votes[:, i], int(tested[i])))
        for i, (true, said) in enumerate(zip(truth, commonest, strict=True))
    )
    return Standing(
        rows=rows, value=value, band=truth.astype(np.int64), wrong=wrong, badness=badness, bands=classes,
        label=label, axis=axis, reference=reference, word_columns=("Class", "Predicted"),
        number_columns=(f"{start_sentence(label)}",), words=words,
        numbers=tuple((number(float(one)),) for one in value), has_classes=True, n_repeats=len(predictions),
    )  # fmt: skip


def _vote(name: str, votes: IntArray, tested: int) -> str:
    most = int(votes.max())
    if (votes == most).sum() > 1:
        return f"undecided ({most} of {plural(tested, 'repeat')} each)"
    return name if most == tested else f"{name} ({most} of {plural(tested, 'repeat')})"


def _threshold(result: Result) -> tuple[float | None, bool]:
    """Threshold between the classes, and whether it is one of probability; ``None`` where it is not told."""
    headline = result.headline
    for one in result.utility:
        if (one.estimator, one.design, one.model) == (headline.estimator, headline.design, "biomarker"):
            return (one.threshold if np.isfinite(one.threshold) else None), one.scale == "probability"
    return None, False
