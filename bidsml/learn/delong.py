"""Variance of AUCs of one set of people, and covariance of several, by the theory of U-statistics."""

import numpy as np
from scipy import stats

from bidsml.records import FloatArray


def placement_values(positive: FloatArray, negative: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share of the other class that each person outranks (negatives: is outranked by), ties half.

    By midranks, in n log n steps (Sun and Xu 2014, doi 10.1109/LSP.2014.2337313).

    Parameters
    ----------
    positive, negative
        Scores, ``(n_positive,)`` and ``(n_negative,)``.

    Returns
    -------
    tuple
        Of the positives ``(n_positive,)`` and of the negatives ``(n_negative,)``; the mean of either is the AUC.
    """
    together = stats.rankdata(np.concatenate([positive, negative]))
    of_positive = (together[: positive.size] - stats.rankdata(positive)) / negative.size
    of_negative = 1 - (together[positive.size :] - stats.rankdata(negative)) / positive.size
    return of_positive, of_negative


def delong(truth: np.ndarray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """AUCs of several models on the same people, and their covariance.

    DeLong, DeLong and Clarke-Pearson 1988, doi 10.2307/2531595. Repeats of a cross-validation are averaged:
    the mean of the repeats' AUCs is a U-statistic too, whose placement values are the repeats' means. The scores are
    taken as given, so that nothing of the variance is due to fitting the models on a sample.

    Parameters
    ----------
    truth
        ``(n,)``, true for the positive class; both classes must occur twice or more.
    scores
        ``(n_models, n_repeats, n)``.

    Returns
    -------
    tuple
        AUCs ``(n_models,)`` and covariance ``(n_models, n_models)``.
    """
    pairs = [[placement_values(repeat[truth], repeat[~truth]) for repeat in model] for model in scores]
    of_positive = np.array([np.mean([pair[0] for pair in model], axis=0) for model in pairs])  # (n_models, n_positive)
    of_negative = np.array([np.mean([pair[1] for pair in model], axis=0) for model in pairs])
    covariance = np.cov(of_positive) / of_positive.shape[1] + np.cov(of_negative) / of_negative.shape[1]
    return of_positive.mean(axis=1), np.atleast_2d(covariance)
