"""What an estimator kind must keep to."""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone

from bidsml.contract.check import Check, require, run_checks
from bidsml.contract.watch import watch
from bidsml.learn.estimators import EstimatorKind
from bidsml.learn.serialised import dump_estimator, load_estimator
from bidsml.records import FloatArray, Task

_ROWS, _FEATURES = 60, 4
_SEED = 3


def check_estimator_kind(name: str, kind: EstimatorKind) -> list[Check]:
    """Run all checks of a kind, for every task that it names.

    Parameters
    ----------
    name
        As analyses name it.
    """

    def label() -> str:
        require(kind.label.strip(), "EstimatorKind.label must say in words what it is: reports print it")
        return kind.label

    def docstring() -> str:
        text = inspect.getdoc(kind.build)
        require(text, "the function that builds the estimator has no docstring")
        return str(text).splitlines()[0]

    def tasks() -> str:
        require(kind.tasks and kind.tasks <= {"classification", "regression"}, f"tasks are {sorted(kind.tasks)}")
        return ", ".join(sorted(kind.tasks))

    done = run_checks({"label": label, "docstring": docstring, "tasks": tasks})
    for task in sorted(kind.tasks):
        done += check_fitting(name, kind, task)
    return done


def check_fitting(name: str, kind: EstimatorKind, task: Task) -> list[Check]:
    """Check that a kind builds and fits for one task, and is what it says of itself."""
    case = _Case(name, kind, task)
    checks: dict[str, Callable[[], str]] = {
        "the grid fits the estimator": case.grid_fits,
        "one thread": case.uses_one_thread,
        "class weights": case.takes_class_weights,
        "predicts": case.predicts,
        "linear or not": case.has_weights_if_linear,
        "deterministic": case.repeats_itself,
        "leaves its input as it is": case.changes_nothing,
        "touches nothing else": case.touches_nothing_else,
        "can be frozen": case.can_be_frozen,
    }
    if task == "classification":
        checks |= {"ranks people": case.ranks, "probabilities": case.has_probabilities_if_said}
    return run_checks(checks, of=task)


class _Case:
    """One task, with simulated features ``(60, 4)`` and a target that the first of them gives away."""

    def __init__(self, name: str, kind: EstimatorKind, task: Task) -> None:
        self.name, self.kind, self.task = name, kind, task
        self.features = np.random.default_rng(0).standard_normal((_ROWS, _FEATURES))
        first = self.features[:, 0]
        self.target = (first > 0).astype(int) if task == "classification" else first

    def build(self, class_weight: Any = "none") -> tuple[Any, Any]:
        return self.kind.build(self.task, class_weight=class_weight, seed=_SEED)

    @cached_property
    def fitted(self) -> Any:
        return clone(self.build()[0]).fit(self.features, self.target)

    def grid_fits(self) -> str:
        estimator, grid = self.build()
        unknown = sorted(set(grid) - set(estimator.get_params()))
        require(not unknown, f"{type(estimator).__name__} has no parameters {unknown}")
        empty = [key for key, values in grid.items() if not list(values)]
        require(not empty, f"no values for {empty}")
        for key, values in grid.items():
            for value in values:
                clone(estimator).set_params(**{key: value}).fit(self.features, self.target)
        return ", ".join(grid) or "nothing is tuned"

    def uses_one_thread(self) -> str:
        jobs = {key: value for key, value in self.build()[0].get_params().items() if key.endswith("n_jobs")}
        require(all(value in (None, 1) for value in jobs.values()), f"{jobs}: bidsml starts the processes itself")
        return "n_jobs is 1" if jobs else "no n_jobs"

    def takes_class_weights(self) -> str:
        if self.task == "regression" or not self.kind.has_class_weight:
            return "takes none"
        weight = self.build("balanced")[0].get_params().get("class_weight")
        require(
            weight == "balanced", f"class_weight='balanced' gives class_weight={weight!r}: set has_class_weight=False"
        )
        return "balanced on request"

    def predicts(self) -> str:
        predicted = np.asarray(self.fitted.predict(self.features))
        require(predicted.shape == (_ROWS,), f"predictions are {predicted.shape} for {_ROWS} rows")
        if self.task == "classification":
            require(set(predicted.tolist()) <= {0, 1}, "a predicted class is none of the training classes")
        else:
            require(np.isfinite(predicted).all(), "a prediction is not finite")
        return "one per row"

    def has_weights_if_linear(self) -> str:
        found = hasattr(self.fitted, "coef_")
        there = "there" if found else "not there"
        require(found == self.kind.linear, f"EstimatorKind.linear is {self.kind.linear}, and coef_ is {there}")
        if not found:
            return "not linear"
        coefficients = np.atleast_2d(self.fitted.coef_)
        require(coefficients.shape == (1, _FEATURES), f"coef_ is {coefficients.shape} for {_FEATURES} features")
        scores = self._scores() if self.task == "classification" else np.asarray(self.fitted.predict(self.features))
        rest = scores - self.features @ coefficients[0]
        require(np.ptp(rest) < 1e-6 * max(1.0, np.ptp(scores)), "the decision is not features @ coef_ + a constant")
        return "decision = features @ coef_ + a constant"

    def repeats_itself(self) -> str:
        again = self.build()[0].fit(self.features, self.target)
        require(
            np.array_equal(self._outputs(again), self._outputs(self.fitted)),
            "the same seed gives other predictions: hand seed on as random_state",
        )
        return "same seed, same predictions"

    def changes_nothing(self) -> str:
        features, target = self.features.copy(), self.target.copy()
        self.build()[0].fit(features, target).predict(features)
        require(np.array_equal(features, self.features), "fit or predict changed the features")
        require(np.array_equal(target, self.target), "fit changed the target")
        return "features and target"

    def touches_nothing_else(self) -> str:
        self.fitted.predict(self.features)  # Whatever is imported at the first call is not looked at.
        with watch() as found:
            self.build()[0].fit(self.features, self.target).predict(self.features)
        require(not found, "; ".join(found[:3]))
        return "no file, program, network or pickle"

    def ranks(self) -> str:
        scores = self._scores()
        require(scores.shape == (_ROWS,), f"scores of two classes are {scores.shape} for {_ROWS} rows")
        above = scores[self.target == 1].mean() > scores[self.target == 0].mean()
        require(above, "class 1 has lower scores than class 0 on the training rows")
        return "decision_function" if hasattr(self.fitted, "decision_function") else "predict_proba"

    def has_probabilities_if_said(self) -> str:
        found = hasattr(self.fitted, "predict_proba")
        require(
            found == self.kind.has_probabilities,
            f"EstimatorKind.has_probabilities is {self.kind.has_probabilities}, and predict_proba is "
            f"{'there' if found else 'not there'}",
        )
        if not found:
            return "none"
        shares = np.asarray(self.fitted.predict_proba(self.features))
        right = shares.shape == (_ROWS, 2) and np.allclose(shares.sum(axis=1), 1) and (shares >= 0).all()
        require(right, "predict_proba is no probability per class")
        return "sum to 1"

    def can_be_frozen(self) -> str:
        if self.kind.linear:
            return "as its weights"
        again = load_estimator(dump_estimator(self.fitted), self.name, of=self.kind)
        same = np.array_equal(again.predict(self.features), self.fitted.predict(self.features))
        require(same, "a model that was written and read again predicts otherwise")
        return "as a skops file, without pickle"

    def _outputs(self, model: Any) -> FloatArray:
        """Give the finest output there is: labels of people far from the boundary say little."""
        method = next(name for name in ("decision_function", "predict_proba", "predict") if hasattr(model, name))
        return np.asarray(getattr(model, method)(self.features))

    def _scores(self) -> FloatArray:
        if hasattr(self.fitted, "decision_function"):
            return np.asarray(self.fitted.decision_function(self.features), dtype=float)
        require(hasattr(self.fitted, "predict_proba"), "there is neither decision_function nor predict_proba")
        return np.asarray(self.fitted.predict_proba(self.features), dtype=float)[:, 1]
