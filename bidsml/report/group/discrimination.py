"""How well the out-of-fold scores tell people apart."""

import numpy as np

from bidsml.records import CVResult, FloatArray, PerformanceRow, RankingCurve, Result
from bidsml.report.blocks import Block, Figure, Paragraph, References, Section, Table
from bidsml.report.curves import precision_plot, roc_plot
from bidsml.report.figures import fold_dots, observed_predicted
from bidsml.report.lookup import LEAVE_SITE_OUT, find_cv, folds_of, name_primary, name_target
from bidsml.report.references import BRAIN_AGE_BIAS
from bidsml.report.wording import (
    CHANCE,
    LOWER_IS_BETTER,
    METRIC_MEANING,
    estimate,
    interval,
    name_model,
    number,
    plural,
    start_sentence,
)

_STEP = 5
_CLOSE = 0.02
"""Two estimates nearer than this are called the same."""
_MODELS = ("biomarker", "nuisance", "nuisance+biomarker")
_SCATTER_BINS = 10
_FEWEST_FOR_TREND = 20


def section(result: Result) -> Section:
    """Draw ROC curves, or predicted against observed outcomes, and the figure of every fold."""
    main = result.cv[0]
    row = result.headline
    is_regression = result.task == "regression"
    drawn = [_scatter(result, main)] if is_regression else [_roc(result), _precision(result)]
    blocks: list[Block] = [block for block in (*drawn, _dots(result)) if block is not None]
    blocks += _reconciled(result)
    blocks += _shrinkage(result, main) if is_regression else []
    meaning = METRIC_MEANING.get(result.primary_metric, "")
    return Section(
        anchor="discrimination",
        title="Prediction" if is_regression else "Discrimination",
        lead=f"{start_sentence(name_primary(result))} {estimate(row.estimate)} ({interval(row.low, row.high)})"
        f"{f': {meaning}' if meaning else ''}.",
        blocks=tuple(blocks),
    )


# ------------------------------------------------------------------ ROC, precision and recall


def _chosen(result: Result) -> list[tuple[str, RankingCurve]]:
    """Curves to draw: of two classes the biomarker's beside the confounds'; of several, the biomarker's of each."""
    mine = [one for one in result.ranking if one.model == "biomarker"]
    if len(result.cohort.classes) > 2:
        return [(f"{one.output} against the rest", one) for one in mine]
    beside = [one for one in result.ranking if one.model == "nuisance"]
    return [(name_model(one.model), one) for one in mine + beside]


def _roc(result: Result) -> Figure | None:
    curves = [(f"{label}, AUC {one.roc_auc:.3f}", one) for label, one in _chosen(result)]
    if not curves:
        return None
    name = "roc"
    said = "; ".join(label for label, _ in curves)
    alt = f"ROC curve from out-of-fold scores{_over(result)}: {said}; 0.5 is guessing. {_BAND}"
    table = _curve_table("ROC curve", "False positive rate", _chosen(result), "true_positive_rate", "rate")
    return Figure(name=name, svg=roc_plot(curves, name=name, alt=alt), alt=alt, table=table)


def _precision(result: Result) -> Figure | None:
    curves = [(f"{label}, AP {one.average_precision:.3f}", one) for label, one in _chosen(result)]
    if not curves:
        return None
    name = "precision-recall"
    said = "; ".join(f"{label} (guessing: {one.prevalence:.3f})" for label, one in curves)
    alt = (
        f"Precision-recall curve{_over(result)}: {said}. Precision depends on how common the class is: in "
        f"a clinic where it is rarer than here, it is lower. {_BAND}"
    )
    table = _curve_table("precision-recall curve", "Recall", _chosen(result), "precision", "precision")
    return Figure(name=name, svg=precision_plot(curves, name=name, alt=alt), alt=alt, table=table)


_BAND = (
    "The band holds point by point, not for the whole curve at once: a bootstrap over people, widened for the training."
)


def _over(result: Result) -> str:
    repeats = result.cv[0].scores.shape[0]
    return f", mean of {repeats} repeats" if repeats > 1 else ""


def _curve_table(caption: str, across: str, curves: list[tuple[str, RankingCurve]], value: str, band: str) -> Table:
    at = np.arange(0, len(curves[0][1].grid), _STEP)
    columns = [across]
    cells = [[f"{curves[0][1].grid[i]:.2f}" for i in at]]
    for label, one in curves:
        columns += [label, "95 % band"]
        cells.append([f"{getattr(one, value)[i]:.3f}" for i in at])
        cells.append(
            [interval(float(getattr(one, f"{band}_low")[i]), float(getattr(one, f"{band}_high")[i])) for i in at]
        )
    return Table(caption, tuple(columns), tuple(zip(*cells, strict=True)), text_columns=0)


# ------------------------------------------------------------------ three figures of one thing


def _reconciled(result: Result) -> list[Block]:
    """Put the ways to bring folds together side by side, and say why they differ; nothing where there is one."""
    metric, headline = result.primary_metric, result.headline
    rows = [
        row
        for row in result.performance
        if (row.estimator, row.model, row.metric) == (headline.estimator, "biomarker", metric)
        and row.design in (headline.design, LEAVE_SITE_OUT)
        and "cross-check" not in row.note
    ]
    if len(rows) < 2:
        return []
    named = [(_way(row, headline), row) for row in rows]
    table = Table(
        f"One model, {len(rows)} ways to say its {name_primary(result)}",
        ("How the test people are brought together", name_primary(result), "95 % interval"),
        tuple((way, estimate(row.estimate), interval(row.low, row.high)) for way, row in named),
    )
    return [table, Paragraph(_explain(headline, rows, result))]


def _way(row: PerformanceRow, headline: PerformanceRow) -> str:
    folds = "pooled over all test people" if row.note == "pooled" else row.note or "as the design gives it"
    if row.design == LEAVE_SITE_OUT and headline.design != LEAVE_SITE_OUT:
        return f"each site left out in turn, {folds}"
    return f"{folds}{' (the headline)' if row is headline else ''}"


def _explain(headline: PerformanceRow, rows: list[PerformanceRow], result: Result) -> str:
    pooled = next((row for row in rows if row.design == headline.design and row is not headline), None)
    left_out = next((row for row in rows if row.design == LEAVE_SITE_OUT and row is not headline), None)
    said = []
    if pooled is not None:
        apart = abs(pooled.estimate - headline.estimate)
        why = "." if apart < _CLOSE else ": small folds do that by chance, and models of different scale do it too."
        said.append(
            "The mean over folds compares people of one fold with each other; pooling also compares people of "
            f"different folds, who were scored by different models. Here the two are {estimate(apart)} apart{why}"
        )
    if left_out is not None:
        difference = left_out.estimate - headline.estimate
        is_worse = difference > 0 if result.primary_metric in LOWER_IS_BETTER else difference < 0
        verdict = "about the same" if abs(difference) < _CLOSE else f"{estimate(abs(difference))} better"
        if is_worse and abs(difference) >= _CLOSE:
            verdict = f"{estimate(abs(difference))} worse, which may be what the model took from knowing the site"
        said.append(
            "Leaving each site out asks for more: to hold at a scanner never seen, trained on fewer people. Against "
            f"the headline it is {verdict}."
        )
    return " ".join(said)


# ------------------------------------------------------------------ regression


def _scatter(result: Result, cv: CVResult) -> Figure | None:
    observed, predicted = _tested(result, cv)
    if not observed.size:
        return None
    correlation = float(np.corrcoef(observed, predicted)[0, 1])
    error = float(np.abs(observed - predicted).mean())
    target = name_target(result)
    repeats = f" (mean of {cv.predictions.shape[0]} repeats)" if cv.predictions.shape[0] > 1 else ""
    alt = (
        f"Predicted{repeats} against observed {target} of {len(observed)} people: correlation {number(correlation)}, "
        f"mean distance from the truth {number(error)}."
    )
    name = "observed-predicted"
    return Figure(
        name=name,
        svg=observed_predicted(observed, predicted, label=target, name=name, alt=alt),
        alt=alt,
        table=_binned(observed, predicted, target),
    )


def _tested(result: Result, cv: CVResult) -> tuple[FloatArray, FloatArray]:
    """Observed and predicted outcome (mean over repeats) of everyone whom some fold tested."""
    tested = np.isfinite(cv.predictions).any(axis=0)
    return result.cohort.target[tested], np.nanmean(cv.predictions[:, tested], axis=0)


def _shrinkage(result: Result, cv: CVResult) -> list[Block]:
    """Say how far predictions are drawn to the mean, so that nobody takes their error for a trait."""
    observed, predicted = _tested(result, cv)
    if len(observed) < _FEWEST_FOR_TREND or not np.ptp(observed):
        return []
    slope = float(np.polyfit(observed, predicted, 1)[0])
    correlation = float(np.corrcoef(observed, predicted - observed)[0, 1])
    target = name_target(result)
    said = (
        f"Predictions are drawn towards the mean: where the observed {target} is higher by 1, the prediction is higher "
        f"by {number(slope, 2)}, and predicted minus observed correlates with {target} at {number(correlation, 2)}. "
        f"That difference alone is therefore no measure of a person (a “gap”): people of unlike {target} differ in it "
        f"by construction, and so do groups of unlike {target}, unless {target} is taken out of it first."
    )
    return [Paragraph(said), References((BRAIN_AGE_BIAS,))]


def _binned(observed: FloatArray, predicted: FloatArray, target: str) -> Table:
    bins = np.array_split(np.argsort(observed, kind="stable"), max(1, min(_SCATTER_BINS, len(observed) // 5)))
    rows = tuple(
        (
            f"{number(float(observed[rows].min()))} to {number(float(observed[rows].max()))}",
            str(len(rows)),
            number(float(observed[rows].mean())),
            number(float(predicted[rows].mean())),
        )
        for rows in bins
    )
    columns = (f"Observed {target}", "People", "Mean observed", "Mean predicted")
    return Table("predictions by equal parts of the people; single people are in predictions.tsv", columns, rows)


# ------------------------------------------------------------------ folds


def _dots(result: Result) -> Figure | None:
    metric = result.primary_metric
    results = [cv for model in _MODELS if (cv := find_cv(result, model)) is not None]
    groups = [
        (name_model(cv.model, result.task), cv.fold_metrics[metric])
        for cv in results
        if np.isfinite(cv.fold_metrics.get(metric, np.array([]))).any()
    ]
    if not groups:
        return None
    said = "; ".join(
        f"{label} mean {estimate(float(np.nanmean(values)))} "
        f"({estimate(float(np.nanmin(values)))} to {estimate(float(np.nanmax(values)))})"
        for label, values in groups
    )
    folds = folds_of(result, result.cv[0].design)
    alt = f"{start_sentence(name_primary(result))} in each of {plural(len(folds), 'test fold')}: {said}."
    name = "folds"
    rows = tuple(
        (fold.name, str(fold.repeat + 1), str(len(fold.test)), *(estimate(float(v[i])) for _, v in groups))
        for i, fold in enumerate(folds)
    )
    columns = ("Fold", "Repeat", "People", *(label for label, _ in groups))
    return Figure(
        name=name,
        svg=fold_dots(groups, label=name_primary(result), chance=CHANCE.get(metric), name=name, alt=alt),
        alt=alt,
        table=Table(f"{name_primary(result)} by fold", columns, rows),
    )
