"""Vectors whose names come from each scan's own file, brought to shared names."""

import numpy as np

from bidsml.matrices import edge_names, edges_to_matrix, matrix_to_edges
from bidsml.records import FeatureVector
from bidsml.steps.alignment import ABSENT, align_vectors, average_vectors


def covariance(nodes: tuple[str, ...], matrix: np.ndarray) -> FeatureVector:
    names = edge_names(nodes, "covariance")
    values = matrix_to_edges(matrix, "covariance")
    return FeatureVector("b", "eeg_covariance", "covariance", names, values, "covariance", nodes)


def test_vectors_with_the_same_names_stay_as_they_are():
    vectors = [FeatureVector("b", "table", "value", ("x", "y"), np.arange(2.0) + n) for n in range(2)]
    assert align_vectors(vectors) == vectors


def test_values_go_to_their_names():
    first = FeatureVector("b", "table", "value", ("x", "y"), np.array([1.0, 2.0]))
    second = FeatureVector("b", "table", "value", ("y", "z"), np.array([3.0, 4.0]), missing={"z": "own reason"})
    left, right = align_vectors([first, second])
    assert left.names == right.names == ("x", "y", "z")
    np.testing.assert_array_equal(left.values, [1, 2, np.nan])
    np.testing.assert_array_equal(right.values, [np.nan, 3, 4])
    assert left.missing == {"z": ABSENT}
    assert right.missing == {"x": ABSENT, "z": "own reason"}


def test_matrices_keep_every_pair_and_lose_none():
    rng = np.random.default_rng(0)
    one, two = np.cov(rng.standard_normal((3, 50))), np.cov(rng.standard_normal((2, 50)))
    first, second = align_vectors([covariance(("Cz", "Fz", "Pz"), one), covariance(("Fz", "O1"), two)])
    assert first.nodes == second.nodes == ("Cz", "Fz", "O1", "Pz")
    left, right = (edges_to_matrix(vector.values, 4, "covariance") for vector in (first, second))
    np.testing.assert_array_equal(left[np.ix_([0, 1, 3], [0, 1, 3])], one)
    np.testing.assert_array_equal(right[np.ix_([1, 2], [1, 2])], two)
    assert np.isnan(left[2]).all()
    assert np.isnan(right[[0, 3]]).all()
    assert second.missing == {"Cz": ABSENT, "Pz": ABSENT}


def test_covariances_of_runs_with_other_channels_average_to_a_covariance():
    """Cell by cell, a channel of the quiet run alone would not go with the others' mean."""
    rng = np.random.default_rng(1)
    nodes = ("Cz", "Fz", "O1", "Pz")
    one = 0.95 + 0.05 * np.eye(4)
    runs = [covariance(nodes, one * loud + 0.01 * np.diag(rng.random(4))) for loud in (1.0, 100.0)]
    full = edges_to_matrix(average_vectors(runs).values, 4, "covariance")
    np.testing.assert_allclose(full, np.mean([edges_to_matrix(run.values, 4, "covariance") for run in runs], axis=0))
    rest = edges_to_matrix(runs[1].values, 4, "covariance")[1:, 1:]
    found = average_vectors(align_vectors([runs[0], covariance(nodes[1:], rest)]))
    matrix = edges_to_matrix(found.values, 4, "covariance")
    np.testing.assert_allclose(matrix[1:, 1:], full[1:, 1:], rtol=1e-4)
    # Of the loud run, the channel is what the others say of it.
    np.testing.assert_allclose(matrix[0], full[0], rtol=0.1)
    assert np.linalg.eigvalsh(matrix).min() > 0.5 * np.linalg.eigvalsh(full).min()
    assert not found.missing


def test_a_channel_that_no_run_has_stays_missing():
    nodes = ("Cz", "Fz", "Pz")
    gone = np.eye(3)
    gone[1], gone[:, 1] = np.nan, np.nan
    runs = [covariance(nodes, gone), covariance(nodes, np.where(np.eye(3) == 0, np.nan, gone * [2, 2, np.nan]))]
    matrix = edges_to_matrix(average_vectors(runs).values, 3, "covariance")
    assert np.isnan(matrix[1]).all() and np.isfinite(matrix[np.ix_([0, 2], [0, 2])]).all()
