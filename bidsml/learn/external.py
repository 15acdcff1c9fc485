"""How well a frozen biomarker does on people it has not seen: nothing of the model is fitted again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special
from sklearn.linear_model import LinearRegression, LogisticRegression

from bidsml.learn.frozen import Applied, apply, score_newcomers
from bidsml.learn.intervals import UNIT_BOOTSTRAP, draw_units, percentile_interval, resample, take_rows
from bidsml.learn.leakage.association import tie_to_names
from bidsml.learn.metrics import METRICS, Metric, Outcome, metrics_of
from bidsml.records import (
    ExternalResult,
    FloatArray,
    FrozenModel,
    IntArray,
    ModelCard,
    Newcomers,
    PerformanceRow,
    Provenance,
)

FROZEN, RECALIBRATED = "frozen", "frozen, recalibrated on this data"
EXTERNAL, INTERNAL = "external", "internal"
RECALIBRATED_NOTE = (
    "fitted on the labels of the people it is judged on: flatters; beside the frozen model, never instead"
)
# Below this, a site has no figure of its own: it would say more of single people than of the site.
_SMALLEST_SITE_CLASS = 5
_SMALLEST_SITE = 10


def judge_newcomers(
    model: FrozenModel,
    people: Newcomers,
    *,
    analysis: str,
    digest: str,
    provenance: Provenance,
    seed: int,
    warnings: tuple[str, ...] = (),
) -> ExternalResult:
    """Predict everybody, and compare with the labels of those who have one.

    Rows: the internal out-of-fold headline; every metric of the frozen model with a unit bootstrap interval (the
    model is fixed: what varies from sample to sample is who is tested); the primary one per site; and what
    recalibration on this dataset's own labels would change.
    """
    applied = apply(model, people.values, people.beside)
    judged = np.flatnonzero(np.isfinite(people.target))
    primary = _primary(model.card)
    recalibrated = _recalibrate(applied, people.target, judged, model.card)
    rows: list[PerformanceRow] = [*_internal(model.card)]
    if judged.size:
        units = [str(people.table["unit"][row]) for row in judged]
        context = _Context(model, judged, draw_units(units, seed=seed), primary)
        rows += _rows(_outcome(applied, people.target, context), context)
        rows += _site_rows(applied, people, context, seed=seed)
        rows += _recalibrated_rows(recalibrated, people.target, context)
    return ExternalResult(
        analysis=analysis,
        card=model.card,
        model_digest=digest,
        people=people,
        scores=applied.scores,
        predictions=applied.predictions,
        probabilities=applied.probabilities,
        recalibrated=recalibrated,
        performance=tuple(rows),
        primary_metric=primary,
        provenance=provenance,
        warnings=(*warnings, *_site_tie(people, judged, model.card), *people.notes),
        z=score_newcomers(model, people.values, people.beside),
    )


@dataclass(frozen=True)
class _Context:
    """Whom figures are of: rows that have a label, and samples of them."""

    model: FrozenModel
    judged: IntArray
    samples: Sequence[IntArray]
    primary: str

    @property
    def blank(self) -> PerformanceRow:
        card = self.model.card
        return PerformanceRow(card.estimator, FROZEN, EXTERNAL, self.primary, float("nan"), n=self.judged.size)


def _primary(card: ModelCard) -> str:
    """Metric of the model's own headline, where it is one of the task."""
    said = card.performance.get("metric")
    return str(said) if said in metrics_of(card.task) else "roc_auc" if card.classes else "r2"


def _internal(card: ModelCard) -> Iterator[PerformanceRow]:
    """Repeat the headline that the model brought with it."""
    said: Mapping[str, Any] = card.performance
    if not said:
        return
    number = {
        key: np.nan if said.get(key) is None else float(said[key])
        for key in ("estimate", "low", "high", "p", "p_floor")
    }
    yield PerformanceRow(
        estimator=card.estimator,
        model="biomarker",
        design=f"{INTERNAL}, {said['design']}",
        metric=str(said["metric"]),
        interval=str(said["interval"]),
        p_method=str(said["p_method"]),
        n=int(said["n"]),
        note="out of fold, from the model's own analysis",
        **number,
    )


def _outcome(applied: Applied, target: FloatArray, context: _Context) -> Outcome:
    rows = context.judged
    classes = context.model.card.classes
    mean = None if classes else np.full(rows.size, float(context.model.arrays["target_mean"]))
    return Outcome(
        target=target[rows],
        scores=applied.scores[rows],
        predictions=applied.predictions[rows],
        probabilities=None if applied.probabilities is None else applied.probabilities[rows],
        n_classes=len(classes),
        train_mean=mean,
    )


def _rows(outcome: Outcome, context: _Context) -> Iterator[PerformanceRow]:
    """Every metric, the primary one first."""
    names = metrics_of(context.model.card.task)
    for name in sorted(names, key=lambda name: name != context.primary):
        row = _figure(replace(context.blank, metric=name), outcome, METRICS[name], context.samples)
        if np.isfinite(row.estimate) or name == context.primary:
            yield row
    for name, metric in () if outcome.n_classes else _LINE.items():
        yield _figure(replace(context.blank, metric=name), outcome, metric, context.samples)


def _slope(outcome: Outcome) -> float:
    """Slope of the least-squares line of observed on predicted outcomes; 1 is perfect."""
    spread = np.var(outcome.predictions)
    together = np.mean((outcome.predictions - outcome.predictions.mean()) * (outcome.target - outcome.target.mean()))
    return float(together / spread) if spread > 0 else float("nan")


def _shift(outcome: Outcome) -> float:
    """Mean of what is observed minus what is predicted; 0 is perfect."""
    return float((outcome.target - outcome.predictions).mean())


# Of a regression; a classifier's are among the metrics.
_LINE: Mapping[str, Callable[[Outcome], float]] = {"calibration_slope": _slope, "calibration_intercept": _shift}


def _figure(
    blank: PerformanceRow, outcome: Outcome, metric: Metric | Callable[[Outcome], float], samples: Sequence[IntArray]
) -> PerformanceRow:
    estimate = metric(outcome)
    if not np.isfinite(estimate):
        return replace(blank, note="undefined here")
    interval = percentile_interval(resample(lambda rows: metric(take_rows(outcome, rows)), samples))
    if interval.low == interval.high:
        # Of a perfect AUC above all: no sample of these people shows what others would.
        return replace(blank, estimate=estimate, note="no interval: it is the same in every sample of these people")
    how = UNIT_BOOTSTRAP if np.isfinite(interval.low) else ""
    return replace(blank, estimate=estimate, low=interval.low, high=interval.high, interval=how)


def _site_rows(applied: Applied, people: Newcomers, context: _Context, *, seed: int) -> Iterator[PerformanceRow]:
    """Give the primary metric of every site that has enough people, of each class."""
    site = people.table["site"].to_numpy()[context.judged]
    names = sorted({str(one) for one in site if one is not None})
    for name in names if len(names) > 1 else ():
        rows = context.judged[site == name]
        blank = replace(context.blank, design=f"{EXTERNAL}, site {name}", n=rows.size)
        if not _is_enough(people.target[rows], context.model.card):
            yield replace(blank, n=0, note="too few people for a figure")
            continue
        units = [str(people.table["unit"][row]) for row in rows]
        own = replace(context, judged=rows, samples=draw_units(units, seed=seed))
        yield _figure(blank, _outcome(applied, people.target, own), METRICS[context.primary], own.samples)


def _site_tie(people: Newcomers, judged: IntArray, card: ModelCard) -> Iterator[str]:
    """Say so where sites and labels go together: who tells sites apart then seems to tell the labels."""
    sites = people.table["site"].to_numpy()[judged]
    known = np.array([one is not None for one in sites], dtype=bool)
    tie = tie_to_names(people.target[judged][known], list(map(str, sites[known])), classes=len(card.classes))
    if tie is not None and tie.grade() in ("caution", "alarm"):
        yield (
            f"Site and label go together here ({tie.words}): a model that tells sites apart seems to tell labels. "
            "Rely on the figures within sites."
        )


def _is_enough(target: FloatArray, card: ModelCard) -> bool:
    if not card.classes:
        return target.size >= _SMALLEST_SITE
    return bool(np.bincount(target.astype(int), minlength=len(card.classes)).min() >= _SMALLEST_SITE_CLASS)


# ------------------------------------------------------------------ recalibration


def _recalibrate(applied: Applied, target: FloatArray, judged: IntArray, card: ModelCard) -> FloatArray | None:
    """Fit intercept and slope of the label on the score, and give everybody's recalibrated prediction.

    Of two classes the positive one's probability, by logistic regression without penalty (Platt 1999; Cox 1958); of a
    regression the outcome, by least squares. ``None`` of several classes, and where it is undefined: one class, or
    scores that separate the classes, whose slope would be infinite.
    """
    score, known = applied.scores[:, :1], target[judged]
    if len(card.classes) > 2 or judged.size < 3 or np.ptp(score[judged]) == 0 or np.ptp(known) == 0:
        return None
    if not card.classes:
        return np.asarray(LinearRegression().fit(score[judged], known).predict(score))
    low, high = (score[judged, 0][known == code] for code in (0, 1))
    if low.max() <= high.min() or high.max() <= low.min():
        return None
    scale = score[judged].std()
    fit = LogisticRegression(C=np.inf, tol=1e-8, max_iter=10_000).fit(score[judged] / scale, known.astype(int))
    return np.asarray(special.expit(fit.decision_function(score / scale)))


def _recalibrated_rows(
    recalibrated: FloatArray | None, target: FloatArray, context: _Context
) -> Iterator[PerformanceRow]:
    if recalibrated is None:
        return
    mine = recalibrated[context.judged]
    if context.model.card.classes:
        probabilities = np.column_stack([1 - mine, mine])
        applied = Applied(special.logit(mine)[:, None], (mine > 0.5).astype(float), probabilities)
    else:
        applied = Applied(mine[:, None], mine, None)
    names = ("roc_auc", "balanced_accuracy", "brier", "log_loss") if context.model.card.classes else ("r2", "mae")
    outcome = _outcome(applied, target[context.judged], replace(context, judged=np.arange(mine.size)))
    for name in names:
        yield replace(
            context.blank, model=RECALIBRATED, metric=name, estimate=METRICS[name](outcome), note=RECALIBRATED_NOTE
        )
