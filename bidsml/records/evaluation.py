"""Records of what the headline leaves open: calibration, utility, sample size and subgroups."""

from dataclasses import dataclass
from typing import Literal

from bidsml.records.base import FloatArray, IntArray, Model, Record


@dataclass(frozen=True)
class CalibrationCurve(Record):
    """How often what was predicted came true: out-of-fold probabilities of the first repeat, in equal parts.

    Arrays are ``(n_bins,)``, by rising probability: people, positive people, mean predicted probability, observed
    share and its Wilson interval. All empty where ``note`` says why there is no curve.
    """

    estimator: str
    model: Model
    design: str
    n: IntArray
    positives: IntArray
    predicted: FloatArray
    observed: FloatArray
    low: FloatArray
    high: FloatArray
    slope: float = float("nan")
    """Logistic slope of the label on the predicted log odds; 1 is perfect, below 1 is overconfident."""
    intercept: float = float("nan")
    """Shift of the log odds that makes the mean probability right; 0 is perfect."""
    ece: float = float("nan")
    """Expected calibration error: mean distance of predicted and observed over the bins, weighted by people."""
    note: str = ""


@dataclass(frozen=True)
class Utility(Record):
    """What the predictions would be good for, from the out-of-fold predictions of the first repeat.

    ``confusion`` is ``(n_classes, n_classes)``: people by true class (rows) and predicted class (columns).
    Of two classes, ``ppv`` and ``npv`` go with ``prevalence``, ``(n_prevalences,)`` each; the last prevalence is that
    of the sample. The decision curve is ``(n_thresholds,)``; empty where there are no probabilities.
    """

    estimator: str
    model: Model
    design: str
    scale: Literal["probability", "decision value", "highest of the classes"]
    """What the threshold is a threshold of."""
    threshold: float
    """Above it, the positive class is predicted; NaN for several classes."""
    confusion: IntArray
    prevalence: FloatArray
    ppv: FloatArray
    npv: FloatArray
    threshold_probability: FloatArray
    net_benefit: FloatArray
    treat_all: FloatArray
    """Net benefit of taking everyone for positive; that of taking nobody for positive is 0."""
    sensitivity: float = float("nan")
    specificity: float = float("nan")
    note: str = ""


@dataclass(frozen=True)
class LearningCurve(Record):
    """The primary metric against the number of training people.

    Arrays are ``(n_sizes,)``, by rising size: mean training rows, the metric's mean over folds and subsets, its
    interval, and how many random subsets a fold had.
    """

    estimator: str
    design: str
    metric: str
    size: FloatArray
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    n_subsets: IntArray
    interval: str = ""
    asymptote: float = float("nan")
    """Of the fitted power law: asymptote − scale · size^(−exponent). NaN where none could be fitted."""
    scale: float = float("nan")
    exponent: float = float("nan")
    gain: float = float("nan")
    """Further gain that the power law expects from twice the largest size."""
    flat_from: float = float("nan")
    """Smallest training size from which twice as many bring less than ``smallest_gain``; NaN: not within the data."""
    smallest_gain: float = 0.01
    note: str = ""


@dataclass(frozen=True)
class SubgroupRow(Record):
    """The primary metric among the people of one level of a column, from the pooled out-of-fold predictions.

    ``counts`` holds people per class (a regression: one number). ``estimate`` is NaN where a cell has fewer than five.
    """

    estimator: str
    design: str
    column: str
    level: str
    metric: str
    n: int
    counts: tuple[int, ...]
    estimate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class RankingCurve(Record):
    """ROC and precision-recall curve of one class against the others, with pointwise 95 % bands.

    Arrays are ``(n_grid,)``. ``true_positive_rate`` is at the false positive rates of ``grid``, ``precision`` at the
    recalls of ``grid``; both are means over repeats. ``prevalence`` is the precision of guessing.
    """

    estimator: str
    model: Model
    design: str
    output: str
    grid: FloatArray
    true_positive_rate: FloatArray
    rate_low: FloatArray
    rate_high: FloatArray
    precision: FloatArray
    precision_low: FloatArray
    precision_high: FloatArray
    roc_auc: float
    """Area under the curve of all test rows pooled, mean over repeats."""
    average_precision: float
    prevalence: float
    interval: str = ""
