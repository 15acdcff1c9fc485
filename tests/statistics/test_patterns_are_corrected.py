"""Patterns of noise light up in no more than 5 % of datasets, over all features and over all networks."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.learn.permutation import permute
from bidsml.learn.splits import plan_folds
from bidsml.matrices import edge_names
from bidsml.records import FeatureBlock
from bidsml.spec import EstimatorSpec

NODES = tuple("abcdefgh")
NETWORKS = tuple("xxyyyzzz")
THREE = {"outer": {"kind": "stratified", "folds": 3}}
RIDGE = EstimatorSpec(kind="ridge", grid={"alpha": (10.0,)})


def lit(simulate, *, n_datasets, n_draws):
    """In how many noise datasets any feature, region or network has a corrected p of 0.05 or less, by level."""
    block = FeatureBlock("c", "connectome", "correlation", "edges", 0, 28, NODES, networks=NETWORKS)
    counts = {"feature": 0, "region": 0, "network": 0}
    for seed in range(n_datasets):
        data = simulate(n=36, p=28, seed=seed, cv=THREE)
        features = replace(data.features, names=edge_names(NODES), blocks=(block,))
        null = permute(
            features,
            data.cohort,
            plan_folds(data.cohort, data.spec, seed=0),
            spec=data.spec,
            estimator=RIDGE,
            first_draw=0,
            n_draws=n_draws,
            seed=seed,
            patterns=True,
        )
        for one in null.patterns:
            counts[one.level] += bool(np.nanmin(one.p) <= 0.05)
    return counts


def test_noise_lights_up_nothing(simulate):
    # Binomial(100, 0.05): 5 expected, more than 14 once in 10,000 times.
    counts = lit(simulate, n_datasets=100, n_draws=39)
    assert all(count <= 14 for count in counts.values()), counts
    assert sum(counts.values()) > 0, "a test that never rejects is no test"


@pytest.mark.slow
def test_noise_lights_up_nothing_in_full(simulate):
    counts = lit(simulate, n_datasets=500, n_draws=199)
    assert all(11 <= count <= 42 for count in counts.values()), counts
