"""Out-of-fold normative scores of everyone, to be used on their own."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LinearRegression

from bidsml.learn.crossval import model_input
from bidsml.learn.deviations import reference_flags
from bidsml.learn.normative import N_LEADING, NormativeScores
from bidsml.learn.preparation import fit_preparation, kept_columns, without_warning
from bidsml.records import Cohort, Deviations, FeatureSet, FloatArray, Fold
from bidsml.spec import AnalysisSpec


def score_deviations(
    features: FeatureSet, cohort: Cohort, folds: Sequence[Fold], *, spec: AnalysisSpec
) -> Deviations | None:
    """Score everyone by a norm that was fitted without them; ``None`` where the analysis has no norm.

    Parameters
    ----------
    folds
        Of the whole analysis; the first design's first repeat is taken.
    """
    if spec.normative is None:
        return None
    given = model_input(features, cohort, spec=spec, model="biomarker")
    mine = [fold for fold in folds if fold.design == folds[0].design and fold.repeat == 0]
    shape = len(cohort.target), given.n_features
    z, raw, unseen = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape[0], dtype=bool)
    for fold in mine:
        preparation = fit_preparation(given, fold.train)
        norm: NormativeScores = preparation["normative"]
        columns = kept_columns(preparation, given.blocks)
        with without_warning():
            train, test = (
                np.asarray(preparation["columns"].transform(given.values[rows])) for rows in (fold.train, fold.test)
            )
        unknown = np.isnan(test[:, norm.n_features_in_ - norm.n_design + N_LEADING :]).any(axis=1)
        place = np.ix_(fold.test, columns)
        z[place] = np.where(unknown[:, None], np.nan, norm.transform(test))
        raw[place] = np.where(np.isnan(z[place]), np.nan, _plain_residuals(train, test, norm))
        unseen[fold.test] = ~np.isin(test[:, -norm.n_design], norm.sites_)
    return Deviations(
        design=mine[0].design,
        names=features.names,
        z=z,
        raw=raw,
        reference=reference_flags(cohort, spec) > 0,
        unseen=unseen,
    )


def _plain_residuals(train: FloatArray, test: FloatArray, norm: NormativeScores) -> FloatArray:
    """Residuals of plain regression in standard deviations of those that it was fitted to, ``(n, n_features)``."""
    n_features = norm.n_features_in_ - norm.n_design
    reference = train[train[:, n_features + 1] > 0]
    designs = [norm.basis_.fill(rows[:, n_features + N_LEADING :]) for rows in (reference, test)]
    designs = [design if design.shape[1] else np.zeros((len(design), 1)) for design in designs]
    mean = np.nanmean(reference[:, :n_features], axis=0)
    known = np.where(np.isnan(reference[:, :n_features]), mean, reference[:, :n_features])
    fit = LinearRegression().fit(designs[0], known)
    deviation = (known - fit.predict(designs[0])).std(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((test[:, :n_features] - fit.predict(designs[1])) / deviation)
