"""Check the learning part of an analysis against the catalogs, before anything runs."""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from bidsml.errors import AnalysisFileError, near_names
from bidsml.learn.estimators import CATALOG
from bidsml.learn.metrics import find_metric
from bidsml.records import Task
from bidsml.spec import AnalysisSpec, EstimatorSpec
from bidsml.spec.fusion import MAX_MIXED_BLOCKS

_MAX_POINTS = 1000


def check_analysis(spec: AnalysisSpec) -> None:
    """Check estimators, their grids, the metric, and what doesn't go together.

    Raises
    ------
    AnalysisFileError
        A name is unknown, a grid cannot be fitted, the metric doesn't fit the task or an estimator, or nuisance
        columns would be regressed out before a non-linear estimator without ``nuisance.allow_nonlinear``.
    """
    task = spec.target.task
    metric = find_metric(spec.primary_metric, task)
    for entry in spec.estimators:
        kind = CATALOG.get(entry.kind)
        if kind is None:
            raise AnalysisFileError(f"there is no estimator {entry.kind!r}", hint=near_names(entry.kind, CATALOG))
        if task not in kind.tasks:
            fitting = [name for name, other in CATALOG.own.items() if task in other.tasks]
            raise AnalysisFileError(
                f"estimator {entry.kind!r} cannot do a {task}", hint=f"use one of {', '.join(fitting)}"
            )
        if entry.class_weight != "none" and (task == "regression" or not kind.has_class_weight):
            raise AnalysisFileError(
                f"estimator {entry.kind!r} takes no class_weight in a {task}", hint="leave class_weight out"
            )
        if metric.needs_probabilities and not kind.has_probabilities:
            raise AnalysisFileError(
                f"inference.primary_metric = {spec.primary_metric!r} needs probabilities; {entry.kind!r} gives none",
                hint="use roc_auc, or logistic as the estimator",
            )
        if spec.nuisance.regress and not kind.linear and not spec.nuisance.allow_nonlinear:
            raise AnalysisFileError(
                f"nuisance.regress cannot go with the non-linear estimator {entry.kind!r}: the residuals of discrete "
                "features encode the confound, and a non-linear model reads it out (1.0 accuracy on pure noise)",
                hint="use nuisance.columns, which gives the nuisance-only baseline, or a linear estimator; "
                "nuisance.allow_nonlinear = true overrides this, and the report says so",
            )
        check_grid(entry, task)
    check_fusion(spec)


def override_warnings(spec: AnalysisSpec) -> tuple[str, ...]:
    """Say which refusals the analysis overrode."""
    kinds = [entry.kind for entry in spec.estimators if not CATALOG[entry.kind].linear]
    if not (spec.nuisance.regress and spec.nuisance.allow_nonlinear and kinds):
        return ()
    return (
        f"Columns were regressed out before {', '.join(kinds)} (nuisance.allow_nonlinear): the residuals of discrete "
        "features can encode the confound, and a non-linear model reads it out. Don't take the figure for the brain's.",
    )


def check_fusion(spec: AnalysisSpec) -> None:
    """Check that the way in which blocks are fused goes with their number and with the estimators.

    Raises
    ------
    AnalysisFileError
        There is one block only, there are too many for a kernel sum, a kernel sum has an estimator that is not linear,
        or a stack that cannot be frozen comes first.
    """
    kind, n_blocks = spec.fusion.kind, len(spec.features)
    if kind == "concatenate":
        return
    if n_blocks < 2:
        raise AnalysisFileError(
            f"fusion.kind = {kind!r} needs two or more [[features]] blocks; there is one",
            hint="add a block, or leave fusion out",
        )
    # An estimator on one block is not fused.
    fused = [entry.kind for entry in spec.estimators if len(entry.features) != 1]
    curved = [name for name in fused if not CATALOG[name].linear]
    if kind == "kernel_sum":
        if n_blocks > MAX_MIXED_BLOCKS:
            raise AnalysisFileError(
                f"fusion.kind = 'kernel_sum' searches the weights of at most {MAX_MIXED_BLOCKS} blocks; "
                f"there are {n_blocks}",
                hint="use concatenate, which weighs them alike, or stacking",
            )
        if curved:
            raise AnalysisFileError(
                f"fusion.kind = 'kernel_sum' adds linear kernels; {', '.join(curved)} has none",
                hint="use a linear estimator such as ridge or logistic, or another fusion.kind",
            )
    elif spec.estimators[0].kind in curved:
        raise AnalysisFileError(
            f"the first estimator's model is frozen, and a stack of {curved[0]} cannot be",
            hint="list a linear estimator such as ridge or logistic first; others may follow",
        )


def check_grid(entry: EstimatorSpec, task: Task) -> None:
    """Check that a grid's keys are parameters of the estimator and that each value can be fitted.

    Raises
    ------
    AnalysisFileError
        A key is unknown, a list of values is empty, the grid is too large, or scikit-learn refuses a value.
    """
    if not entry.grid:
        return
    estimator, _ = CATALOG[entry.kind].build(task, class_weight=entry.class_weight, seed=0)
    known = estimator.get_params(deep=True)
    for name, values in entry.grid.items():
        if name not in known:
            raise AnalysisFileError(
                f"estimator {entry.kind!r} has no parameter {name!r} for its grid", hint=near_names(name, known)
            )
        if name in ("random_state", "n_jobs", "class_weight"):
            raise AnalysisFileError(
                f"grid of {entry.kind!r}: {name!r} is not for tuning", hint="it is set by bidsml; leave it out"
            )
        if not values:
            raise AnalysisFileError(f"grid of {entry.kind!r}: {name!r} has no values", hint="list at least one")
    n_points = int(np.prod([len(values) for values in entry.grid.values()]))
    if n_points > _MAX_POINTS:
        raise AnalysisFileError(f"grid of {entry.kind!r} has {n_points} points", hint=f"stay below {_MAX_POINTS}")
    _try_values(entry, estimator, task)


def _try_values(entry: EstimatorSpec, estimator: object, task: Task) -> None:
    """Fit every value once on a toy problem: scikit-learn checks values only when it fits."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((40, 3))
    target = np.arange(40) % 2 if task == "classification" else features[:, 0]
    for name, values in (entry.grid or {}).items():
        for point in ParameterGrid({name: list(values)}):
            try:
                clone(estimator).set_params(**point).fit(features, target)  # type: ignore[attr-defined]
            except (ValueError, TypeError) as error:
                raise AnalysisFileError(
                    f"grid of {entry.kind!r}: {point} cannot be fitted: {error}", hint="correct the value"
                ) from error
