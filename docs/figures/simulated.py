"""Simulated people for the figures, and bidsml's own way from them to a figure of merit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bidsml.learn.cohort import build_cohort
from bidsml.learn.crossval import cross_validate, fold_outcome
from bidsml.learn.metrics import METRICS
from bidsml.learn.splits import plan_folds
from bidsml.records import Cohort, FeatureBlock, FeatureSet, FloatArray, Fold
from bidsml.spec import AnalysisSpec, EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (100.0,)})


@dataclass(frozen=True)
class People:
    """A cohort, its features and the analysis of both."""

    cohort: Cohort
    features: FeatureSet
    spec: AnalysisSpec

    def plan(self, seed: int = 0) -> list[Fold]:
        """Divide them into the folds of the default design."""
        return [fold for fold in plan_folds(self.cohort, self.spec, seed=seed) if fold.design == "stratified"]


def make_people(
    values: FloatArray, label: Sequence[int], *, folds: int = 5, repeats: int = 1, **columns: Any
) -> People:
    """Make a cohort of features ``(n, p)`` and labels 0 or 1; ``columns`` are further ones, such as site or family."""
    ids = [f"{number:04d}" for number in range(len(values))]
    table = pd.DataFrame({"participant_id": ids, "group": [("a", "b")[code] for code in label], **columns})
    content = {
        "name": "figure",
        "target": {"column": "group"},
        "features": [{"kind": "table"}],
        "cohort": {name: name for name in ("site",) if name in columns}
        | {"group": "family" if "family" in columns else "participant_id"},
        "cv": {"outer": {"kind": "stratified", "folds": folds, "repeats": repeats}},
    }
    spec = AnalysisSpec.model_validate_json(json.dumps(content))
    block = FeatureBlock("block", "table", "", "vector", 0, values.shape[1])
    names = tuple(f"f{number}" for number in range(values.shape[1]))
    features = FeatureSet(tuple(ids), names, np.asarray(values, dtype=float), (block,))
    return People(build_cohort(table, spec, available=ids), features, spec)


def halves(n: int, rng: np.random.Generator) -> FloatArray:
    """Labels 0 and 1, half and half, in random order."""
    return rng.permutation(np.arange(n) % 2)


def fold_figures(people: People, *, seed: int = 0) -> FloatArray:
    """Cross-validate ridge regression, and give the AUC of every fold."""
    folds = people.plan(seed)
    result = cross_validate(
        people.features, people.cohort, folds, spec=people.spec, estimator=RIDGE, model="biomarker", seed=seed
    )
    return np.array([METRICS["roc_auc"].function(fold_outcome(result, fold, people.cohort)) for fold in folds])
