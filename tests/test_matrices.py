"""Folding edges is the inverse of taking them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidsml.matrices import edge_names, edges_to_matrix, matrix_to_edges


@given(st.integers(2, 12), st.sampled_from(["edges", "covariance"]), st.integers(0, 99))
def test_folding_inverts_unfolding(n_nodes: int, layout: str, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(
        n_nodes * (n_nodes + (1 if layout == "covariance" else -1)) // 2
    )
    matrix = edges_to_matrix(values, n_nodes, layout)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(matrix_to_edges(matrix, layout), values)
    assert np.isnan(np.diag(matrix)).all() == (layout == "edges")


def test_names_are_in_the_order_of_the_values() -> None:
    nodes = ("a", "b", "c")
    matrix = np.array([[11, 12, 13], [12, 22, 23], [13, 23, 33]], dtype=float)
    for layout in ("edges", "covariance"):
        for name, value in zip(edge_names(nodes, layout), matrix_to_edges(matrix, layout), strict=True):
            first, _, second = name.partition("--")
            assert value == matrix[nodes.index(first), nodes.index(second)]


def test_wrong_number_of_values_is_refused() -> None:
    with pytest.raises(ValueError, match="3 values"):
        edges_to_matrix(np.zeros(4), 3)
