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


TOKENS = 12
SITED = {"cohort": {"site": "site"}, "nuisance": {"regress": ["age"], "harmonize": "combat"}}
NORMED = {"cohort": {"site": "site"}, "normative": {"columns": ["age"]}}


def _spec(kind: str, sections: dict[str, Any]) -> AnalysisSpec:
    content: dict[str, Any] = {
        "name": "test",
        "target": {"column": "dx"},
        "features": [{"kind": "table"}, {"kind": "connectome", "measure": "tangent"}],
        "cv": {"outer": {"kind": "stratified", "folds": 3}, "inner": {"folds": 2}},
        "estimators": [{"kind": kind, "grid": {}}],
        **sections,
    }
    return AnalysisSpec.model_validate_json(json.dumps(content))


def _freeze(kind: str, sections: dict[str, Any], *, text: bool = False) -> FrozenModel:
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
    blocks = (
        FeatureBlock("table", "table", "", "vector", 0, P),
        FeatureBlock("connectome", "connectome", "tangent", "covariance", P, P + CELLS, ("r", "s", "t")),
    )
    if text:
        blocks = (blocks[0], FeatureBlock("text", "text", "words", "vector", P, P + TOKENS, n_topics=3))
    n = blocks[-1].stop
    features = FeatureSet(tuple(people), tuple(f"f{number}" for number in range(n)), _values(rng, N, text=text), blocks)
    spec = _spec(kind, sections)
    cohort = build_cohort(table, spec, available=people)
    return freeze(features, cohort, plan_folds(cohort, spec, seed=0), spec=spec, seed=0, dataset="here")


def _values(rng: np.random.Generator, n: int, *, text: bool) -> np.ndarray:
    """Features of the table, then cells of a covariance matrix, or counts of tokens."""
    series = rng.standard_normal((n, 40, REGIONS))
    rows, columns = np.triu_indices(REGIONS)
    cells = (np.einsum("nti,ntj->nij", series, series) / 40)[:, rows, columns]
    return np.hstack([rng.standard_normal((n, P)), rng.poisson(1.0, (n, TOKENS)) if text else cells])


@pytest.fixture(scope="module")
def models() -> dict[str, FrozenModel]:
    sited = {kind: _freeze(kind, SITED) for kind in ("ridge", "logistic")}
    return {**sited, "norms": _freeze("ridge", NORMED, text=False), "text": _freeze("ridge", NORMED, text=True)}


def _newcomers(*, text: bool = False, normed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    # Beside the features: age and site, or site and age.
    beside = np.array([[30.0, 0.0], [40.0, 1.0]])
    return _values(np.random.default_rng(1), 2, text=text), beside[:, ::-1] if normed else beside


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
    for name, model in models.items():
        assert set(model.arrays) == set(ARRAYS) or name not in ("ridge", "logistic")
        assert isinstance(apply(model, *_of(name)), Applied)
    assert any(name.startswith("normative_group0_") for name in models["norms"].arrays)
    assert "block1_components" in models["text"].arrays


def _of(name: str) -> tuple[np.ndarray, np.ndarray]:
    return _newcomers(text=name == "text", normed=name in ("norms", "text"))


def _is_told(models, name: str, array: str, change: str, number: float) -> None:
    model = models[name]
    arrays = {**model.arrays, array: _changed(model.arrays[array], change, number)}
    found = lawful(lambda: apply(replace(model, arrays=arrays), *_of(name)))
    assert isinstance(found, Applied | BidsmlError)
    if isinstance(found, Applied):
        assert found.predictions.shape == (2,)
        assert np.isfinite(found.scores).all()


@fuzz(150)
@given(
    name=st.sampled_from(["norms", "text"]),
    place=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from(CHANGES),
    number=st.sampled_from([0.0, -1.0, 1.0, 5.0, 1e6, 2.0**62]) | st.floats(allow_nan=False),
)
def test_changed_arrays_of_norms_and_topics(models, name, place, change, number):
    arrays = sorted(models[name].arrays)
    _is_told(models, name, arrays[int(place * len(arrays))], change, number)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_number_of_tokens(models, change):
    _is_told(models, "text", "block1_n_tokens", change, 5.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ridge", "norms", "text"])
def test_every_change_of_every_array(models, name):
    for array in sorted(models[name].arrays):
        for change in CHANGES:
            for number in (0.0, -1.0, 5.0, 2.0**62, 1e300):
                _is_told(models, name, array, change, number)


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
