"""Find the rows and results that sections speak about inside a ``Result``."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from bidsml.records import (
    Attrition,
    Cohort,
    CVResult,
    FeatureBlock,
    Fold,
    IntArray,
    PerformanceRow,
    PermutationNull,
    Result,
)
from bidsml.report import wording
from bidsml.report.wording import name_metric
from bidsml.spec import AnalysisSpec, StudySpec, column_name

_Section = TypeVar("_Section", bound=BaseModel)
LEAVE_SITE_OUT = "leave-site-out"


def read_spec(result: Result) -> AnalysisSpec:
    """Read the analysis that ran, with its types."""
    return AnalysisSpec.model_validate_json(json.dumps(dict(result.spec)))


def read_study(result: Result) -> StudySpec:
    """Read what the authors told in study.toml."""
    return StudySpec.model_validate(dict(result.study))


def read_section(model: type[_Section], settings: Mapping[str, Any]) -> _Section:
    """Read one section of the analysis that ran, with its types; what isn't told has its default."""
    return model.model_validate_json(json.dumps(dict(settings)))


def name_target(result: Result) -> str:
    """Name the column that is predicted."""
    return column_name(read_spec(result).target.column)


def name_primary(result: Result) -> str:
    """Name the primary metric, for several classes with how it is averaged."""
    words = name_metric(result.primary_metric)
    averaged = result.primary_metric == "roc_auc" and len(result.cohort.classes) > 2
    return f"macro one-against-rest {words}" if averaged else words


def name_confounds(result: Result) -> str:
    """Name the columns of the model of confounds alone."""
    return wording.name_columns(result.cohort.nuisance_source)


def find_row(
    result: Result, model: str, *, design: str | None = None, metric: str | None = None, estimator: str | None = None
) -> PerformanceRow | None:
    """Find the first row of a model; by default of the headline's estimator, design and metric."""
    headline = result.headline
    wanted = (estimator or headline.estimator, model, design or headline.design, metric or headline.metric)
    rows = (r for r in result.performance if (r.estimator, r.model, r.design, r.metric) == wanted)
    return next(rows, None)


def find_cv(result: Result, model: str, *, design: str | None = None) -> CVResult | None:
    """Find the cross-validation of the headline's estimator for one model and design."""
    first = result.cv[0]
    wanted = (first.estimator, model, design or first.design)
    return next((cv for cv in result.cv if (cv.estimator, cv.model, cv.design) == wanted), None)


def find_null(result: Result, *, estimator: str | None = None) -> PermutationNull | None:
    """Find the permutation test of an estimator (the headline's by default) on the headline's design."""
    headline = result.headline
    wanted = (estimator or headline.estimator, headline.design)
    return next((null for null in result.nulls if (null.estimator, null.design) == wanted), None)


def folds_of(result: Result, design: str) -> tuple[Fold, ...]:
    """List the folds of one design, in the order of ``fold_metrics``."""
    return tuple(fold for fold in result.folds if fold.design == design)


def class_counts(cohort: Cohort, rows: IntArray | None = None) -> IntArray:
    """Count people per class, ``(n_classes,)``, among all or some rows of the cohort."""
    codes = cohort.target if rows is None else cohort.target[rows]
    return np.bincount(codes.astype(int), minlength=len(cohort.classes)).astype(np.int64)


def set_aside(result: Result) -> tuple[Attrition, ...]:
    """List who is of a class that the analysis leaves out on purpose: they are no loss of the classes it asks for."""
    asked = read_spec(result).target.classes
    return tuple(one for one in result.cohort.attrition if asked and one.label not in (*asked, "n/a"))


def lost_on_the_way(result: Result) -> tuple[Attrition, ...]:
    """List who could have been analysed and is not."""
    aside = set(set_aside(result))
    return tuple(one for one in result.cohort.attrition if one not in aside)


def name_block(block: FeatureBlock) -> str:
    """Say what a block of features is, as ``functional connectivity (Pearson correlation) between 264 regions``."""
    what = wording.KIND_NAMES.get(block.kind, block.kind.replace("_", " "))
    measure = wording.MEASURE_NAMES.get(block.measure, block.measure.replace("_", " "))
    regions = f" {'between' if block.layout != 'vector' else 'of'} {len(block.nodes)} regions" if block.nodes else ""
    atlas = f" of the {block.atlas} atlas" if block.atlas else ""
    return f"{what}{f' ({measure})' if measure else ''}{regions}{atlas}"


def say_counts(result: Result) -> str:
    """Say how many people were analysed, by class."""
    cohort = result.cohort
    total = f"{len(cohort.target)} people"
    if result.task == "regression":
        return total
    parts = [f"{n} {name}" for n, name in zip(class_counts(cohort), cohort.classes, strict=True)]
    return f"{total} ({', '.join(parts)})"
