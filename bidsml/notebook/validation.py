"""Cross-validation in a notebook, by bidsml's design."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bidsml
from bidsml.app.provenance import package_versions, plugin_versions
from bidsml.errors import DataError, UsageError
from bidsml.learn.check import check_analysis, override_warnings
from bidsml.learn.cohort import build_cohort
from bidsml.learn.crossval import cross_validate as cross_validate_model
from bidsml.learn.estimators import CATALOG
from bidsml.learn.leakage import audit
from bidsml.learn.performance import summarise_performance
from bidsml.learn.ranking import rank_curves
from bidsml.learn.splits import design_warnings, plan_folds
from bidsml.learn.weights import summarise_weights
from bidsml.notebook.arrays import as_text
from bidsml.notebook.content import read_content
from bidsml.notebook.drawing import Drawing, draw_patterns, find_drawing
from bidsml.notebook.study import NOTEBOOK, Study
from bidsml.records import Fold, Model, PermutationNull, Provenance, Result
from bidsml.report import render_group
from bidsml.report.group import discrimination, weights
from bidsml.spec import AnalysisSpec, column_name, spec_digest
from bidsml.steps.tables import weights_table

_MODELS: tuple[Model, ...] = ("biomarker", "nuisance", "nuisance+biomarker", "majority")
_SHOWN = ("estimator", "model", "design", "estimate", "low", "high", "p", "note")


@dataclass(frozen=True, repr=False)
class CrossValidation:
    """What a cross-validation found.

    Attributes
    ----------
    study
        What was cross-validated; its ``spec`` is the analysis as it ran.
    result
        Everything that bidsml's report shows, as a record.
    random_state
        Seed of the folds and of the estimators.
    """

    study: Study
    result: Result
    random_state: int

    @property
    def metric(self) -> str:
        """Name of the primary metric."""
        return self.result.primary_metric

    @property
    def scores(self) -> np.ndarray:
        """Primary metric of the biomarker in every test fold, ``(n_folds,)``."""
        return np.asarray(self.result.cv[0].fold_metrics[self.metric])

    @property
    def score(self) -> float:
        """The biomarker's primary metric, as the report's headline has it."""
        return self.result.headline.estimate

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval; ``interval`` of :attr:`table` says how it was made."""
        return self.result.headline.low, self.result.headline.high

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every figure: models and baselines, metrics, intervals, p values, paired differences."""
        return pd.DataFrame([asdict(row) for row in self.result.performance])

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Out-of-fold predictions of the biomarker on the default design, one row per person and repeat."""
        main, cohort = self.result.cv[0], self.result.cohort
        n_repeats, n = main.predictions.shape
        frame = pd.DataFrame(
            {
                "participant_id": np.tile(np.asarray(cohort.participant_id, dtype=object), n_repeats),
                "repeat": np.repeat(np.arange(n_repeats), n),
                "truth": np.tile(self.study.y.to_numpy(), n_repeats),
                "prediction": main.predictions.ravel(),
            }
        )
        outputs = cohort.classes if main.scores.shape[2] > 1 else ("score",)
        for number, output in enumerate(outputs):
            frame[output if output == "score" else f"score {output}"] = main.scores[:, :, number].ravel()
        if cohort.classes:
            known = frame["prediction"].notna()
            classes = np.asarray(cohort.classes, dtype=object)
            frame["prediction"] = frame["prediction"].astype(object)
            frame.loc[known, "prediction"] = classes[main.predictions.ravel()[known.to_numpy()].astype(int)]
        return frame

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Weight, pattern (Haufe 2014) and sign stability of every feature; empty where no model is linear."""
        return weights_table(self.result).reset_index(drop=True) if self.result.weights else pd.DataFrame()

    @property
    def folds(self) -> pd.DataFrame:
        """Who is tested in which fold: ``design``, ``repeat``, ``fold``, ``participant_id``."""
        people = np.asarray(self.result.cohort.participant_id, dtype=object)
        rows = [
            {"design": fold.design, "repeat": fold.repeat, "fold": fold.name, "participant_id": person}
            for fold in self.result.folds
            for person in people[fold.test]
        ]
        return pd.DataFrame(rows)

    def plot_roc(self) -> Drawing:
        """Draw the ROC curve with its band, beside the nuisance columns' where there are any."""
        return find_drawing(discrimination.section(self.result), "roc")

    def plot_scores(self) -> Drawing:
        """Draw the primary metric of every fold and model."""
        return find_drawing(discrimination.section(self.result), "folds")

    def plot_weights(self) -> Drawing:
        """Draw what a linear model looks at: a connectome as its page does, else the strongest patterns as bars."""
        try:
            return find_drawing(weights.section(self.result))
        except DataError:
            if self.weights.empty:
                raise
        first = self.weights[self.weights["output"] == self.weights["output"].iloc[0]]
        return draw_patterns(first["feature"].tolist(), first["pattern"].to_numpy())

    def save_report(self, path: str | Path) -> Path:
        """Write bidsml's report of this result as one HTML page; what was not computed is not on it."""
        target = Path(path)
        target.write_text(render_group(self.result).html, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        low, high = self.interval
        return f"{type(self).__name__}({self.metric} = {self.score:.3f}, 95 % interval {low:.3f} to {high:.3f})"

    def _repr_html_(self) -> str:
        low, high = self.interval
        shown = self.table.loc[self.table["metric"] == self.metric, list(_SHOWN)]
        head = f"{escape(self.metric)} = {self.score:.3f} (95 % interval {low:.3f} to {high:.3f})"
        return f"<p><b>{head}</b></p>{shown.to_html(index=False, float_format='%.3f', na_rep='')}"


def cross_validate(
    study: Study,
    estimator: str | None = None,
    *,
    folds: int | None = None,
    repeats: int | None = None,
    inner_folds: int | None = None,
    design: str | None = None,
    metric: str | None = None,
    random_state: int = 0,
) -> CrossValidation:
    """Cross-validate a study: nested folds, units kept whole, and the baselines beside the biomarker.

    Everything that is fitted over people is fitted on training rows only. Where the study names sites, leave-site-out
    is done beside the design. What is left out is as the study's analysis has it (``make_study``: ridge, 10 folds,
    5 inner folds).

    Parameters
    ----------
    estimator
        A name of the catalog, such as ``ridge``, ``logistic`` or ``forest``.
    folds, repeats
        Of the stratified design.
    inner_folds
        Folds of the training rows that pick hyper-parameters.
    design
        ``stratified``, ``leave-site-out`` or ``leave-one-out``.
    metric
        Primary metric, such as ``roc_auc`` or ``r2``.
    random_state
        As ``--random-seed`` of the command.

    Raises
    ------
    UsageError
        An argument is of another type.
    DataError
        Leakage was found, or the study cannot be cross-validated so: a class has fewer people than folds, ….
    AnalysisFileError
        A name is unknown, or two settings don't go together.

    Examples
    --------
    >>> import numpy as np
    >>> from bidsml import cross_validate, make_study
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["control", "patient"], 30)
    >>> X = rng.standard_normal((60, 5)) + (y == "patient")[:, None]
    >>> result = cross_validate(make_study(X, y), "ridge", folds=5)
    >>> result.metric, result.scores.shape, result.score > 0.8
    ('roc_auc', (5,), True)
    """
    _check_arguments(study, estimator, random_state)
    spec = _with_settings(
        study.spec, estimator, folds=folds, repeats=repeats, inner_folds=inner_folds, design=design, metric=metric
    )
    check_analysis(spec)
    cohort, features = study.cohort, study.features
    _check_cohort(study, spec)
    plan = plan_folds(cohort, spec, seed=random_state)
    checks = audit(features, cohort, plan, history={})
    models = [model for model in _MODELS if spec.nuisance.baseline or "nuisance" not in model]
    results = tuple(
        cross_validate_model(features, cohort, mine, spec=spec, estimator=entry, model=model, seed=random_state)
        for entry in spec.estimators
        for mine in _by_design(plan)
        for model in models
    )
    seen = [one for one in results if one.model == "biomarker" and one.design == results[0].design]
    found = [summarise_weights(one, features, cohort) for one in seen]
    result = Result(
        analysis=spec.name,
        task=spec.target.task,
        primary_metric=spec.primary_metric,
        spec=spec.model_dump(mode="json"),
        cohort=cohort,
        blocks=features.blocks,
        folds=plan,
        cv=results,
        nulls=(),
        performance=summarise_performance(results, (), plan, cohort, spec=spec, seed=random_state),
        weights=tuple(one for one in found if one is not None),
        atlases=(),
        provenance=_provenance(spec, random_state),
        warnings=(*override_warnings(spec), *design_warnings(plan, cohort, spec)),
        ranking=rank_curves(results, plan, cohort, seed=random_state),
        leakage=checks,
    )
    return CrossValidation(replace(study, spec=spec), result, random_state)


def _check_arguments(study: object, estimator: object, random_state: object) -> None:
    if not isinstance(study, Study):
        raise UsageError(
            f"cross_validate takes a study, found {type(study).__name__}",
            hint="make one first: make_study(X, y), or load_study(OUTPUT_DIR)",
        )
    if not isinstance(estimator, str | None):
        raise UsageError(
            f"estimator is a {type(estimator).__name__}; expected is a name, one of {', '.join(CATALOG)}",
            hint="give study.X, study.y and groups=study.groups to scikit-learn's cross_val_score for one of your "
            "own, or offer it to bidsml as an entry point",
        )
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer) or random_state < 0:
        raise UsageError(f"random_state is {random_state!r}", hint="give a whole number, 0 or more")


def _check_cohort(study: Study, spec: AnalysisSpec) -> None:
    """Refuse what the group level refuses of a cohort: its folds and metric are known only now."""
    labels = {column_name(spec.target.column): as_text(study.y)}
    build_cohort(study.cohort.table.assign(**labels), spec, available=study.cohort.participant_id)


def add_nulls(validation: CrossValidation, nulls: tuple[PermutationNull, ...]) -> Result:
    """Put permutation tests into a result, and their p into its table."""
    result, spec = validation.result, validation.study.spec
    rows = summarise_performance(result.cv, nulls, result.folds, result.cohort, spec=spec, seed=validation.random_state)
    return replace(result, nulls=nulls, performance=rows)


def _by_design(plan: tuple[Fold, ...]) -> list[list[Fold]]:
    return [[fold for fold in plan if fold.design == name] for name in dict.fromkeys(fold.design for fold in plan)]


def _with_settings(spec: AnalysisSpec, estimator: str | None, **given: Any) -> AnalysisSpec:
    """Change what is given of an analysis; of arrays, ten folds where nothing is said."""
    content = spec.model_dump(mode="json")
    outer: dict[str, Any] = content["cv"]["outer"]
    if given["design"] is not None:
        outer = {"kind": given["design"]}
    elif spec.name == NOTEBOOK and outer["kind"] == "stratified":
        outer["folds"] = 10
    outer |= {key: given[key] for key in ("folds", "repeats") if given[key] is not None}
    content["cv"]["outer"] = outer
    if given["inner_folds"] is not None:
        content["cv"]["inner"]["folds"] = given["inner_folds"]
    if estimator is not None:
        content["estimators"] = [{"kind": estimator}]
    if given["metric"] is not None:
        content["inference"]["primary_metric"] = given["metric"]
    return read_content(content)


def _provenance(spec: AnalysisSpec, seed: int) -> Provenance:
    packages, plugins = package_versions(), plugin_versions(spec)
    return Provenance(
        version=bidsml.__version__,
        packages=packages | plugins,
        seed=seed,
        engine=spec.inference.engine,
        command=("python", "notebook"),
        spec_digest=spec_digest(spec),
        analysis=spec.model_dump(mode="json"),
        plugins=plugins,
    )
