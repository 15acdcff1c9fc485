"""Everything that the group report shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bidsml.records.ablation import BlockEffect
from bidsml.records.base import Provenance, Record, Task
from bidsml.records.evaluation import CalibrationCurve, LearningCurve, RankingCurve, SubgroupRow, Utility
from bidsml.records.frozen import ModelCard
from bidsml.records.group import (
    Cohort,
    CVResult,
    FeatureBlock,
    Fold,
    LeakageCheck,
    PerformanceRow,
    PermutationNull,
    Weights,
)
from bidsml.records.maps import WeightMap
from bidsml.records.normative import Deviations
from bidsml.records.participant import Atlas


@dataclass(frozen=True)
class Result(Record):
    """Everything the group report shows."""

    analysis: str
    task: Task
    primary_metric: str
    spec: Mapping[str, Any]
    cohort: Cohort
    blocks: tuple[FeatureBlock, ...]
    folds: tuple[Fold, ...]
    cv: tuple[CVResult, ...]
    nulls: tuple[PermutationNull, ...]
    performance: tuple[PerformanceRow, ...]
    weights: tuple[Weights, ...]
    atlases: tuple[Atlas, ...]
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    calibration: tuple[CalibrationCurve, ...] = ()
    utility: tuple[Utility, ...] = ()
    learning_curves: tuple[LearningCurve, ...] = ()
    subgroups: tuple[SubgroupRow, ...] = ()
    ranking: tuple[RankingCurve, ...] = ()
    leakage: tuple[LeakageCheck, ...] = ()
    blocks_added: tuple[BlockEffect, ...] = ()
    """What each block of features adds to the first biomarker; empty where there is one, or nobody asks."""
    study: Mapping[str, Any] = field(default_factory=dict)
    """What the authors told in study.toml (``StudySpec``); empty where there is none."""
    model: ModelCard | None = None
    """Card of the frozen biomarker; ``None`` where none was made."""
    maps: tuple[WeightMap, ...] = ()
    """Patterns in the brain; painted when the result is published."""
    deviations: Deviations | None = None
    """Normative scores of everyone, out of fold; ``None`` where the analysis has no norm."""

    @property
    def headline(self) -> PerformanceRow:
        """The primary metric of the first estimator's biomarker on the default design."""
        first = self.cv[0]
        return next(
            row
            for row in self.performance
            if (row.estimator, row.model, row.design, row.metric)
            == (first.estimator, "biomarker", first.design, self.primary_metric)
        )
