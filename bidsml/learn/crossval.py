"""Cross-validate one model on one design."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import ParameterGrid

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.deviations import normative_design
from bidsml.learn.fitting import (
    FittedFold,
    Recipe,
    fit_fold,
    make_recipe,
    prepare_fold,
)
from bidsml.learn.fusion import block_views
from bidsml.learn.harmonise import combat_design
from bidsml.learn.metrics import METRICS, Metric, Outcome, find_metric, metrics_of
from bidsml.learn.preparation import ModelInput
from bidsml.records import Cohort, CVResult, FeatureBlock, FeatureSet, FloatArray, Fold, IntArray, Model
from bidsml.spec import AnalysisSpec, EstimatorSpec, column_name

Aggregate = Literal["fold mean", "pooled"]

# Fewest test rows of a class (of a regression: in all) for which a fold's own figure means something.
_MIN_CLASS_ROWS = 2
_MIN_FOLDS = 5
_MIN_ROWS = 10


def cross_validate(
    features: FeatureSet,
    cohort: Cohort,
    folds: Sequence[Fold],
    *,
    spec: AnalysisSpec,
    estimator: EstimatorSpec,
    model: Model,
    seed: int,
) -> CVResult:
    """Predict every test row of every fold of one design.

    Models: ``biomarker`` (the features), ``nuisance`` (the nuisance columns alone), ``nuisance+biomarker`` (both) with
    the given estimator, and ``majority`` (class shares, or the mean outcome, of the training rows). Of two
    classes, scores are for code 1, which is ``cohort.positive``.

    Weights and patterns are kept for linear biomarkers: per unit of each feature, after harmonising and nuisance
    regression where there are any; NaN where a feature was dropped in the fold. Weights of one design and estimator
    are ``(n_folds, n_features, n_outputs)``.

    Raises
    ------
    AnalysisFileError
        A nuisance model is asked for and the analysis names no nuisance columns.
    DataError
        The features don't cover the cohort, or none is usable.
    """
    _check_design(folds)
    recipe = recipe_of(cohort, spec=spec, estimator=estimator, model=model, seed=seed)
    seen = select_blocks(features, estimator.features)
    given = model_input(seen.features, cohort, spec=spec, model=model)
    keep = model == "biomarker" and recipe.kind.linear
    fits: list[FittedFold] = []
    weights: list[tuple[FloatArray, FloatArray]] = []
    for fold in folds:
        prepared = prepare_fold(given, fold, recipe=recipe, keep_basis=keep)
        fit = fit_fold(prepared, cohort.target, recipe=recipe)
        if model == "majority" and cohort.classes:
            # It ranks nobody: its class shares differ from fold to fold, and against the test fold's own.
            fit = replace(fit, scores=np.zeros_like(fit.scores))
        if keep:
            weights.append(_weights(fit, n_features=len(seen.columns)))
        fits.append(fit.without_model())
    result = collect(fits, folds, cohort, recipe=recipe)
    return replace(
        result,
        estimator=estimator.name,
        model=model,
        weights=np.stack([seen.expand(weight) for weight, _ in weights]) if keep else None,
        patterns=np.stack([seen.expand(pattern) for _, pattern in weights]) if keep else None,
    )


@dataclass(frozen=True)
class SeenFeatures:
    """The feature blocks that an estimator sees, and which columns of all features they are, ``(n_seen,)``."""

    features: FeatureSet
    columns: IntArray
    n_features: int

    def expand(self, values: FloatArray) -> FloatArray:
        """Put values of the seen features ``(n_seen, …)`` among all, NaN for the others."""
        whole = np.full((self.n_features, *values.shape[1:]), np.nan)
        whole[self.columns] = values
        return whole


def select_blocks(features: FeatureSet, names: Sequence[str]) -> SeenFeatures:
    """Select feature blocks by name; all where none is named."""
    blocks = [block for block in features.blocks if block.name in names or not names]
    columns = np.concatenate([np.arange(block.start, block.stop) for block in blocks])
    if columns.size == len(features.names):
        return SeenFeatures(features, columns, columns.size)
    stops = np.cumsum([block.stop - block.start for block in blocks]).tolist()
    moved = [
        replace(block, start=stop - (block.stop - block.start), stop=stop)
        for block, stop in zip(blocks, stops, strict=True)
    ]
    some = replace(
        features,
        names=tuple(features.names[column] for column in columns),
        values=features.values[:, columns],
        blocks=tuple(moved),
    )
    return SeenFeatures(some, columns, len(features.names))


def _check_design(folds: Sequence[Fold]) -> None:
    designs = {fold.design for fold in folds}
    if len(designs) != 1:
        raise ValueError(f"expected the folds of one design, found {sorted(designs)}")


def recipe_of(cohort: Cohort, *, spec: AnalysisSpec, estimator: EstimatorSpec, model: Model, seed: int) -> Recipe:
    """Say what is fitted for a model."""
    metric = find_metric(spec.primary_metric, spec.target.task)
    # scikit-learn takes 32-bit seeds.
    state = int(np.random.SeedSequence(seed).generate_state(1)[0])
    recipe = make_recipe(estimator, task=spec.target.task, n_classes=len(cohort.classes), metric=metric, seed=state)
    if model != "majority":
        return recipe
    dummy = DummyClassifier(strategy="prior") if recipe.task == "classification" else DummyRegressor(strategy="mean")
    plain = replace(recipe.kind, rotation_invariant=False, in_row_space=False, linear=False)
    return replace(recipe, kind=plain, estimator=dummy, grid=tuple(ParameterGrid({})))


def model_input(features: FeatureSet, cohort: Cohort, *, spec: AnalysisSpec, model: Model) -> ModelInput:
    """Lay out a model's columns, row for row with the cohort.

    Raises
    ------
    AnalysisFileError
        The model needs nuisance columns and there are none.
    DataError
        A participant of the cohort has no features.
    """
    n = len(cohort.target)
    nothing = np.empty((n, 0))
    limit = spec.cv.max_missing
    if model == "majority":
        return ModelInput(np.arange(n, dtype=float)[:, None], (_one_block("none", 1),), 0, nothing, limit)
    if "nuisance" in model and not cohort.nuisance_names:
        raise AnalysisFileError(
            f"model {model!r} needs nuisance columns and the analysis names none", hint="fill nuisance.columns"
        )
    if model == "nuisance":
        # The same columns are in the baseline of every fold. Where none of them varies (the site, when one of two
        # is left out), it knows nothing and predicts alike for everyone; that is no fault of the analysis.
        block = _one_block("nuisance", cohort.nuisance.shape[1])
        return ModelInput(cohort.nuisance, (block,), 0, nothing, max_missing=1.0, keep_constant=True)
    row = {person: number for number, person in enumerate(features.participant_id)}
    without = [person for person in cohort.participant_id if person not in row]
    if without:
        raise DataError(f"no features for participants {', '.join(without)}", hint="run the participant level")
    values = features.values[[row[person] for person in cohort.participant_id]]
    if np.isinf(values).any():
        raise DataError(f"feature {features.names[int(np.isinf(values).any(axis=0).argmax())]!r} is infinite")
    regressed = {column_name(reference) for reference in spec.nuisance.regress}
    columns = [number for number, source in enumerate(cohort.nuisance_source) if source in regressed]
    design = combat_design(cohort, spec)
    normative = normative_design(cohort, spec)
    return ModelInput(
        values=np.hstack([values, cohort.nuisance[:, columns], design, normative.columns]),
        blocks=features.blocks,
        n_regressed=len(columns),
        beside=cohort.nuisance if model == "nuisance+biomarker" else nothing,
        max_missing=limit,
        n_design=design.shape[1],
        unseen_site=spec.nuisance.unseen_site,
        normative=normative if normative.scores else None,
        views=block_views(spec.fusion, len(features.blocks)),
        stacked=spec.fusion.kind == "stacking" and len(features.blocks) > 1,
    )


def _one_block(name: str, n_columns: int) -> FeatureBlock:
    return FeatureBlock(name, kind="table", measure="", layout="vector", start=0, stop=n_columns)


def _weights(fit: FittedFold, *, n_features: int) -> tuple[FloatArray, FloatArray]:
    """Weights and Haufe patterns of one fold in the features' own units, each ``(n_features, n_outputs)``.

    The pattern of an output is cov(X, ŝ) / var(ŝ) over the training rows (Haufe 2014, eq. 7,
    doi 10.1016/j.neuroimage.2013.10.067), output by output.
    """
    centred = [part.split.train - part.split.train.mean(axis=0) for part in fit.parts]
    decisions = np.asarray(sum(rows @ part.coef.T for rows, part in zip(centred, fit.parts, strict=True)))
    variance = (decisions**2).sum(axis=0)
    weights = np.full((n_features, decisions.shape[1]), np.nan)
    patterns = weights.copy()
    for rows, part in zip(centred, fit.parts, strict=True):
        split, coordinates, covariance = part.split, part.coef.T, rows.T @ decisions
        if split.basis is not None:
            coordinates, covariance = split.basis @ coordinates, split.basis @ covariance
        with np.errstate(invalid="ignore", divide="ignore"):
            pattern = np.where(variance > 0, covariance / variance, 0.0)
        weights[split.columns] = coordinates / split.scale[:, None]
        patterns[split.columns] = pattern * split.scale[:, None]
    return weights, patterns


def collect(fits: Sequence[FittedFold], folds: Sequence[Fold], cohort: Cohort, *, recipe: Recipe) -> CVResult:
    """Gather the folds' predictions into arrays over repeats and participants, with every metric per fold."""
    n_repeats = 1 + max(fold.repeat for fold in folds)
    n = len(cohort.target)
    first = fits[0]
    scores = np.full((n_repeats, n, first.scores.shape[1]), np.nan)
    predictions = np.full((n_repeats, n), np.nan)
    probabilities = None if first.probabilities is None else np.full((n_repeats, n, recipe.n_classes), np.nan)
    for fit, fold in zip(fits, folds, strict=True):
        scores[fold.repeat, fold.test] = fit.scores
        predictions[fold.repeat, fold.test] = fit.predictions
        if probabilities is not None and fit.probabilities is not None:
            probabilities[fold.repeat, fold.test] = fit.probabilities
    result = CVResult(
        estimator="",
        model="biomarker",
        design=folds[0].design,
        scores=scores,
        predictions=predictions,
        probabilities=probabilities,
        fold_metrics={},
        chosen=tuple(dict(fit.chosen) for fit in fits),
    )
    outcomes = [fold_outcome(result, fold, cohort) for fold in folds]
    names = metrics_of(recipe.task)
    return replace(
        result, fold_metrics={name: np.array([METRICS[name](outcome) for outcome in outcomes]) for name in names}
    )


def fold_outcome(result: CVResult, fold: Fold, cohort: Cohort) -> Outcome:
    """Predictions and truth of one fold's test rows."""
    return _outcome(result, fold.repeat, fold.test, cohort, train_mean=_train_means([fold], cohort))


def pooled_outcome(result: CVResult, folds: Sequence[Fold], cohort: Cohort, *, repeat: int) -> Outcome:
    """Predictions and truth of all rows that one repeat tests."""
    mine = [fold for fold in folds if fold.repeat == repeat]
    rows = np.concatenate([fold.test for fold in mine])
    return _outcome(result, repeat, rows, cohort, train_mean=_train_means(mine, cohort))


def _train_means(folds: Sequence[Fold], cohort: Cohort) -> FloatArray | None:
    if cohort.classes:
        return None
    return np.asarray(np.concatenate([np.full(fold.test.size, cohort.target[fold.train].mean()) for fold in folds]))


def _outcome(result: CVResult, repeat: int, rows: Any, cohort: Cohort, *, train_mean: FloatArray | None) -> Outcome:
    return Outcome(
        target=cohort.target[rows],
        scores=result.scores[repeat, rows],
        predictions=result.predictions[repeat, rows],
        probabilities=None if result.probabilities is None else result.probabilities[repeat, rows],
        n_classes=len(cohort.classes),
        train_mean=train_mean,
    )


def headline_aggregate(result: CVResult, folds: Sequence[Fold], metric: str, *, cohort: Cohort) -> Aggregate:
    """Say how a metric becomes one figure: mean over folds, or over all test rows of a repeat at once.

    The fold mean needs five folds or more (the t interval of two folds says nothing), the metric in every fold, and
    folds with two or more test rows of each class (a regression: ten or more rows). Scores of different folds come
    from different fits, so pooling them is second best.
    """
    return aggregate_of(result.fold_metrics[metric], folds, cohort)


def aggregate_of(values: ArrayLike, folds: Sequence[Fold], cohort: Cohort) -> Aggregate:
    """Apply the rule of :func:`headline_aggregate` to one metric's values, one per fold."""
    enough = len({fold.fold for fold in folds}) >= _MIN_FOLDS and all(_is_large(fold, cohort) for fold in folds)
    return "fold mean" if enough and np.isfinite(values).all() else "pooled"


def _is_large(fold: Fold, cohort: Cohort) -> bool:
    if not cohort.classes:
        return bool(fold.test.size >= _MIN_ROWS)
    counts = np.bincount(cohort.target[fold.test].astype(int), minlength=len(cohort.classes))
    return bool(counts.min() >= _MIN_CLASS_ROWS)


def pooled_value(result: CVResult, folds: Sequence[Fold], cohort: Cohort, *, metric: Metric) -> float:
    """Metric over all test rows of a repeat, averaged over repeats."""
    repeats = sorted({fold.repeat for fold in folds})
    return float(np.mean([metric(pooled_outcome(result, folds, cohort, repeat=repeat)) for repeat in repeats]))
