"""How well the out-of-fold scores tell people apart."""

import numpy as np

from bidsml.records import CVResult, FloatArray, Result
from bidsml.report.blocks import Block, Figure, Section, Table
from bidsml.report.figures import Curve, fold_dots, observed_predicted, roc_curves
from bidsml.report.lookup import find_cv, folds_of, name_primary, name_target
from bidsml.report.wording import CHANCE, METRIC_MEANING, estimate, interval, name_model, number, plural

_GRID = np.linspace(0, 1, 21)
_MODELS = ("biomarker", "nuisance", "nuisance+biomarker")
_SCATTER_BINS = 10


def section(result: Result) -> Section:
    """Draw ROC curves, or predicted against observed outcomes, and the figure of every fold."""
    main = result.cv[0]
    row = result.headline
    first = _roc(result, main) if result.task == "classification" else _scatter(result, main)
    blocks: list[Block] = [block for block in (first, _dots(result)) if block is not None]
    meaning = METRIC_MEANING.get(result.primary_metric, "")
    return Section(
        anchor="discrimination",
        title="Discrimination" if result.task == "classification" else "Prediction",
        lead=f"{name_primary(result)} {estimate(row.estimate)} ({interval(row.low, row.high)})"
        f"{f': {meaning}' if meaning else ''}.",
        blocks=tuple(blocks),
    )


# ------------------------------------------------------------------ ROC


def _roc(result: Result, cv: CVResult) -> Figure | None:
    outputs = _outputs(result)
    curves: list[Curve] = []
    areas: list[tuple[str, float]] = []
    means: list[tuple[str, FloatArray]] = []
    for output, code, label in outputs:
        repeats = _curves(result, cv, output, code)
        if not repeats:
            return None
        area = float(np.mean([np.trapezoid(y, x) for x, y in repeats]))
        if len(repeats) == 1:
            x, y = repeats[0]
        else:
            curves += [Curve(label, *pair, faint=True) for pair in repeats]
            x, y = _average(repeats)
        curves.append(Curve(f"{label}, AUC {area:.3f}", x, y))
        areas.append((label, area))
        means.append((label, np.interp(_GRID, x, y)))
    name = "roc"
    alt = _roc_words(result, cv, areas)
    rows = tuple((f"{x:.2f}", *(f"{y[i]:.3f}" for _, y in means)) for i, x in enumerate(_GRID))
    return Figure(
        name=name,
        svg=roc_curves(curves, name=name, alt=alt),
        alt=alt,
        table=Table("ROC curve", ("False positive rate", *(label for label, _ in means)), rows, text_columns=0),
    )


def _outputs(result: Result) -> list[tuple[int, int, str]]:
    """Column of the scores, class code and name of every curve."""
    cohort = result.cohort
    if len(cohort.classes) == 2:
        return [(0, cohort.classes.index(cohort.positive), cohort.positive)]
    return [(code, code, f"{name} against the rest") for code, name in enumerate(cohort.classes)]


def _curves(result: Result, cv: CVResult, output: int, code: int) -> list[tuple[FloatArray, FloatArray]]:
    """One ROC curve per repeat, from the scores of all its test folds pooled."""
    from sklearn.metrics import roc_curve

    curves = []
    for scores in cv.scores[:, :, output]:
        tested = np.isfinite(scores)
        truth = result.cohort.target[tested] == code
        if truth.any() and not truth.all():
            x, y, _ = roc_curve(truth, scores[tested])
            curves.append((x, y))
    return curves


def _average(curves: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Mean true positive rate at every false positive rate; its area is the mean of the areas."""
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    # A vertical step needs both its ends: the value just before and just after.
    after = np.mean([_upper(grid, x, y) for x, y in curves], axis=0)
    before = np.mean([_lower(grid, x, y) for x, y in curves], axis=0)
    return np.repeat(grid, 2), np.column_stack([before, after]).ravel()


def _upper(grid: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Value of a curve at ``grid``, at a vertical step its upper end."""
    last = np.searchsorted(x, grid, side="right") - 1
    exact = x[last] == grid
    return np.where(exact, y[last], np.interp(grid, x, y))


def _lower(grid: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Value of a curve at ``grid``, at a vertical step its lower end."""
    first = np.minimum(np.searchsorted(x, grid, side="left"), len(x) - 1)
    exact = x[first] == grid
    return np.where(exact, y[first], np.interp(grid, x, y))


def _roc_words(result: Result, cv: CVResult, areas: list[tuple[str, float]]) -> str:
    repeats = cv.scores.shape[0]
    said = "; ".join(f"{label}: area {area:.3f}" for label, area in areas)
    over = f", mean of {repeats} repeats (thin lines)" if repeats > 1 else ""
    pooled = ""
    if result.primary_metric == "roc_auc":
        pooled = (
            f" The curve pools the scores of all test folds; the headline of {estimate(result.headline.estimate)} "
            "may differ a little where it averages over folds."
        )
    return f"ROC curve from out-of-fold scores{over}: {said}; 0.5 is guessing.{pooled}"


# ------------------------------------------------------------------ regression


def _scatter(result: Result, cv: CVResult) -> Figure | None:
    tested = np.isfinite(cv.predictions).any(axis=0)
    if not tested.any():
        return None
    observed = result.cohort.target[tested]
    predicted = np.nanmean(cv.predictions[:, tested], axis=0)
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
    alt = f"{name_primary(result)} in each of {plural(len(folds), 'test fold')}: {said}."
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
