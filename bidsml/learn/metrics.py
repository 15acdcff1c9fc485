"""How good predictions are. Undefined is NaN, never an error and never a made-up number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special, stats

from bidsml.errors import AnalysisFileError, near_names
from bidsml.records import FloatArray, Task

_NAN = float("nan")
_SMALLEST = np.finfo(float).eps


@dataclass(frozen=True)
class Outcome:
    """What was predicted for some rows, and what is true of them.

    ``scores`` is ``(n, n_outputs)`` and ``predictions`` ``(n,)`` as in
    :class:`~bidsml.records.CVResult`; of two classes, code 1 is the positive one. ``train_mean`` is the mean
    outcome of the training rows, per row ``(n,)``; only R² uses it.
    """

    target: FloatArray
    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None = None
    n_classes: int = 0
    train_mean: FloatArray | None = None


def pool_outcomes(outcomes: Sequence[Outcome]) -> Outcome:
    """Put the rows of several outcomes of one model together."""
    probabilities = [outcome.probabilities for outcome in outcomes if outcome.probabilities is not None]
    means = [outcome.train_mean for outcome in outcomes if outcome.train_mean is not None]
    return Outcome(
        target=np.concatenate([outcome.target for outcome in outcomes]),
        scores=np.concatenate([outcome.scores for outcome in outcomes]),
        predictions=np.concatenate([outcome.predictions for outcome in outcomes]),
        probabilities=np.concatenate(probabilities) if probabilities else None,
        n_classes=outcomes[0].n_classes,
        train_mean=np.concatenate(means) if means else None,
    )


@dataclass(frozen=True)
class Metric:
    """A figure of merit.

    ``chance`` is its value for an uninformative model where that is one number, else NaN; ``bounds`` its smallest and
    largest possible value.
    """

    function: Callable[[Outcome], float]
    task: Task
    higher_is_better: bool = True
    chance: float = _NAN
    bounds: tuple[float, float] = (-np.inf, np.inf)
    needs_probabilities: bool = False
    binary_only: bool = False
    label: str = ""

    def __call__(self, outcome: Outcome) -> float:
        """Compute the figure; NaN where it is undefined."""
        if outcome.target.size == 0 or not np.isfinite(outcome.predictions).all():
            return _NAN
        if self.needs_probabilities and outcome.probabilities is None:
            return _NAN
        if self.binary_only and outcome.n_classes != 2:
            return _NAN
        return float(self.function(outcome))


def _auc(positive: np.ndarray, score: np.ndarray) -> float:
    """Share of pairs in which the positive scores higher, ties half (Hanley and McNeil 1982).

    A permutation test takes it a thousand times a second, which scikit-learn's does not reach.
    """
    above, below = score[positive], np.sort(score[~positive])
    if not above.size or not below.size:
        return _NAN
    beaten = np.searchsorted(below, above, side="left") + np.searchsorted(below, above, side="right")
    return float(beaten.sum() / (2 * above.size * below.size))


def _roc_auc(outcome: Outcome) -> float:
    if outcome.n_classes == 2:
        return _auc(outcome.target == 1, outcome.scores[:, 0])
    # Macro average, one class against the rest.
    return float(np.mean([_auc(outcome.target == code, outcome.scores[:, code]) for code in range(outcome.n_classes)]))


def _recall(outcome: Outcome, code: int) -> float:
    members = outcome.target == code
    return float(np.mean(outcome.predictions[members] == code)) if members.any() else _NAN


def _balanced_accuracy(outcome: Outcome) -> float:
    return float(np.mean([_recall(outcome, code) for code in range(outcome.n_classes)]))


def _accuracy(outcome: Outcome) -> float:
    return float(np.mean(outcome.predictions == outcome.target))


def _sensitivity(outcome: Outcome) -> float:
    return _recall(outcome, 1)


def _specificity(outcome: Outcome) -> float:
    return _recall(outcome, 0)


def _pr_auc(outcome: Outcome) -> float:
    from sklearn.metrics import average_precision_score

    positive = outcome.target == 1
    return float(average_precision_score(positive, outcome.scores[:, 0])) if positive.any() else _NAN


def _probabilities(outcome: Outcome) -> FloatArray:
    if outcome.probabilities is None:
        raise AssertionError("Metric.__call__ checks that there are probabilities")
    return outcome.probabilities


def _brier(outcome: Outcome) -> float:
    """Brier 1950: of two classes the squared error of the positive one's probability, of more the sum over classes."""
    truth = np.eye(outcome.n_classes)[outcome.target.astype(int)]
    squared = ((_probabilities(outcome) - truth) ** 2).sum(axis=1)
    return float(squared.mean() / 2) if outcome.n_classes == 2 else float(squared.mean())


def _log_loss(outcome: Outcome) -> float:
    own = _probabilities(outcome)[np.arange(outcome.target.size), outcome.target.astype(int)]
    return float(-np.log(np.clip(own, _SMALLEST, 1)).mean())


def _log_odds(outcome: Outcome) -> FloatArray:
    return np.asarray(special.logit(np.clip(_probabilities(outcome)[:, 1], _SMALLEST, 1 - _SMALLEST)))


def _calibration_slope(outcome: Outcome) -> float:
    """Slope of a logistic regression of the label on the predicted log odds (Cox 1958); 1 is perfect."""
    from sklearn.linear_model import LogisticRegression

    log_odds = _log_odds(outcome)
    if np.unique(outcome.target).size < 2 or np.ptp(log_odds) == 0 or _auc(outcome.target == 1, log_odds) in (0, 1):
        return _NAN
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(log_odds[:, None], outcome.target)
    return float(model.coef_[0, 0])


def _calibration_intercept(outcome: Outcome) -> float:
    """Calibration in the large: the shift of the log odds that makes the mean probability right; 0 is perfect."""
    from scipy.optimize import brentq

    log_odds = _log_odds(outcome)
    prevalence = outcome.target.mean()
    if prevalence in (0, 1):
        return _NAN

    def surplus(shift: float) -> float:
        return float(special.expit(log_odds + shift).mean() - prevalence)

    return float(brentq(surplus, -100, 100))


def _r2(outcome: Outcome) -> float:
    """Out-of-fold R² against the training mean: no other constant is known when the model is used."""
    reference = outcome.target.mean() if outcome.train_mean is None else outcome.train_mean
    total = ((outcome.target - reference) ** 2).sum()
    return float(1 - ((outcome.target - outcome.predictions) ** 2).sum() / total) if total > 0 else _NAN


def _mae(outcome: Outcome) -> float:
    return float(np.abs(outcome.target - outcome.predictions).mean())


def _pearson(outcome: Outcome) -> float:
    spread = min(np.ptp(outcome.target), np.ptp(outcome.predictions))
    if outcome.target.size < 3 or spread <= 1e-12 * max(1.0, float(np.abs(outcome.predictions).max())):
        return _NAN
    return float(np.corrcoef(outcome.target, outcome.predictions)[0, 1])


def _spearman(outcome: Outcome) -> float:
    ranked = Outcome(stats.rankdata(outcome.target), outcome.scores, stats.rankdata(outcome.predictions))
    return _pearson(ranked)


_Kind = Literal["classification", "regression"]
_CLASSES: _Kind = "classification"
_NUMBER: _Kind = "regression"
_SHARE = (0.0, 1.0)

METRICS: Mapping[str, Metric] = {
    "roc_auc": Metric(_roc_auc, _CLASSES, chance=0.5, bounds=_SHARE, label="ROC AUC"),
    "balanced_accuracy": Metric(_balanced_accuracy, _CLASSES, bounds=_SHARE, label="balanced accuracy"),
    "accuracy": Metric(_accuracy, _CLASSES, bounds=_SHARE, label="accuracy"),
    "sensitivity": Metric(_sensitivity, _CLASSES, bounds=_SHARE, binary_only=True, label="sensitivity"),
    "specificity": Metric(_specificity, _CLASSES, bounds=_SHARE, binary_only=True, label="specificity"),
    "pr_auc": Metric(_pr_auc, _CLASSES, bounds=_SHARE, binary_only=True, label="PR AUC"),
    "brier": Metric(
        _brier, _CLASSES, bounds=(0, 2), higher_is_better=False, needs_probabilities=True, label="Brier score"
    ),
    "log_loss": Metric(
        _log_loss, _CLASSES, bounds=(0, np.inf), higher_is_better=False, needs_probabilities=True, label="log loss"
    ),
    "calibration_slope": Metric(
        _calibration_slope, _CLASSES, needs_probabilities=True, binary_only=True, label="calibration slope"
    ),
    "calibration_intercept": Metric(
        _calibration_intercept, _CLASSES, needs_probabilities=True, binary_only=True, label="calibration intercept"
    ),
    "r2": Metric(_r2, _NUMBER, chance=0.0, bounds=(-np.inf, 1), label="R²"),
    "mae": Metric(_mae, _NUMBER, bounds=(0, np.inf), higher_is_better=False, label="mean absolute error"),
    "pearson": Metric(_pearson, _NUMBER, chance=0.0, bounds=(-1, 1), label="Pearson r"),
    "spearman": Metric(_spearman, _NUMBER, chance=0.0, bounds=(-1, 1), label="Spearman ρ"),
}

# Neither says how good a model is: a slope of 1.2 is not better than one of 1.0.
DESCRIPTIVE = frozenset({"calibration_slope", "calibration_intercept"})


def metrics_of(task: Task) -> tuple[str, ...]:
    """Names of the metrics of a task, in the order of the performance table."""
    return tuple(name for name, metric in METRICS.items() if metric.task == task)


def find_metric(name: str, task: Task) -> Metric:
    """Look up a metric that a model can be judged by.

    Raises
    ------
    AnalysisFileError
        There is no such metric for the task.
    """
    known = [metric for metric in metrics_of(task) if metric not in DESCRIPTIVE]
    if name not in known:
        raise AnalysisFileError(
            f"inference.primary_metric = {name!r} is no metric that judges a {task}", hint=near_names(name, known)
        )
    return METRICS[name]
