"""Estimators whose numbers lead to where nothing is: told before compiled code follows them."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.svm import SVC, SVR
from sklearn.tree import ExtraTreeClassifier

from bidsml.errors import DataError
from bidsml.learn.frozen_estimator import check_estimator

X = np.random.default_rng(0).standard_normal((60, 4))
Y = np.arange(60) % 2.0


def _forest() -> RandomForestClassifier:
    return RandomForestClassifier(3, random_state=0, n_jobs=1).fit(X, Y)


def _boosting() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=3, early_stopping=False, random_state=0).fit(X, Y)


def _refused(model, match, n_features=4, n_classes=2):
    with pytest.raises(DataError, match=match) as caught:
        check_estimator(model, n_features=n_features, n_classes=n_classes)
    assert "do not use this model" in caught.value.hint


@pytest.mark.parametrize(
    ("model", "n_classes"),
    [
        *((_forest(), 2), (_boosting(), 2), (SVC().fit(X, Y), 2), (SVC().fit(X, np.arange(60) % 4.0), 4)),
        *((SVR().fit(X, X[:, 0]), 0), (RandomForestRegressor(3, n_jobs=1).fit(X, X[:, 0]), 0), (Ridge().fit(X, Y), 0)),
    ],
)
def test_what_scikit_learn_fitted_passes(model, n_classes):
    check_estimator(model, n_features=4, n_classes=n_classes)


@pytest.mark.parametrize(("field", "match"), [("feature", "a column that is none of 4"), ("left_child", "or above it")])
@pytest.mark.parametrize("value", [10**12, -7, 0])
def test_a_node_of_a_forest_that_points_nowhere_or_back(field, match, value):
    model = _forest()
    tree = model.estimators_[1].tree_
    state = tree.__getstate__()
    inner = state["nodes"]["left_child"] >= 0
    state["nodes"][field][inner] = value if (field, value) != ("feature", 0) else 4
    tree.__setstate__(state)
    _refused(model, match)


def test_a_tree_that_says_it_is_larger_than_it_is():
    model = _forest()
    tree = model.estimators_[0].tree_
    tree.__setstate__(tree.__getstate__() | {"node_count": 10**6})
    _refused(model, "says it has 1000000 nodes")


@pytest.mark.parametrize(("field", "value"), [("feature_idx", 10**9), ("left", 10**6), ("right", 0)])
def test_a_node_of_boosted_trees_that_points_nowhere_or_back(field, value):
    model = _boosting()
    nodes = model._predictors[2][0].nodes
    nodes[field][nodes["is_leaf"] == 0] = value
    _refused(model, "a node of a tree")


def test_fields_of_nodes_under_each_others_names():
    """scikit-learn reads them by place: names that were changed about hid what it reads."""
    model = _boosting()
    tree = model._predictors[0][0]
    names = [{"left": "count", "count": "left"}.get(name, name) for name in tree.nodes.dtype.names]
    tree.nodes = tree.nodes.view(np.dtype([(new, tree.nodes.dtype[old]) for new, old in zip(names, tree.nodes.dtype.names, strict=True)]))  # fmt: skip  # noqa: E501
    _refused(model, "other fields")


@pytest.mark.parametrize("name", ["_dual_coef_", "_intercept_", "_n_support", "support_vectors_", "support_"])
def test_arrays_of_a_support_vector_machine_that_are_too_short(name):
    model = SVC().fit(X, Y)
    setattr(model, name, getattr(model, name)[..., :-1].copy())
    _refused(model, r"is not \(|not as many|altered")


def test_counts_that_lie_about_the_support_vectors():
    model = SVC().fit(X, Y)
    model._n_support = model._n_support + np.array([2**30, -(2**30)], dtype=np.int32)
    _refused(model, "not as many as it says")


def test_an_estimator_for_other_data():
    _refused(_forest(), "takes 4 features, where there are 3", n_features=3)
    _refused(_forest(), "classes are not those 3", n_classes=3)
    _refused(_forest(), "another task", n_classes=0)
    strange = _forest()
    strange.estimators_[1] = ExtraTreeClassifier().fit(X, Y)
    _refused(strange, "among its trees is one of another kind: ExtraTreeClassifier")
    eager = _forest()
    eager.n_jobs = 10_000
    _refused(eager, "more jobs")
    bare = _forest()
    del bare.estimators_
    _refused(bare, "AttributeError")
