"""Simulated cohorts as the audit looks at them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bidsml.learn.leakage.material import Material, gather_material
from bidsml.learn.splits import plan_folds
from bidsml.records import FloatArray


@pytest.fixture(name="gather")
def _gather(simulate) -> Callable[..., Material]:
    """Simulate a cohort with folds; ``values`` and ``table`` replace its features and columns of its table."""

    def make(
        *,
        values: FloatArray | None = None,
        table: Mapping[str, Any] | None = None,
        history: Mapping[str, str] | None = None,
        cohort: Mapping[str, Any] | None = None,
        **simulation: Any,
    ) -> Material:
        data = simulate(**simulation)
        features, people = data.features, replace(data.cohort, **(cohort or {}))
        if values is not None:
            names = tuple(f"f{number}" for number in range(values.shape[1]))
            features = replace(features, values=values, names=names)
        if table is not None:
            people = replace(people, table=people.table.assign(**table))
        return gather_material(features, people, plan_folds(data.cohort, data.spec, seed=0), history or {})

    return make


@pytest.fixture(name="with_column")
def _with_column() -> Callable[[Material, FloatArray], Material]:
    """Replace the fourth feature."""

    def change(material: Material, column: FloatArray) -> Material:
        values = material.values.copy()
        values[:, 3] = column
        return replace(material, values=values)

    return change


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)
