"""Records of a frozen biomarker, and of what it says about other people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bidsml.records.base import FloatArray, Provenance, Record, Task
from bidsml.records.group import FeatureBlock, PerformanceRow

MODEL_SCHEMA = 1
"""Version of the layout of ``model.json`` and its arrays."""


@dataclass(frozen=True)
class NuisanceColumn(Record):
    """One column that a frozen biomarker regresses out of the features.

    A numeric column is taken as it is. For a column of categories, ``level`` is the one that this column indicates and
    ``levels`` are all that training knew.
    """

    name: str
    source: str
    level: str = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class NormativeCard(Record):
    """What a frozen biomarker's normative scores are given: covariates and sites.

    ``sites`` are those that training knew, in the order of their numbers; empty where sites have no norm of their own.
    ``reference`` is the condition on who defined the norm; empty: everyone.
    """

    columns: tuple[NuisanceColumn, ...]
    sites: tuple[str, ...] = ()
    unseen_site: str = "pooled"
    reference: str = ""


@dataclass(frozen=True)
class TrainingPeople(Record):
    """Who a biomarker was trained on, told only to those who know the people already.

    Every entry is a SHA-256 over ``salt`` and what it stands for, sorted. ``in_dataset`` hashes the dataset's name with
    the participant's label, ``labels`` the label alone, ``vectors`` the features to four significant digits, where
    it has enough non-integer values to tell people apart.
    """

    counts: Mapping[str, int]
    """Number of people by class; of a regression under ``all``."""
    salt: str
    in_dataset: tuple[str, ...]
    labels: tuple[str, ...]
    vectors: tuple[str, ...]


@dataclass(frozen=True)
class ModelCard(Record):
    """What a frozen biomarker is: everything but its numbers.

    Attributes
    ----------
    parameters
        Hyper-parameters that the inner folds chose.
    features
        The part of the analysis that decides the features: ``input``, ``denoise``, ``features``.
    names
        Features, in the order of the columns.
    performance
        The out-of-fold headline of the analysis that the biomarker comes from.
    sites, preserved, unseen_site
        Of ComBat: the sites that training knew, in the order of their numbers, and the columns whose effect is kept;
        empty where nothing was harmonised.
    """

    schema: int
    version: str
    packages: Mapping[str, str]
    analysis: str
    estimator: str
    parameters: Mapping[str, Any]
    class_weight: str
    task: Task
    target: str
    classes: tuple[str, ...]
    positive: str
    features: Mapping[str, Any]
    features_digest: str
    blocks: tuple[FeatureBlock, ...]
    names: tuple[str, ...]
    nuisance: tuple[NuisanceColumn, ...]
    people: TrainingPeople
    performance: Mapping[str, Any] = field(default_factory=dict)
    sites: tuple[str, ...] = ()
    preserved: tuple[NuisanceColumn, ...] = ()
    unseen_site: str = ""
    normative: NormativeCard | None = None
    """Where features are normative scores."""

    @property
    def n_beside(self) -> int:
        """Number of columns that are used up beside the features.

        Those are nuisance columns, then the site and what ComBat preserves, or the site and the covariates of
        normative scores.
        """
        n_scoring = 1 + len(self.normative.columns) if self.normative else 0
        return len(self.nuisance) + (1 + len(self.preserved) if self.sites else 0) + n_scoring


@dataclass(frozen=True)
class FrozenModel(Record):
    """A biomarker fitted once on everyone, ready for people it has not seen.

    ``arrays`` hold the preparation and, for a linear estimator, ``coef`` ``(n_outputs, n_prepared)`` and ``intercept``
    ``(n_outputs,)``. Any other estimator is in ``estimator``, as the bytes of a skops file.
    """

    card: ModelCard
    arrays: Mapping[str, NDArray[Any]]
    estimator: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))

    @property
    def is_linear(self) -> bool:
        """Whether the arrays are the whole model."""
        return self.estimator.size == 0


@dataclass(frozen=True)
class Freezing(Record):
    """The frozen biomarker of an analysis, or why there is none."""

    model: FrozenModel | None
    note: str = ""


@dataclass(frozen=True)
class Newcomers(Record):
    """People of another dataset, whom a frozen biomarker is applied to.

    ``table`` has one row per person: ``participant_id``, then ``label``, ``unit``, ``site`` as text, ``None`` where
    missing. ``target`` is class codes of the model (or the numeric outcome), NaN where unknown. ``values`` is
    ``(n, n_features)``, ``beside`` ``(n, n_beside)``: nuisance columns, then for ComBat the number of the site (−1 for
    an unknown one) and what is preserved, for normative scores the same number and the covariates; NaN where missing.
    """

    table: pd.DataFrame
    target: FloatArray
    values: FloatArray
    beside: FloatArray
    left: tuple[str, ...] = ()
    """Who is not among them, and why: one sentence each gate."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExternalResult(Record):
    """What a frozen biomarker predicts for another dataset, and how well.

    ``scores`` is ``(n, n_outputs)``, ``predictions`` ``(n,)``, ``probabilities`` ``(n, n_classes)`` or ``None``,
    ``recalibrated`` ``(n,)`` the positive class's probability (of a regression the outcome) after recalibration on
    this dataset's own labels, or ``None``. ``z`` is ``(n, n_features)``: normative scores by the model's norm, NaN
    where there is none; ``None`` of a model without one.
    """

    analysis: str
    card: ModelCard
    model_digest: str
    people: Newcomers
    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None
    recalibrated: FloatArray | None
    performance: tuple[PerformanceRow, ...]
    primary_metric: str
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    z: FloatArray | None = None
