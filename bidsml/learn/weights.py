"""What a linear model looks at, over folds."""

import numpy as np

from bidsml.records import Cohort, CVResult, FeatureSet, FloatArray, Weights


def summarise_weights(result: CVResult, features: FeatureSet, cohort: Cohort) -> Weights | None:
    """Average weights and patterns over the folds that used a feature.

    ``stability`` is the share of those folds whose weight has the sign of the mean weight. A feature that was
    dropped in every fold is NaN throughout.

    Returns
    -------
    Weights or None
        ``None`` for a model without weights.
    """
    if result.weights is None or result.patterns is None:
        return None
    weight = _mean(result.weights)
    used = np.isfinite(result.weights)
    agrees = used & (np.sign(np.nan_to_num(result.weights)) == np.sign(np.nan_to_num(weight)))
    counts = used.sum(axis=0)
    stability = np.where(counts > 0, agrees.sum(axis=0) / np.maximum(counts, 1), np.nan)
    return Weights(
        estimator=result.estimator,
        names=features.names,
        weight=weight,
        pattern=_mean(result.patterns),
        stability=stability,
        outputs=_outputs(cohort),
    )


def _mean(values: FloatArray) -> FloatArray:
    """Mean over folds, NaN passed over."""
    used = np.isfinite(values)
    counts = used.sum(axis=0)
    return np.where(counts > 0, np.where(used, values, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _outputs(cohort: Cohort) -> tuple[str, ...]:
    if not cohort.classes:
        return ("outcome",)
    return (cohort.positive,) if len(cohort.classes) == 2 else cohort.classes
