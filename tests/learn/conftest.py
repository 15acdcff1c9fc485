"""Small simulated cohorts for the learning tests."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bidsml.learn.cohort import build_cohort
from bidsml.records import Cohort, FeatureBlock, FeatureSet
from bidsml.spec import AnalysisSpec


@dataclass(frozen=True)
class Simulated:
    """A cohort, its features and the analysis they were made for."""

    cohort: Cohort
    features: FeatureSet
    spec: AnalysisSpec


def make_spec(**sections: Any) -> AnalysisSpec:
    """An analysis with sensible sections; keys such as ``cv`` replace a whole section."""
    content: dict[str, Any] = {"name": "test", "target": {"column": "dx"}, "features": [{"kind": "table"}]}
    return AnalysisSpec.model_validate_json(json.dumps({**content, **sections}))


def simulate(
    *,
    n: int = 60,
    p: int = 8,
    effect: float = 0.0,
    classes: int = 2,
    seed: int = 0,
    rows_per_unit: int = 1,
    n_sites: int = 0,
    missing: float = 0.0,
    **sections: Any,
) -> Simulated:
    """Gaussian features; the first one is shifted by ``effect`` per class, or per unit of the outcome.

    ``classes = 0`` simulates a regression. Rows of one unit share their label and a common part of their features.
    """
    rng = np.random.default_rng(seed)
    n_units = n // rows_per_unit
    label = rng.permutation(np.arange(n_units) % classes).astype(float) if classes else rng.standard_normal(n_units)
    label = np.repeat(label, rows_per_unit)
    common = np.repeat(rng.standard_normal((n_units, p)), rows_per_unit, axis=0)
    values = common + (rng.standard_normal((n, p)) if rows_per_unit > 1 else 0)
    values[:, 0] += effect * label
    values[rng.random((n, p)) < missing] = np.nan
    people = [f"p{number:03d}" for number in range(n)]
    names = [f"class-{int(code)}" if classes else repr(float(code)) for code in label]
    site = (rng.permutation(n_units) % max(n_sites, 1)).repeat(rows_per_unit)
    table = pd.DataFrame(
        {
            "participant_id": people,
            "dx": names,
            "family": [f"u{number // rows_per_unit:03d}" for number in range(n)],
            "site": [f"site-{number}" for number in site],
            "age": [str(age) for age in rng.integers(20, 60, n)],
            "sex": rng.choice(["M", "F"], n),
        }
    )
    cohort_section = {"group": "family"} if rows_per_unit > 1 else {}
    if n_sites:
        cohort_section["site"] = "site"
    target = {"column": "dx", "task": "classification" if classes else "regression"}
    sections = {"target": target, "cohort": cohort_section, **sections}
    spec = make_spec(**sections)
    block = FeatureBlock("block", "table", "", "vector", 0, p)
    features = FeatureSet(tuple(people), tuple(f"f{number}" for number in range(p)), values, (block,))
    return Simulated(build_cohort(table, spec, available=people), features, spec)


@pytest.fixture(name="simulate")
def _simulate() -> Callable[..., Simulated]:
    return simulate


@pytest.fixture(name="make_spec")
def _make_spec() -> Callable[..., AnalysisSpec]:
    return make_spec
