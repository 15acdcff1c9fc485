"""Which arrays the normative scores of a frozen biomarker consist of, and what each must look like."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bidsml.learn.covariates import CovariateBasis, count_columns, unpad_knots
from bidsml.learn.normative_fit import MIN_FREEDOM, GroupFit

_Arrays = Mapping[str, NDArray[Any]]


def what_disagrees(state: _Arrays, *, n_sites: int, n_covariates: int, n_features: int) -> str:
    """Say what is wrong with the arrays of normative scores (their ``state``); nothing if all is well.

    Parameters
    ----------
    n_sites, n_covariates
        As the model's card has them. Sites without reference people are not among the arrays'.
    n_features
        Features that are kept.
    """
    return next(_problems(state, n_sites, n_covariates, n_features), "")


def _problems(state: _Arrays, n_sites: int, n_covariates: int, n_features: int) -> Iterator[str]:
    shared = [f"covariate_{entry.name}" for entry in fields(CovariateBasis)]
    needed = ("sites", "n_features", *shared, "covariate_n_knots", "group0_columns")
    lacking = [name for name in needed if name not in state]
    if lacking:
        yield f"there is no normative_{lacking[0]}"
        return
    shapes: dict[str, tuple[int, ...]] = {name: (n_covariates,) for name in shared if not name.endswith("knots")}
    shapes |= {"n_features": (), "covariate_n_knots": (n_covariates,)}
    yield from _shape_problems(state, shapes)
    sites = state["sites"]
    if sites.ndim != 1 or not sites.size or not np.isin(sites, np.arange(n_sites)).all() or (np.diff(sites) <= 0).any():
        yield f"normative_sites does not tell sites among {n_sites}"
        return
    knots = state["covariate_knots"]
    if knots.ndim != 2 or len(knots) != n_covariates:
        yield f"normative_covariate_knots is {knots.shape}, where ({n_covariates}, …) fits"
        return
    count = state["covariate_n_knots"]
    if count.dtype.kind not in "iu" or not np.isin(count, [0, *range(2, knots.shape[1] + 1)]).all():
        yield "normative_covariate_n_knots are no numbers of knots"
        return
    knots = unpad_knots(knots, count)
    if (np.diff(knots, axis=1) <= 0).any():
        yield "normative_covariate_knots do not rise"
    if int(state["n_features"]) != n_features:
        yield f"normative_n_features is not {n_features}"
    number = 0
    while f"group{number}_columns" in state:
        yield from _group_problems(state, f"group{number}_", sites.size, n_features, knots)
        number += 1


def are_places(places: NDArray[Any], limit: int) -> bool:
    """Whether an array tells places in a list of ``limit``, each once and in order."""
    if places.ndim != 1 or places.dtype.kind not in "iu":
        return False
    return bool((places[1:] > places[:-1]).all() and (places >= 0).all() and (places < limit).all())


def _group_problems(state: _Arrays, prefix: str, n_sites: int, n_features: int, knots: NDArray[Any]) -> Iterator[str]:
    absent = [entry.name for entry in fields(GroupFit) if prefix + entry.name not in state]
    if absent:
        yield f"there is no normative_{prefix}{absent[0]}"
        return
    columns = state[f"{prefix}columns"]
    if not are_places(columns, n_features):
        yield f"normative_{prefix}columns does not tell places among {n_features}"
        return
    p, (q, c) = columns.size, count_columns(knots)
    sites = n_sites, p
    shapes = {"counts": (n_sites,), "centre": (n_sites, q), "inverse": (q, q), "spread_inverse": (c, c), "freedom": ()}
    shapes |= {"slopes": (q, p), "own": sites, "variance": (p,), "between": (p,), "bend": (c, p), "scale": sites}
    yield from _shape_problems(state, {prefix + name: shape for name, shape in shapes.items()})
    if state[f"{prefix}freedom"] < MIN_FREEDOM or not (state[f"{prefix}counts"] >= 0).all():
        yield f"normative_{prefix}freedom or counts are too few"
    if (state[f"{prefix}variance"] <= 0).any() or not (state[f"{prefix}scale"] > 0).all():
        yield f"a variance of normative_{prefix} is not above 0"
    if not state[f"{prefix}counts"].any() or not (state[f"{prefix}between"] >= 0).all():
        yield f"normative_{prefix} has no people, or a variance below 0"


def _shape_problems(state: _Arrays, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    for name, shape in shapes.items():
        if state[name].shape != shape:
            yield f"normative_{name} is {state[name].shape}, where {shape} fits"
