"""Predict with an estimator kept as a skops file, once it is sure that its numbers fit together.

Trees and support vectors are walked by compiled code that trusts the numbers it is given. A node that names a column or
a child that is not there makes it read memory that is not the model's, or go round for ever; skops looks at types only
(scikit-learn's issue 34558; CVE-2020-28975 for support vectors).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from bidsml.errors import DataError
from bidsml.learn.serialised import load_estimator
from bidsml.records import FloatArray

_HINT = "do not use this model; get it anew from where it was made"
_LEAF = -1
# scikit-learn's fields of a node of boosted trees, in their order: it reads them by place, whatever they are called.
_FIELDS = ("value", "count", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "gain", "depth",
           "is_leaf", "bin_threshold", "is_categorical", "bitset_idx")  # fmt: skip


def predict_with(
    content: bytes, kind: str, prepared: FloatArray, *, n_classes: int
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Rebuild an estimator, check it, and predict.

    Parameters
    ----------
    content, kind
        As of :func:`bidsml.learn.serialised.load_estimator`.
    prepared
        ``(n, n_prepared)``.
    n_classes
        0: it predicts a number.

    Returns
    -------
    scores, predictions, probabilities
        As of :class:`bidsml.learn.frozen.Applied`.

    Raises
    ------
    DataError
        It cannot be rebuilt, is damaged, or predicts what is no class or no number.
    """
    estimator = load_estimator(content, kind)
    check_estimator(estimator, n_features=prepared.shape[1], n_classes=n_classes)
    try:
        scores, predictions, probabilities = _predict(estimator, prepared, n_classes)
    except Exception as error:
        # An attribute that is not what it should be is found out anywhere in the estimator.
        raise DataError(
            f"the model's estimator cannot be applied: {type(error).__name__}: {error}", hint=_HINT
        ) from error
    n, n_outputs = len(prepared), n_classes if n_classes > 2 else 1
    if (predictions.shape, scores.shape) != ((n,), (n, n_outputs)) or not np.isfinite(scores).all():
        raise DataError(f"the model's estimator gives scores of {scores.shape}, or no numbers", hint=_HINT)
    if not (np.isin(predictions, np.arange(n_classes)).all() if n_classes else np.isfinite(predictions).all()):
        raise DataError("the model's estimator predicts what is no class or no number", hint=_HINT)
    if probabilities is not None and (probabilities.shape != (n, n_classes) or not np.isfinite(probabilities).all()):
        raise DataError(f"the model's estimator gives probabilities of {probabilities.shape}", hint=_HINT)
    return scores, predictions, probabilities


def _predict(estimator: Any, prepared: FloatArray, n_classes: int) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    predictions = np.asarray(estimator.predict(prepared), dtype=float).reshape(-1)
    if not n_classes:
        return predictions[:, None], predictions, None
    has_odds = hasattr(estimator, "predict_proba")
    probabilities = np.asarray(estimator.predict_proba(prepared), dtype=float) if has_odds else None
    if hasattr(estimator, "decision_function"):
        decisions = np.asarray(estimator.decision_function(prepared), dtype=float)
        return decisions.reshape(predictions.size, -1), predictions, probabilities
    if probabilities is None:
        raise ValueError(f"{type(estimator).__name__} gives neither decision values nor probabilities")
    return probabilities[:, 1:] if n_classes == 2 else probabilities, predictions, probabilities


def check_estimator(estimator: Any, *, n_features: int, n_classes: int) -> None:
    """Check the numbers of a forest, of boosted trees or of a support vector machine.

    Parameters
    ----------
    estimator
        As it was rebuilt, of one of bidsml's own kinds; any other passes.
    n_features
        Columns that it will be given.
    n_classes
        0: it predicts a number.

    Raises
    ------
    DataError
        A number leads to where nothing is, or the estimator is for other data.
    """
    problems = _CHECKS.get(type(estimator))
    if problems is None:
        return
    try:
        wrong = next(problems(estimator, n_features, n_classes), "")
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        _refuse(f"{type(error).__name__}: {error}", error)
    if wrong:
        _refuse(wrong)


def _refuse(what: str, error: Exception | None = None) -> NoReturn:
    raise DataError(f"the model's estimator is damaged or was tampered with: {what}", hint=_HINT) from error


# ------------------------------------------------------------------ trees


def _forest_problems(forest: Any, n_features: int, n_classes: int) -> Iterator[str]:
    yield from _common_problems(forest, n_features, n_classes)
    if forest.n_outputs_ != 1 or forest.n_jobs not in (None, 1):
        yield "it has other outputs, or more jobs, than bidsml's"
    wanted = DecisionTreeClassifier if n_classes else DecisionTreeRegressor
    if type(forest.estimators_) is not list or not forest.estimators_:
        yield "it has no trees"
    for one in forest.estimators_:
        if type(one) is not wanted:
            yield f"among its trees is one of another kind: {type(one).__name__}"
        tree = one.tree_
        # The arrays of a tree are views of as many nodes as it says it has: this comes first.
        if not 1 <= tree.node_count <= tree.capacity:
            yield f"a tree says it has {tree.node_count} nodes, and has {tree.capacity}"
        if (tree.n_features, tree.n_outputs, tree.max_n_classes) != (n_features, 1, max(1, n_classes)):
            yield "a tree is of other features or classes"
        inner = tree.children_left != _LEAF
        yield from _node_problems(inner, tree.children_left, tree.children_right, tree.feature, n_features)


def _boosting_problems(model: Any, n_features: int, n_classes: int) -> Iterator[str]:
    yield from _common_problems(model, n_features, n_classes)
    each = n_classes if n_classes > 2 else 1
    start = model._baseline_prediction
    if model.n_trees_per_iteration_ != each or start.shape != (1, each) or start.dtype != np.float64:
        yield f"it has no {each} trees a step"
    if model._preprocessor is not None or np.any(model._bin_mapper.is_categorical_):
        yield "it takes columns of categories"
    # What prediction looks up, by column, without asking how many there are.
    if np.shape(model._bin_mapper.is_categorical_) != (n_features,):
        yield "its bins are of other features"
    for step in model._predictors:
        if len(step) != each:
            yield f"it has no {each} trees a step"
        for tree in step:
            nodes = tree.nodes
            if type(nodes) is not np.ndarray or nodes.dtype != np.dtype([(one, nodes.dtype[one]) for one in _FIELDS]):
                yield "the nodes of a tree have other fields"
            if nodes.ndim != 1 or not nodes.size or nodes["is_categorical"].any():
                yield "a tree has no nodes, or splits categories"
            yield from _node_problems(
                nodes["is_leaf"] == 0, nodes["left"], nodes["right"], nodes["feature_idx"], n_features
            )


def _node_problems(
    inner: NDArray[np.bool_],
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    feature: NDArray[np.integer[Any]],
    n_features: int,
) -> Iterator[str]:
    """Both libraries number children after their parents: whoever goes from node to node so comes to a leaf."""
    number = np.arange(len(inner))[inner]
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if ((child <= number) | (child >= len(inner))).any():
            yield "a node of a tree has a child that is not there, or above it"
    if ((feature[inner] < 0) | (feature[inner] >= n_features)).any():
        yield f"a node of a tree asks for a column that is none of {n_features}"


# ------------------------------------------------------------------ support vectors


def _svm_problems(model: Any, n_features: int, n_classes: int) -> Iterator[str]:
    yield from _common_problems(model, n_features, n_classes)
    if model.kernel != "rbf" or model._sparse is not False or model._impl not in ("c_svc", "epsilon_svr"):
        yield "it has another kernel than bidsml's"
    n_vectors, groups = len(model.support_vectors_), max(2, n_classes)
    pairs = n_classes * (n_classes - 1) // 2 if n_classes else 1
    shapes: Mapping[str, tuple[tuple[int, ...], Any]] = {
        "support_vectors_": ((n_vectors, n_features), np.float64),
        "support_": ((n_vectors,), np.int32),
        "_n_support": ((groups,), np.int32),
        "_dual_coef_": ((groups - 1, n_vectors), np.float64),
        "_intercept_": ((pairs,), np.float64),
        "_probA": ((0,), np.float64),
        "_probB": ((0,), np.float64),
    }
    for name, (shape, dtype) in shapes.items():
        found = getattr(model, name)
        if type(found) is not np.ndarray or found.shape != shape or found.dtype != dtype:
            yield f"{name} is not {shape} of {np.dtype(dtype)}"
    counts = model._n_support
    # libsvm counts the vectors of a regression in the first group alone.
    if (counts < 0).any() or int((counts if n_classes else counts[:1]).sum(dtype=np.int64)) != n_vectors:
        yield "its support vectors are not as many as it says"


def _common_problems(model: Any, n_features: int, n_classes: int) -> Iterator[str]:
    if model.n_features_in_ != n_features:
        yield f"it takes {model.n_features_in_} features, where there are {n_features}"
    if n_classes and not np.array_equal(model.classes_, np.arange(n_classes)):
        yield f"its classes are not those {n_classes} of the card"
    if hasattr(model, "classes_") != bool(n_classes):
        yield "it is of another task than the card says"


_Check = Callable[[Any, int, int], Iterator[str]]
_CHECKS: Mapping[type, _Check] = {
    RandomForestClassifier: _forest_problems,
    RandomForestRegressor: _forest_problems,
    HistGradientBoostingClassifier: _boosting_problems,
    HistGradientBoostingRegressor: _boosting_problems,
    SVC: _svm_problems,
    SVR: _svm_problems,
}
