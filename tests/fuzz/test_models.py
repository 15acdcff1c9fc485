"""Frozen models whose arrays were altered, digest and all: applied to other people, or refused in words."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fuzzing import fuzz, lawful
from hypothesis import example, given
from hypothesis import strategies as st

from bidsml.errors import BidsmlError
from bidsml.learn.cohort import build_cohort
from bidsml.learn.frozen import Applied, apply, freeze
from bidsml.learn.harmonise import ComBat
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, FeatureSet, FrozenModel
from bidsml.spec import AnalysisSpec

N, P, REGIONS = 24, 3, 3
CELLS = REGIONS * (REGIONS + 1) // 2


def _spec(kind: str) -> AnalysisSpec:
    content: dict[str, Any] = {
        "name": "test",
        "target": {"column": "dx"},
        "cohort": {"site": "site"},
        "features": [{"kind": "table"}, {"kind": "connectome", "measure": "tangent"}],
        "nuisance": {"regress": ["age"], "harmonize": "combat"},
        "cv": {"outer": {"kind": "stratified", "folds": 3}, "inner": {"folds": 2}},
        "estimators": [{"kind": kind, "grid": {}}],
    }
    return AnalysisSpec.model_validate_json(json.dumps(content))


def _freeze(kind: str) -> FrozenModel:
    rng = np.random.default_rng(0)
    people = [f"p{number:02d}" for number in range(N)]
    table = pd.DataFrame(
        {
            "participant_id": people,
            "dx": ["a", "b"] * (N // 2),
            "site": ["x", "x", "y", "y"] * (N // 4),
            "age": [str(age) for age in rng.integers(20, 60, N)],
        }
    )
    series = rng.standard_normal((N, 40, REGIONS))
    rows, columns = np.triu_indices(REGIONS)
    cells = (np.einsum("nti,ntj->nij", series, series) / 40)[:, rows, columns]
    blocks = (
        FeatureBlock("table", "table", "", "vector", 0, P),
        FeatureBlock("connectome", "connectome", "tangent", "covariance", P, P + CELLS, ("r", "s", "t")),
    )
    names = tuple(f"f{number}" for number in range(P + CELLS))
    features = FeatureSet(tuple(people), names, np.hstack([rng.standard_normal((N, P)), cells]), blocks)
    spec = _spec(kind)
    cohort = build_cohort(table, spec, available=people)
    return freeze(features, cohort, plan_folds(cohort, spec, seed=0), spec=spec, seed=0, dataset="here")


@pytest.fixture(scope="module")
def models() -> dict[str, FrozenModel]:
    return {kind: _freeze(kind) for kind in ("ridge", "logistic")}


def _newcomers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    series = rng.standard_normal((2, 40, REGIONS))
    rows, columns = np.triu_indices(REGIONS)
    cells = (np.einsum("nti,ntj->nij", series, series) / 40)[:, rows, columns]
    return np.hstack([rng.standard_normal((2, P)), cells]), np.array([[30.0, 0.0], [40.0, 1.0]])


def _changed(array: np.ndarray, change: str, number: float) -> np.ndarray:
    """An array of another shape, type or content, finite as the reader makes sure."""
    number = float(np.clip(number, -1e300, 1e300))
    changes = {
        "value": lambda: np.full(array.shape, number),
        "flat": array.ravel,
        "scalar": lambda: np.array(number),
        "empty": lambda: array[:0] if array.ndim else np.empty(0),
        "deeper": lambda: array[None],
        "longer": lambda: np.concatenate([array, array]) if array.ndim else np.full(3, number),
        "turned": lambda: array.T,
        "shorter": lambda: array[:-1] if array.ndim else array,
        "bool": lambda: array.astype(bool),
        "whole": lambda: np.full(array.shape, int(np.clip(number, -(2**62), 2**62)), dtype=np.int64),
        "fraction": lambda: array + 0.5,
    }
    return np.asarray(changes[change]())


ARRAYS = (
    *(f"block1_{name}" for name in ("keep", "mean", "n_cells", "reference", "regions", "whitening")),
    *(f"combat_{name}" for name in ComBat.FITTED),
    *("block0_keep", "centre", "coef", "intercept", "median", "spread"),
    *(f"nuisance_{name}" for name in ("coef", "explained_away", "intercept")),
)
CHANGES = ("value", "flat", "scalar", "empty", "deeper", "longer", "turned", "shorter", "bool", "whole", "fraction")


def test_the_model_as_it_was_made(models):
    for model in models.values():
        assert set(model.arrays) == set(ARRAYS)
        assert isinstance(apply(model, *_newcomers()), Applied)


@fuzz(400)
@example(kind="ridge", array="block0_keep", change="value", number=2.0**62)
@example(kind="ridge", array="block0_keep", change="fraction", number=0.0)
@example(kind="ridge", array="block1_reference", change="value", number=-1.0)
@example(kind="ridge", array="block1_whitening", change="value", number=0.0)
@example(kind="ridge", array="block1_n_cells", change="value", number=1e6)
@example(kind="ridge", array="coef", change="flat", number=0.0)
@example(kind="ridge", array="coef", change="value", number=1e300)
@example(kind="ridge", array="centre", change="deeper", number=0.0)
@given(
    kind=st.sampled_from(["ridge", "logistic"]),
    array=st.sampled_from(ARRAYS),
    change=st.sampled_from(CHANGES),
    number=st.sampled_from([0.0, -1.0, 1.0, 5.0, 1e6, 2.0**62]) | st.floats(allow_nan=False),
)
def test_changed_arrays(models, kind, array, change, number):
    model = models[kind]
    changed = replace(model, arrays={**model.arrays, array: _changed(model.arrays[array], change, number)})
    found = lawful(lambda: apply(changed, *_newcomers()))
    assert isinstance(found, Applied | BidsmlError)
    if isinstance(found, Applied):
        assert found.predictions.shape == (2,)
        assert found.scores.shape == (2, 1)


@fuzz(200)
@example(start=0, stop=0, block=0, layout="vector", classes=("a",), task="classification")
@example(start=0, stop=3, block=0, layout="covariance", classes=("a", "b"), task="classification")
@given(
    start=st.integers(-20, 20),
    stop=st.integers(-20, 20),
    block=st.integers(0, 1),
    layout=st.sampled_from(["vector", "edges", "covariance"]),
    classes=st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).map(tuple),
    task=st.sampled_from(["classification", "regression"]),
)
def test_changed_cards(models, start, stop, block, layout, classes, task):
    model = models["ridge"]
    blocks = list(model.card.blocks)
    blocks[block] = replace(blocks[block], start=start, stop=stop, layout=layout)
    card = replace(model.card, blocks=tuple(blocks), classes=classes, task=task)
    lawful(lambda: apply(replace(model, card=card), *_newcomers()))
