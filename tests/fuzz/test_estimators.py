"""Estimators in skops files whose schema and arrays were altered: predict, or are refused; never crash, never hang."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from fuzzing import entries, fuzz, lawful
from garbage import damaged_bytes, values
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.svm import SVC, SVR

from bidsml.errors import BidsmlError
from bidsml.learn.frozen_estimator import predict_with
from bidsml.learn.serialised import dump_estimator

pytest.importorskip("skops.io")

X = np.random.default_rng(0).standard_normal((40, 3))
NEW = np.random.default_rng(1).standard_normal((4, 3))
TARGETS = {2: np.arange(40) % 2.0, 3: np.arange(40) % 3.0, 0: X[:, 0]}
BOOSTED = {"max_iter": 2, "early_stopping": False, "random_state": 0, "min_samples_leaf": 5}
FITTED = {
    ("forest", 2): RandomForestClassifier(2, random_state=0, n_jobs=1),
    ("forest", 0): RandomForestRegressor(2, random_state=0, n_jobs=1),
    ("boosting", 3): HistGradientBoostingClassifier(**BOOSTED),
    ("boosting", 0): HistGradientBoostingRegressor(**BOOSTED),
    ("rbf_svm", 2): SVC(),
    ("rbf_svm", 3): SVC(),
    ("rbf_svm", 0): SVR(),
}
KEYS = sorted(FITTED)
SCHEMA = "schema.json"


@pytest.fixture(scope="module")
def parts() -> dict[tuple[str, int], dict[str, bytes]]:
    """Members of every estimator's file."""
    found = {}
    for (kind, n_classes), model in FITTED.items():
        with zipfile.ZipFile(io.BytesIO(dump_estimator(model.fit(X, TARGETS[n_classes])))) as archive:
            found[kind, n_classes] = {name: archive.read(name) for name in archive.namelist()}
    return found


def _packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _obeys(content: bytes, key: tuple[str, int]) -> Any:
    kind, n_classes = key
    found = lawful(lambda: predict_with(content, kind, NEW, n_classes=n_classes), size=len(content))
    if not isinstance(found, BidsmlError):
        scores, predictions, probabilities = found
        assert scores.shape == (4, n_classes if n_classes > 2 else 1)
        assert predictions.shape == (4,)
        assert probabilities is None or probabilities.shape == (4, n_classes)
    return found


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_unaltered_predict(parts, key):
    scores, predictions, _ = predict_with(_packed(parts[key]), key[0], NEW, n_classes=key[1])
    np.testing.assert_array_equal(predictions, FITTED[key].predict(NEW))
    assert np.isfinite(scores).all()


# ------------------------------------------------------------------ arrays

NUMBERS = st.sampled_from([0, -1, 1, 2, 5, 255, 10**9, 2**31 - 1, -(2**31), 10**12, 2**62]) | st.integers(-9, 40)
CHANGES = ("field", "value", "one", "longer", "shorter", "empty", "flat", "deeper", "float", "int", "object", "huge")


def _header_of(shape: str, descr: str) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + b"\0" * 64


def _changed(content: bytes, change: str, place: int, number: int) -> bytes:
    """An array of other numbers, of another shape or type, or one that claims what is not there."""
    if change == "huge":
        return _header_of(*[("(1000000000000,)", "<f8"), ("(1000000000000,)", "|V0"), ("(9,)", "|O")][place % 3])
    array = np.load(io.BytesIO(content)).copy()
    target = array[array.dtype.names[place % len(array.dtype.names)]] if array.dtype.names else array
    kind = np.iinfo(target.dtype) if target.dtype.kind in "iu" else None
    value = min(max(number, kind.min), kind.max) if kind else number
    with np.errstate(all="ignore"):
        if change in ("field", "value"):
            target[...] = value
        elif change == "one" and target.size:
            target.reshape(-1)[place % target.size] = value
        elif change == "longer":
            array = np.concatenate([np.atleast_1d(array)] * 2)
        elif change == "shorter":
            array = np.atleast_1d(array)[:-1]
        elif change == "empty":
            array = np.atleast_1d(array)[:0]
        elif change == "flat":
            array = array.reshape(-1)
        elif change == "deeper":
            array = array[None]
        elif change in ("float", "int") and not array.dtype.names:
            array = array.astype(float if change == "float" else np.int64)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array))
    return buffer.getvalue()


def _nodes(parts: dict[str, bytes]) -> list[str]:
    return [name for name, content in parts.items() if name.endswith(".npy") and b"n_node_samples" in content[:400]]


@fuzz(45)
@example(key=("forest", 2), member=1.0, change="field", place=2, number=10**9)
@example(key=("forest", 2), member=1.0, change="field", place=0, number=0)
@example(key=("boosting", 0), member=1.0, change="field", place=2, number=10**9)
@example(key=("boosting", 0), member=1.0, change="field", place=9, number=0)
@given(
    key=st.sampled_from(KEYS),
    member=st.floats(0, 1),
    change=st.sampled_from(CHANGES),
    place=st.integers(0, 40),
    number=NUMBERS,
)
def test_altered_arrays(parts, key, member, change, place, number):
    """Nodes that point nowhere made scikit-learn read foreign memory, or go round for ever."""
    members = dict(parts[key])
    # The arrays of nodes are those with fields: they are met as often as all others.
    fields = [name for name in members if name.endswith(".npy") and b"': [('" in members[name][:60]]
    names = fields if member > 0.5 and fields else [name for name in members if name.endswith(".npy")]
    name = names[min(int(len(names) * (member % 0.5) * 2), len(names) - 1)]
    members[name] = _changed(members[name], change, place, number)
    _obeys(_packed(members), key)


# ------------------------------------------------------------------ schema

LOOKALIKES = [
    ("os", "system"), ("builtins", "eval"), ("builtins", "exec"), ("sklearn.utils", "os"), ("sklearn.svm", "SVC"),
    ("sklearn.tree._classes", "numbers"), ("sklearn.ensemble._forest", "Parallel"), ("sklearn.tree._tree.Tree", "x"),
    ("sklearn.ensemble._forest", "warn"), ("sklearn.tree._classes", "copy.deepcopy"), ("numpy", "load"),
    ("numpy", "fromfile"), ("sklearn.svm._classes", "__builtins__"), ("sklearn.svm._classes.SVC", "__init__"),
    ("sklearn.datasets", "load_files"), ("sklearn.pipeline", "Pipeline"), ("joblib", "load"), ("", ""),
    ("sklearn.ensemble._forest", "RandomForestClassifier"), ("sklearn.linear_model._ridge", "Ridge"), ("bidsml", "cli"),
    ("numpy.random._generator", "default_rng"), ("sklearn._loss.loss", "np"), ("builtins", "map"),
]  # fmt: skip
LOADERS = ["FunctionNode", "MethodNode", "PartialNode", "OperatorFuncNode", "ConstructorFromReduceNode", "CachedNode",
           "DefaultDictNode", "BytesNode", "ObjectNode", "TypeNode", "JsonNode", "TreeNode", "LossNode", "DTypeNode",
           "RandomGeneratorNode", "RandomStateNode", "MaskedArrayNode", "SliceNode", "SetNode", "x", {}]  # fmt: skip


@st.composite
def _edits(draw: Any) -> list[tuple[float, Any]]:
    kind = draw(st.sampled_from(["type", "type", "loader", "any", "json", "protocol", "id"]))
    value: Any = {
        "type": st.sampled_from(LOOKALIKES).map(lambda one: {"__module__": one[0], "__class__": one[1]}),
        "loader": st.sampled_from(LOADERS).map(lambda one: {"__loader__": one}),
        "protocol": (st.integers(-2, 4) | values()).map(lambda one: {"protocol": one}),
        "id": st.integers(0, 60).map(lambda one: {"__id__": one}),
        "json": values().map(lambda one: {"content": json.dumps(one)}),
        "any": values(),
    }
    return [(draw(st.floats(0, 1, exclude_max=True)), draw(value[kind])) for _ in range(draw(st.integers(1, 2)))]


@fuzz(45)
@given(key=st.sampled_from(KEYS), edits=_edits())
def test_an_altered_schema(parts, key, edits):
    schema = json.loads(parts[key][SCHEMA])
    for place, value in edits:
        spots = entries({"root": schema})
        node, entry = spots[int(place * len(spots))]
        if isinstance(value, dict) and set(value) <= {"protocol"}:
            schema |= value
        elif isinstance(value, dict) and isinstance(node[entry], dict) and value:
            node[entry] = node[entry] | value
        elif entry != "root":
            node[entry] = value
    try:
        text = json.dumps(schema).encode()
    except (ValueError, RecursionError):
        return
    _obeys(_packed(parts[key] | {SCHEMA: text}), key)


@fuzz(35)
@given(data=st.data(), key=st.sampled_from([key for key in KEYS if key[0] == "rbf_svm"]))
def test_damaged_bytes_of_an_estimator(parts, data, key):
    _obeys(data.draw(damaged_bytes(st.just(_packed(parts[key])))), key)
