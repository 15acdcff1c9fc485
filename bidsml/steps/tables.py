"""Published tables of weights, patterns, calibration, utility, learning curve and subgroups."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bidsml.records import CalibrationCurve, LearningCurve, PatternNull, Result, SubgroupRow, Utility
from bidsml.report.disclosure import protect_counts
from bidsml.steps.blocktable import BLOCKS, blocks_table

Description = Mapping[str, Mapping[str, str]]


def evaluation_tables(result: Result) -> dict[str, tuple[pd.DataFrame, Description]]:
    """Make every table that the result has something for: file stem, content, and what its columns mean."""
    makers: tuple[tuple[str, Any, Callable[[Result], pd.DataFrame], Description], ...] = (
        ("weights", result.weights, weights_table, _WEIGHTS),
        ("patterns", _grouped(result), patterns_table, _PATTERNS),
        ("calibration", result.calibration, calibration_table, _CALIBRATION),
        ("utility", result.utility, utility_table, _UTILITY),
        ("decision_curve", _drawn(result), decision_table, _DECISION),
        ("learning_curve", result.learning_curves, learning_curve_table, _LEARNING),
        ("subgroups", result.subgroups, subgroup_table, _SUBGROUPS),
        ("blocks", result.blocks_added, blocks_table, BLOCKS),
        ("curves", result.ranking, curves_table, _CURVES),
        ("zscores", result.deviations, zscores_table, _ZSCORES),
    )
    return {name: (make(result), description) for name, content, make, description in makers if content}


def _drawn(result: Result) -> list[Utility]:
    return [one for one in result.utility if one.threshold_probability.size]


def _grouped(result: Result) -> list[tuple[str, PatternNull]]:
    """Regions and networks of every estimator."""
    return [(null.estimator, one) for null in result.nulls for one in null.patterns if one.level != "feature"]


def weights_table(result: Result) -> pd.DataFrame:
    """Weight, Haufe pattern, sign stability and corrected p of every feature of every linear model."""
    tested = {null.estimator: null.patterns[0] for null in result.nulls if null.patterns}
    parts = []
    for weights in result.weights:
        null = tested.get(weights.estimator)
        for index, output in enumerate(weights.outputs):
            columns: dict[str, Any] = {
                "estimator": weights.estimator,
                "output": output,
                "feature": weights.names,
                "weight": weights.weight[:, index],
                "pattern": weights.pattern[:, index],
                "stability": weights.stability[:, index],
            }
            if null is not None:
                columns |= {"correlation": null.correlation, "z": null.observed, "p_corrected": null.p}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts)


_WEIGHTS: Description = {
    "weight": {"Description": "Weight per unit of the feature, mean over folds; not to be read as an effect"},
    "pattern": {"Description": "Forward pattern (Haufe 2014), over folds: how the feature goes with the decision"},
    "stability": {"Description": "Share of folds whose weight has the sign of the mean weight"},
    "correlation": {"Description": "Correlation of the feature with the decision over training rows, mean over folds"},
    "z": {"Description": "The correlation in standard deviations of pilot draws with shuffled labels"},
    "p_corrected": {"Description": "Permutation p of z, two-sided, corrected over all features"},
}


def patterns_table(result: Result) -> pd.DataFrame:
    """Corrected p of regions and networks, of every linear model."""
    parts = [
        pd.DataFrame(
            {"estimator": name, "level": one.level, "name": one.names, "rms_z": one.observed, "p_corrected": one.p}
        )
        for name, one in _grouped(result)
    ]
    return pd.concat(parts)


_PATTERNS: Description = {
    "name": {"Description": "Name of the region, or of the network or the two networks"},
    "level": {"Description": "region: all edges of it; network: all features of a network or of a pair of networks"},
    "rms_z": {"Description": "Root mean square of the features' z"},
    "p_corrected": {"Description": "Permutation p of rms_z, corrected over all names of the level"},
}


def _named(record: CalibrationCurve | Utility) -> dict[str, Any]:
    return {"estimator": record.estimator, "model": record.model, "design": record.design}


def calibration_table(result: Result) -> pd.DataFrame:
    """One row per part of the predicted probabilities, and one with a note where a model gives none."""
    parts = []
    for curve in result.calibration:
        shared = {"slope": curve.slope, "intercept": curve.intercept, "ece": curve.ece, "note": curve.note or None}
        columns = {
            "part": np.arange(1, curve.n.size + 1) if curve.n.size else [None],
            **{
                name: getattr(curve, name) if curve.n.size else [None]
                for name in ("n", "positives", "predicted", "observed", "low", "high")
            },
        }
        parts.append(pd.DataFrame({**_named(curve), **columns, **shared}).astype(object))
    return pd.concat(parts)


_CALIBRATION: Description = {
    "part": {"Description": "Equal parts of the people by predicted probability of the positive class, rising"},
    "predicted": {"Description": "Mean predicted probability, out of fold, first repeat"},
    "observed": {"Description": "Share of positive people"},
    "low": {"Description": "Lower end of the observed share's 95 % interval (Wilson)"},
    "high": {"Description": "Upper end of the observed share's 95 % interval (Wilson)"},
    "slope": {"Description": "Slope of the label's log odds on the predicted log odds; 1 is perfect"},
    "intercept": {"Description": "Shift of the log odds that makes the mean probability right; 0 is perfect"},
    "ece": {"Description": "Expected calibration error: mean distance of predicted and observed, weighted by people"},
}


def utility_table(result: Result) -> pd.DataFrame:
    """Confusion matrix and predictive values, one figure a row."""
    rows: list[dict[str, Any]] = []
    for utility in result.utility:
        shared = {**_named(utility), "threshold": utility.threshold, "scale": utility.scale}
        for truth, counts in zip(result.cohort.classes, utility.confusion.tolist(), strict=True):
            for predicted, count in zip(result.cohort.classes, counts, strict=True):
                rows.append({**shared, "figure": "count", "truth": truth, "predicted": predicted, "value": count})
        for figure, values in (("ppv", utility.ppv), ("npv", utility.npv)):
            for prevalence, value in zip(utility.prevalence.tolist(), values.tolist(), strict=True):
                rows.append({**shared, "figure": figure, "prevalence": prevalence, "value": value})
    columns = ["estimator", "model", "design", "scale", "threshold", "figure", "truth", "predicted", "prevalence"]
    return pd.DataFrame(rows, columns=[*columns, "value"])


_UTILITY: Description = {
    "scale": {"Description": "What the threshold is a threshold of"},
    "threshold": {"Description": "Above it, the positive class is predicted"},
    "figure": {"Description": "count (of people), ppv or npv (positive and negative predictive value)"},
    "truth": {"Description": "count: true class"},
    "predicted": {"Description": "count: predicted class, out of fold, first repeat"},
    "prevalence": {"Description": "ppv, npv: assumed share of the positive class; the last is that of the sample"},
}


def decision_table(result: Result) -> pd.DataFrame:
    """Net benefit by threshold probability."""
    parts = [
        pd.DataFrame(
            {
                **_named(utility),
                "threshold_probability": utility.threshold_probability,
                "net_benefit": utility.net_benefit,
                "treat_all": utility.treat_all,
                "treat_none": 0.0,
            }
        )
        for utility in _drawn(result)
    ]
    return pd.concat(parts)


_DECISION: Description = {
    "threshold_probability": {"Description": "Probability of the positive class from which on one would act"},
    "net_benefit": {"Description": "TP/n - FP/n t/(1 - t) when acting on the model (Vickers and Elkin 2006)"},
    "treat_all": {"Description": "Net benefit of acting on everyone"},
    "treat_none": {"Description": "Net benefit of acting on nobody"},
}


def learning_curve_table(result: Result) -> pd.DataFrame:
    """One row per training size, and the fitted law."""
    return pd.concat([_curve_rows(curve) for curve in result.learning_curves])


def _curve_rows(curve: LearningCurve) -> pd.DataFrame:
    own = ("size", "estimate", "low", "high", "n_subsets")
    law = ("interval", "asymptote", "scale", "exponent", "gain", "flat_from", "smallest_gain", "note")
    columns: dict[str, Any] = {name: getattr(curve, name) for name in ("estimator", "design", "metric", *own, *law)}
    return pd.DataFrame(
        {name: value if not isinstance(value, str) else value or None for name, value in columns.items()}
    )


_LEARNING: Description = {
    "size": {"Description": "Training people, mean over folds"},
    "estimate": {"Description": "Primary metric on the same test people, mean over folds and random subsets"},
    "asymptote": {"Description": "Of the fitted power law: asymptote - scale size^(-exponent)"},
    "gain": {"Description": "Further gain that the law expects from twice the largest size"},
    "flat_from": {
        "Description": "Size from which twice as many bring less than smallest_gain; n/a: not within the data"
    },
}


def subgroup_table(result: Result) -> pd.DataFrame:
    """One row per subgroup; cells of fewer than five people are hidden, and those that would give them away."""
    rows = [
        _subgroup_row(row, counts, result.cohort.classes)
        for design, column in dict.fromkeys((row.design, row.column) for row in result.subgroups)
        for row, counts in protected_subgroups(result, column, design=design)
    ]
    return pd.DataFrame(rows)


def protected_subgroups(result: Result, column: str, *, design: str) -> list[tuple[SubgroupRow, list[str]]]:
    """Subgroups of one column and design with their counts as they may be shown."""
    mine = [row for row in result.subgroups if (row.design, row.column) == (design, column)]
    return list(zip(mine, protect_counts(np.array([row.counts for row in mine])), strict=True))


def _subgroup_row(row: SubgroupRow, counts: list[str], classes: tuple[str, ...]) -> dict[str, Any]:
    people = {f"n_{name}": count for name, count in zip(classes or ("people",), counts, strict=True)}
    figures = {name: getattr(row, name) for name in ("metric", "estimate", "low", "high")}
    words = {name: getattr(row, name) or None for name in ("interval", "note")}
    named = {"estimator": row.estimator, "design": row.design, "column": row.column, "level": row.level}
    return {**named, **people, **figures, **words}


_SUBGROUPS: Description = {
    "column": {"Description": "Column of participants.tsv"},
    "level": {"Description": "Its value, or a third of the people"},
    "estimate": {"Description": "Primary metric of the pooled out-of-fold predictions in the subgroup"},
}


def zscores_table(result: Result) -> pd.DataFrame:
    """Normative scores of everyone, out of fold: one row per participant, one column per feature, four decimals."""
    found = result.deviations
    if found is None:
        return pd.DataFrame()
    who = {
        "participant_id": [f"sub-{label}" for label in result.cohort.participant_id],
        "reference": ["yes" if one else "no" for one in found.reference],
    }
    scored = pd.DataFrame(np.round(found.z, 4), columns=list(found.names))
    return pd.concat([pd.DataFrame(who), scored], axis=1)


_ZSCORES: Description = {
    "reference": {"Description": "Whether the person meets the condition on those who define the norm"},
    "all other columns": {
        "Description": "z of that feature: (value - expected) / predictive standard deviation, by a norm that was "
        "fitted without the person (default design, first repeat); n/a where value, covariate or norm is missing",
    },
}


def curves_table(result: Result) -> pd.DataFrame:
    """ROC and precision-recall curves on one grid, with their bands."""
    columns = ("grid", "true_positive_rate", "rate_low", "rate_high", "precision", "precision_low", "precision_high")
    parts = []
    for curve in result.ranking:
        named = {"estimator": curve.estimator, "model": curve.model, "design": curve.design, "class": curve.output}
        parts.append(pd.DataFrame({**named, **{name: getattr(curve, name) for name in columns}}))
    return pd.concat(parts)


_CURVES: Description = {
    "class": {"Description": "Class that counts as positive, against all others"},
    "grid": {"Description": "False positive rate of true_positive_rate; recall of precision"},
    "true_positive_rate": {"Description": "Mean over repeats; rate_low and rate_high are a band point by point"},
    "precision": {"Description": "Mean over repeats; precision_low and precision_high are a band point by point"},
}
