"""Graph measures against graphs whose values are known in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.features import CATALOG
from bidsml.features.graph_measures import OF_GRAPH, OF_REGIONS, describe_graph, threshold
from bidsml.spec import FeatureSpec
from tests.features.conftest import make_data


def ring(n: int, reach: int, weight: float = 1.0) -> np.ndarray:
    """Ring lattice: every node goes with the ``reach`` next ones on each side."""
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    distance = np.minimum(distance, n - distance)
    return np.where((distance > 0) & (distance <= reach), weight, 0.0)


def test_complete_graph():
    n, weight = 7, 0.5
    of_regions, of_graph = describe_graph(weight * (1 - np.eye(n)))
    strength, clustering, betweenness = of_regions
    np.testing.assert_allclose(strength, weight * (n - 1))
    np.testing.assert_allclose(clustering, 1.0)  # weights count relative to the largest
    np.testing.assert_allclose(betweenness, 0.0)
    np.testing.assert_allclose(of_graph, [weight, 0.0], atol=1e-12)  # all lengths 1 / weight; one community


def test_ring_lattice():
    n, reach = 20, 3
    of_regions, of_graph = describe_graph(ring(n, reach))
    strength, clustering, betweenness = of_regions
    np.testing.assert_allclose(strength, 2 * reach)
    np.testing.assert_allclose(clustering, 3 * (2 * reach - 2) / (4 * (2 * reach - 1)))  # Watts & Strogatz 1998
    steps = np.ceil(np.minimum(np.arange(1, n), n - np.arange(1, n)) / reach)
    assert of_graph[0] == pytest.approx((1 / steps).mean())
    np.testing.assert_allclose(betweenness, (steps - 1).sum() / ((n - 1) * (n - 2)))  # nodes passed, shared alike
    assert of_graph[1] > 0.3


def test_two_cliques_apart():
    weights = np.kron(np.eye(2), 1 - np.eye(5))
    of_regions, of_graph = describe_graph(weights)
    np.testing.assert_allclose(of_graph, [4 / 9, 0.5])  # no path between the halves; modularity 1 - 2 (1/2)²
    np.testing.assert_allclose(of_regions[0], 4.0)


def test_star_has_all_paths_through_its_middle():
    weights = np.zeros((6, 6))
    weights[0, 1:] = weights[1:, 0] = [0.2, 0.4, 0.6, 0.8, 1.0]
    of_regions, of_graph = describe_graph(weights)
    np.testing.assert_allclose(of_regions[2], [1, 0, 0, 0, 0, 0])
    lengths = 1 / weights[0, 1:]
    between = [1 / (lengths[a] + lengths[b]) for a in range(5) for b in range(a)]
    assert of_graph[0] == pytest.approx((sum(weights[0, 1:]) + sum(between)) / 15)


def test_a_graph_without_edges():
    of_regions, of_graph = describe_graph(np.zeros((4, 4)))
    assert not of_regions.any() and not of_graph.any()


@given(st.integers(2, 12), st.floats(0.01, 1), st.integers(0, 99))
def test_threshold_keeps_the_strongest_positive_pairs(n, density, seed):
    r = np.random.default_rng(seed).uniform(-0.5, 1, size=(n, n)).round(1)  # rounding makes ties
    r = np.triu(r, 1) + np.triu(r, 1).T
    kept = threshold(r, density=density)
    pairs = np.triu_indices(n, 1)
    n_kept = int((kept[pairs] > 0).sum())
    assert n_kept == min(max(1, round(density * len(pairs[0]))), int((r[pairs] > 0).sum()))
    np.testing.assert_array_equal(kept, kept.T)
    np.testing.assert_array_equal(kept[kept > 0], r[kept > 0])
    left_out = r[pairs][kept[pairs] == 0]
    assert not n_kept or kept[pairs][kept[pairs] > 0].min() >= left_out.max(initial=-1)


def test_values_follow_regions_and_are_the_same_again(correlated):
    rng = np.random.default_rng(2)
    signals = rng.standard_normal((200, 12)) + np.repeat(rng.standard_normal((200, 3)), 4, axis=1)
    options = FeatureSpec(kind="graph_measures", density=0.4)

    def extract(given: np.ndarray) -> np.ndarray:
        return CATALOG["graph_measures"].extract(make_data(given), block="g", options=options)

    vector, again = extract(signals), extract(signals)
    np.testing.assert_array_equal(vector.values, again.values)
    assert vector.names[:2] == ("strength--r0", "strength--r1") and vector.names[-2:] == OF_GRAPH
    order = rng.permutation(12)
    shuffled = extract(signals[:, order]).values
    parts = vector.values[:-2].reshape(len(OF_REGIONS), 12)
    np.testing.assert_allclose(shuffled[:-2].reshape(len(OF_REGIONS), 12), parts[:, order], atol=1e-12)
    np.testing.assert_allclose(shuffled[-2:], vector.values[-2:], atol=1e-12)
    assert vector.values[-1] > 0.5  # three planted communities
    assert vector.settings == {"density": 0.4}


def test_a_missing_region_is_no_node(correlated):
    signals = np.random.default_rng(1).standard_normal((100, 6)) + correlated[:100, :1]
    options = FeatureSpec(kind="graph_measures", density=1.0)
    whole = CATALOG["graph_measures"].extract(make_data(signals[:, 1:]), block="g", options=options)
    signals[:, 0] = np.nan
    part = CATALOG["graph_measures"].extract(make_data(signals, missing={"r0": "dark"}), block="g", options=options)
    known = np.isfinite(part.values)
    np.testing.assert_allclose(part.values[known], whole.values)
    assert set(part.missing) == {f"{what}--r0" for what in OF_REGIONS}
