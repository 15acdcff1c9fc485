"""Freeze a biomarker: fit it once on everyone, keep plain arrays, and apply them to people it has not seen."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from sklearn.pipeline import Pipeline

import bidsml
from bidsml.errors import DataError
from bidsml.learn.cohort import encode_columns
from bidsml.learn.crossval import model_input, recipe_of
from bidsml.learn.deviations import uses_sites
from bidsml.learn.embedding import TangentSpace
from bidsml.learn.estimators import CATALOG
from bidsml.learn.final_fold import fold_of_everyone
from bidsml.learn.fitting import FittedFold, fit_fold, prepare_fold
from bidsml.learn.frozen_estimator import predict_with
from bidsml.learn.frozen_layout import check_layout
from bidsml.learn.harmonise import ComBat
from bidsml.learn.normative import NormativeScores
from bidsml.learn.overlap import describe_people
from bidsml.learn.serialised import dump_estimator, serialiser_version
from bidsml.learn.topics import TokenTopics
from bidsml.records import (
    MODEL_SCHEMA,
    Cohort,
    FeatureBlock,
    FeatureSet,
    FloatArray,
    Fold,
    FrozenModel,
    IntArray,
    ModelCard,
    NormativeCard,
    NuisanceColumn,
)
from bidsml.spec import FEATURE_SECTIONS, AnalysisSpec, EstimatorSpec, column_name, features_digest

_Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Applied:
    """What a frozen biomarker says: the arrays of :class:`~bidsml.records.CVResult`, without repeats."""

    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None


def freeze(
    features: FeatureSet, cohort: Cohort, folds: Sequence[Fold], *, spec: AnalysisSpec, seed: int, dataset: str
) -> FrozenModel:
    """Fit the first estimator's biomarker on the whole cohort, tuned by the folds as inner folds.

    Parameters
    ----------
    folds
        Of the whole analysis; those of the first design's first repeat choose the hyper-parameters.
    dataset
        Name of the dataset, which makes a participant's label unique.

    Returns
    -------
    FrozenModel
        The same cohort, analysis and seed give the same bytes. ``performance`` is empty.

    Raises
    ------
    DataError
        No feature is usable.
    MissingInputError
        The estimator is not linear, and skops is not installed.
    """
    chosen = spec.estimators[0]
    recipe = recipe_of(cohort, spec=spec, estimator=chosen, model="biomarker", seed=seed)
    given = model_input(features, cohort, spec=spec, model="biomarker")
    prepared = prepare_fold(given, fold_of_everyone(folds, cohort), recipe=recipe, keep_basis=True)
    fit = fit_fold(prepared, cohort.target, recipe=recipe)
    arrays = preparation_arrays(prepared.outer.preparation, features.blocks)
    estimator = np.empty(0, dtype=np.uint8)
    if recipe.kind.linear:
        arrays |= _linear_arrays(fit, n_prepared=arrays["centre"].size)
    else:
        arrays["spread"] = prepared.outer.scale
        estimator = np.frombuffer(dump_estimator(fit.estimator), dtype=np.uint8)
    if not cohort.classes:
        arrays["target_mean"] = np.array(cohort.target.mean())
    row = {person: number for number, person in enumerate(features.participant_id)}
    values = features.values[[row[person] for person in cohort.participant_id]]
    people = describe_people(cohort, values, salt=_digest(arrays, estimator), dataset=dataset)
    card = _card(chosen, spec, cohort, features, people=people, parameters=fit.chosen)
    return FrozenModel(card, arrays, estimator)


def _card(
    chosen: EstimatorSpec,
    spec: AnalysisSpec,
    cohort: Cohort,
    features: FeatureSet,
    *,
    people: Any,
    parameters: Mapping[str, Any],
) -> ModelCard:
    harmonised = spec.nuisance.harmonize != "none"
    return ModelCard(
        schema=MODEL_SCHEMA,
        version=bidsml.__version__,
        packages={} if CATALOG[chosen.kind].linear else serialiser_version(),
        analysis=spec.name,
        estimator=chosen.kind,
        parameters=dict(parameters),
        class_weight=chosen.class_weight,
        task=spec.target.task,
        target=spec.target.column,
        classes=cohort.classes,
        positive=cohort.positive,
        features=spec.model_dump(mode="json", include=set(FEATURE_SECTIONS)),
        features_digest=features_digest(spec),
        blocks=features.blocks,
        names=features.names,
        nuisance=_columns(cohort, spec.nuisance.regress),
        people=people,
        sites=tuple(sorted(set(cohort.site))) if harmonised else (),
        preserved=_columns(cohort, spec.nuisance.preserve) if harmonised else (),
        unseen_site=spec.nuisance.unseen_site if harmonised else "",
        normative=_normative_card(cohort, spec),
    )


def _normative_card(cohort: Cohort, spec: AnalysisSpec) -> NormativeCard | None:
    wish = spec.normative
    if wish is None:
        return None
    sites = tuple(sorted(set(cohort.site))) if uses_sites(spec) else ()
    return NormativeCard(_columns(cohort, wish.columns), sites, wish.unseen_site, wish.reference or "")


def _columns(cohort: Cohort, references: Sequence[str]) -> tuple[NuisanceColumn, ...]:
    """Describe encoded columns in their order, with every level that training knew."""
    _, names, sources = encode_columns(cohort.table, [column_name(reference) for reference in references])
    found = []
    for name, source in zip(names, sources, strict=True):
        if name == source:
            found.append(NuisanceColumn(name, source))
        else:
            levels = tuple(sorted({str(cell) for cell in cohort.table[source].dropna()}))
            found.append(NuisanceColumn(name, source, name[len(source) + 1 : -1], levels))
    return tuple(found)


def _linear_arrays(fit: FittedFold, *, n_prepared: int) -> _Arrays:
    """Weights on the prepared features: those on the row-space coordinates rotated back, block weights put in."""
    coefficients = np.zeros((len(fit.parts[0].coef), n_prepared))
    for part in fit.parts:
        own = part.coef if part.split.basis is None else part.coef @ part.split.basis.T
        coefficients[:, part.split.places] = own * part.split.factor
    return {"coef": coefficients, "intercept": np.array(fit.intercept, dtype=float)}


def preparation_arrays(preparation: Pipeline, blocks: Sequence[FeatureBlock]) -> _Arrays:
    """Take out of a fitted preparation the numbers that :func:`prepare` needs."""
    arrays: _Arrays = {}
    for number, block in enumerate(blocks):
        part = preparation["columns"].named_transformers_[str(number)]
        if block.layout == "covariance" or block.n_topics:
            arrays |= {f"block{number}_{name}": value for name, value in part[0].state().items()}
            part = part[1]
        arrays[f"block{number}_keep"] = part.get_support(indices=True)
    if "normative" in preparation.named_steps:
        arrays |= {f"normative_{name}": value for name, value in preparation["normative"].state().items()}
    arrays["median"] = preparation["impute"].median_
    arrays |= {f"combat_{name}": value for name, value in preparation["harmonise"].state().items()}
    nuisance = preparation["nuisance"]
    if nuisance.n_nuisance:
        arrays["nuisance_coef"] = nuisance.regression_.coef_.reshape(-1, nuisance.n_nuisance)
        arrays["nuisance_intercept"] = np.atleast_1d(nuisance.regression_.intercept_)
        arrays["nuisance_explained_away"] = nuisance.explained_away_
    arrays["centre"], arrays["spread"] = preparation["scale"].mean_, preparation["scale"].scale_
    return arrays


def _digest(arrays: Mapping[str, NDArray[Any]], estimator: NDArray[np.uint8]) -> str:
    """SHA-256 of a model's numbers: looks random, and is the same for the same model."""
    digest = hashlib.sha256(estimator.tobytes())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


# ------------------------------------------------------------------ applying


def apply(model: FrozenModel, values: FloatArray, beside: FloatArray) -> Applied:
    """Predict people, one by one: nothing is fitted, and nobody's result depends on who else is there.

    Parameters
    ----------
    values
        Features under the model's names, ``(n, n_features)``, NaN where missing.
    beside
        The model's nuisance columns, then what ComBat uses up, ``(n, n_beside)``, NaN where missing; see
        :class:`~bidsml.records.Newcomers`.

    Raises
    ------
    DataError
        The arrays don't fit each other or the data, or the model holds an estimator that is not trusted.
    """
    check_layout(model, values, beside)
    try:
        prepared = prepare(model, values, beside)
    except ValueError as error:
        raise DataError(
            f"the model's preparation cannot be applied to these features: {error}",
            hint="see whether they are those of its analysis; if so, do not use this model",
        ) from error
    n_classes = len(model.card.classes)
    if not model.is_linear:
        return Applied(*predict_with(model.estimator.tobytes(), model.card.estimator, prepared, n_classes=n_classes))
    scores = prepared @ model.arrays["coef"].T + model.arrays["intercept"]
    if not np.isfinite(scores).all():
        raise DataError("the model's weights lead to scores that are not finite", hint="do not use this model")
    if model.card.task == "regression":
        return Applied(scores, scores[:, 0], None)
    binary = scores.shape[1] == 1
    predictions = (scores[:, 0] > 0).astype(float) if binary else scores.argmax(axis=1).astype(float)
    probabilities = None
    if CATALOG[model.card.estimator].has_probabilities:
        odds = np.hstack([-scores, scores]) if binary else scores
        probabilities = special.expit(odds) if binary else special.softmax(odds, axis=1)
    return Applied(scores, predictions, probabilities)


def score_newcomers(model: FrozenModel, values: FloatArray, beside: FloatArray) -> FloatArray | None:
    """Score people against the norm that a model carries; parameters as of :func:`apply`, which checks them.

    Returns
    -------
    FloatArray or None
        z, ``(n, n_features)``, NaN where the value, a covariate or the norm of a feature is missing; ``None`` where
        the model has no norm.
    """
    if model.card.normative is None:
        return None
    columns, places = _kept_columns(model, values)
    z = np.full((len(values), len(model.card.names)), np.nan)
    z[:, places] = _score(model, columns, beside)
    z[np.isnan(beside[:, 1:]).any(axis=1)] = np.nan
    return z


def _kept_columns(model: FrozenModel, values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Embed and select features: ``(n, n_kept)``, and which feature each stands for."""
    parts, places = [], []
    for number, block in enumerate(model.card.blocks):
        columns = values[:, block.start : block.stop]
        state = _state(model.arrays, f"block{number}_")
        place: IntArray = state["keep"]
        if block.layout == "covariance":
            space = TangentSpace.from_state(state)
            columns, place = space.transform(columns), space.get_support()[state["keep"]]
        elif block.n_topics:
            columns = TokenTopics.from_state(state).transform(columns)
        parts.append(columns[:, state["keep"]])
        places.append(block.start + place)
    return np.hstack(parts), np.concatenate(places)


def prepare(model: FrozenModel, values: FloatArray, beside: FloatArray) -> FloatArray:
    """Do to new rows what the fold's preparation did, with the frozen numbers: ``(n, n_prepared)``."""
    arrays = model.arrays
    kept = _kept_columns(model, values)[0]
    joined = _score(model, kept, beside) if model.card.normative else np.hstack([kept, beside])
    joined = np.where(np.isnan(joined), arrays["median"], joined)
    if model.card.sites:
        joined = _harmonise(model, joined)
    features, nuisance = np.split(joined, [arrays["centre"].size], axis=1)
    if model.card.nuisance:
        features = features - (nuisance @ arrays["nuisance_coef"].T + arrays["nuisance_intercept"])
        features[:, arrays["nuisance_explained_away"]] = 0.0
    return np.asarray((features - arrays["centre"]) / arrays["spread"])


def _state(arrays: Mapping[str, NDArray[Any]], prefix: str) -> _Arrays:
    """Take out the arrays of one part of the preparation, under its own names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _score(model: FrozenModel, features: FloatArray, beside: FloatArray) -> FloatArray:
    """Score features against the model's reference people, given site and covariates: same shape."""
    policy = model.card.normative.unseen_site if model.card.normative else "pooled"
    scores = NormativeScores.from_state(_state(model.arrays, "normative_"), unseen_site=policy)
    # Who is a reference matters to those alone whom the norm is fitted on.
    columns = np.column_stack([features, beside[:, 0], np.zeros(len(features)), beside[:, 1:]])
    return np.asarray(scores.transform(columns))


def _harmonise(model: FrozenModel, joined: FloatArray) -> FloatArray:
    """Use up the site and what is preserved: ``(n, n_prepared + n_nuisance)``."""
    card = model.card
    state = _state(model.arrays, "combat_")
    combat = ComBat.from_state(state, n_untouched=len(card.nuisance), unseen_site=card.unseen_site)
    unseen = combat.count_unseen(joined)
    if unseen and card.unseen_site == "error":
        raise DataError(
            f"{unseen} of {len(joined)} participants come from sites that the model was not trained on",
            hint=f"its analysis refuses them (nuisance.unseen_site = 'error'); it knows {', '.join(card.sites)}",
        )
    return np.asarray(combat.transform(joined))
