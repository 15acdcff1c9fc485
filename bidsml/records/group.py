"""Records of the group: cohort, folds, cross-validated results, the null, the figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from bidsml.records.base import FloatArray, IntArray, Model, Record

PatternLevel = Literal["feature", "region", "network"]


@dataclass(frozen=True)
class FeatureBlock(Record):
    """Where one ``[[features]]`` block lies in the columns of a ``FeatureSet``: ``start:stop``."""

    name: str
    kind: str
    measure: str
    layout: Literal["vector", "edges", "covariance"]
    start: int
    stop: int
    nodes: tuple[str, ...] = ()
    atlas: str = ""
    networks: tuple[str, ...] = ()
    """One network per node (layout ``vector``: per value), where the atlas names them; else empty."""
    n_topics: int = 0
    """Of token counts: number of topics that they are reduced to in a fold, at most; 0 for anything else."""
    min_people: int = 1
    """Of token counts: fewest training people with a token that is kept."""


@dataclass(frozen=True)
class FeatureSet(Record):
    """All participants' features: ``values`` is ``(n_participants, n_features)``, NaN where missing."""

    participant_id: tuple[str, ...]
    names: tuple[str, ...]
    values: FloatArray
    blocks: tuple[FeatureBlock, ...]


@dataclass(frozen=True)
class Attrition(Record):
    """One participant who is not analysed: at which gate they left, and why."""

    participant_id: str
    gate: str
    reason: str
    label: str = "n/a"


@dataclass(frozen=True)
class Cohort(Record):
    """The analysed participants.

    ``table`` is indexed 0…n−1 and holds ``participant_id`` and every column the analysis names, numeric
    where every value is a number. ``nuisance`` is ``(n, n_nuisance)``: numeric columns as they are, text
    columns as indicators (first level dropped); NaN where missing. ``target`` is class codes (index into
    ``classes``) or the numeric outcome.
    """

    table: pd.DataFrame
    target: FloatArray
    classes: tuple[str, ...]
    positive: str
    unit: tuple[str, ...]
    site: tuple[str, ...]
    """One site per participant, or empty when the analysis names no site column."""
    nuisance: FloatArray
    nuisance_names: tuple[str, ...]
    nuisance_source: tuple[str, ...]
    """For each nuisance column, the table column it encodes."""
    attrition: tuple[Attrition, ...]
    considered: int
    """How many participants were there before the first gate."""

    @property
    def participant_id(self) -> tuple[str, ...]:
        """Labels in row order, without ``sub-``."""
        return tuple(self.table["participant_id"])


@dataclass(frozen=True)
class Study(Record):
    """What the group level learns from: who, and their features, row by row alike."""

    cohort: Cohort
    features: FeatureSet


@dataclass(frozen=True)
class Fold(Record):
    """One train/test split: row numbers into the cohort.

    ``inner`` numbers the inner fold of every training row (same order as ``train``); ``−1`` nowhere.
    """

    design: str
    repeat: int
    fold: int
    name: str
    train: IntArray
    test: IntArray
    inner: IntArray


@dataclass(frozen=True)
class CVResult(Record):
    """Cross-validated predictions of one model on one design.

    ``scores`` is ``(n_repeats, n_participants, n_outputs)``: the decision value (binary, one output), one
    decision value per class (multi-class), or the predicted outcome (regression). ``predictions`` is
    ``(n_repeats, n_participants)``: class code or predicted outcome. ``probabilities`` is
    ``(n_repeats, n_participants, n_classes)`` or ``None``. Rows never tested are NaN.
    ``fold_metrics`` maps a metric to one value per fold, in the order of the folds; NaN where undefined.
    ``weights`` is ``(n_folds, n_features, n_outputs)`` in the units of the features given, for linear
    models; ``patterns`` the same shape, Haufe 2014 forward patterns.
    """

    estimator: str
    model: Model
    design: str
    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None
    fold_metrics: Mapping[str, FloatArray]
    chosen: tuple[Mapping[str, Any], ...] = ()
    """Hyper-parameters picked by the inner folds, one per fold."""
    weights: FloatArray | None = None
    patterns: FloatArray | None = None


@dataclass(frozen=True)
class PatternNull(Record):
    """How features, regions or networks go with a linear model's prediction, under the draws of its test.

    ``observed`` is ``(k,)``: of a feature the mean over folds of its correlation with the decisions, in standard
    deviations of pilot draws; of a region or network the root mean square over its features. ``draws`` is
    ``(n_draws, k)``; of features only the largest absolute value of each draw, ``(n_draws, 1)``. ``p`` ``(k,)`` is
    corrected over all k. ``correlation`` is a feature's mean correlation itself, −1 to 1; empty for the others. NaN
    where no fold used a feature. ``names`` are empty for features, whose names the feature set has.
    """

    level: PatternLevel
    names: tuple[str, ...]
    observed: FloatArray
    draws: FloatArray
    p: FloatArray = field(default_factory=lambda: np.empty(0))
    correlation: FloatArray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class PermutationNull(Record):
    """The null distribution of one model's primary metric.

    ``null`` is ``(n_draws,)`` in the order of the draws, whose numbers are ``first_draw`` onwards.
    ``p`` counts ties as at least as extreme: ``(1 + #{null >= observed}) / (1 + n_draws)``.
    """

    estimator: str
    design: str
    metric: str
    aggregate: Literal["fold mean", "pooled"]
    observed: float
    null: FloatArray
    scheme: str
    seed: int
    first_draw: int = 0
    p: float = float("nan")
    p_floor: float = float("nan")
    p_family: float = float("nan")
    """Corrected over the estimators by the maximum statistic over the same draws."""
    engine: str = "general"
    """What fitted the draws: ``fast`` (all draws of a linear model together) or ``general`` (one by one)."""
    exhaustive: bool = False
    """Whether ``null`` holds every distinct labelling rather than random draws."""
    n_distinct: float = float("nan")
    """Number of distinct labellings under the scheme."""
    p_tail: float = float("nan")
    """p from a generalised Pareto tail of the null; NaN where none was asked for or none fits."""
    tail: str = ""
    """Words on the tail fit."""
    stopped: bool = False
    """Whether the draws stopped early, once enough had reached the observed value."""
    patterns: tuple[PatternNull, ...] = ()
    """Of a linear model with one output: features, regions and networks under the same draws."""


@dataclass(frozen=True)
class PerformanceRow(Record):
    """One figure of the performance table: one metric of one model, or of a paired difference."""

    estimator: str
    model: str
    design: str
    metric: str
    estimate: float
    low: float = float("nan")
    high: float = float("nan")
    interval: str = ""
    """How the interval was made, e.g. ``Nadeau-Bengio`` or ``unit bootstrap``."""
    p: float = float("nan")
    p_floor: float = float("nan")
    p_method: str = ""
    n: int = 0
    note: str = ""


@dataclass(frozen=True)
class Weights(Record):
    """What a linear model looks at, averaged over folds.

    Arrays are ``(n_features, n_outputs)``: ``weight`` (per unit of the feature), ``pattern`` (Haufe 2014),
    ``stability`` (share of folds whose weight has the mean weight's sign, 0.5–1).
    """

    estimator: str
    names: tuple[str, ...]
    weight: FloatArray
    pattern: FloatArray
    stability: FloatArray
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class LeakageCheck(Record):
    """One item of the leakage audit; what it refuses raises :class:`~bidsml.errors.DataError` instead.

    ``check`` is the item's id, e.g. ``label-site``. ``severity`` grades what was found: ``note`` is worth knowing,
    ``caution`` must stand beside the result, ``alarm`` could explain a good prediction on its own.
    """

    check: str
    status: Literal["passed", "warned", "not checked"]
    evidence: str
    """What was looked at and what was found, with its figures; the reason where nothing was checked."""
    advice: str = ""
    severity: Literal["none", "note", "caution", "alarm"] = "none"
