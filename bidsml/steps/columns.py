"""What the columns of published tables hold: one text for a name that several tables share."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

_SHARED: Mapping[str, str] = {
    "participant_id": "Participant",
    "estimator": "Model family, as [[estimators]] of the analysis names it",
    "model": "biomarker, or a baseline on the same folds",
    "design": "How people were split: the analysis's own folds, or leave-site-out",
    "metric": "Name of the figure",
    "repeat": "Number of the repeat, from 0",
    "fold": "Number of the fold, from 0",
    "low": "Lower end of the 95 % interval",
    "high": "Upper end of the 95 % interval",
    "interval": "How the 95 % interval was made",
    "n": "Number of people",
    "note": "What to know of this row; n/a where there is nothing",
    "output": "Class that the model scores, or the outcome",
    "feature": "Name of the feature",
    "p_method": "How p was found",
    # cohort.tsv
    "included": "Whether the person was analysed: yes or no",
    "gate": "Check at which the person left; n/a of those who stayed",
    "reason": "Why the person left",
    "label": "The target as it is in the dataset",
    # folds.tsv
    "name": "Name of the fold, such as the site that is left out",
    "role": "train or test",
    "inner_fold": "Number of the inner fold, of training rows",
    # predictions.tsv
    "observed": "The target as it is in the dataset",
    "predicted": "Out-of-fold prediction",
    "score": "Out-of-fold decision value of the positive class, or predicted outcome",
    # learning_curve.tsv
    "n_subsets": "Number of random subsets of that size",
    "scale": "Of the fitted power law, as asymptote",
    "exponent": "Of the fitted power law, as asymptote",
    "smallest_gain": "Gain that flat_from takes for nothing",
    # calibration.tsv, utility.tsv
    "positives": "Number of people of the positive class",
    "value": "The figure",
}
_FAMILIES: Mapping[str, str] = {
    "score_": "Out-of-fold score of this class",
    "n_": "Number of people of this class; hidden where few would be told",
    "rate_": "End of the 95 % band of true_positive_rate",
    "precision_": "End of the 95 % band of precision",
    "alone_": "Of alone: end of the 95 % interval, or how it was made",
    "without_": "Of without: end of the 95 % interval, or how it was made",
    "gain_": "End of the 95 % interval of gain",
}


def describe_columns(table: pd.DataFrame, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe every column of a table for its JSON sidecar.

    Parameters
    ----------
    own
        What the table itself says of its columns; it goes before what tables share. It may hold entries for no
        column, such as one for all the others.
    """
    described = dict(own or {})
    for name in map(str, table.columns):
        family = next((text for begins, text in _FAMILIES.items() if name.startswith(begins)), None)
        text = _SHARED.get(name, family)
        if text is not None:
            described.setdefault(name, {"Description": text})
    return described
