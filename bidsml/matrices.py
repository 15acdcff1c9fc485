"""Fold a vector of edges into a symmetric matrix, and back."""

from typing import Literal

import numpy as np

from bidsml.records import FloatArray

MatrixLayout = Literal["edges", "covariance"]


def matrix_to_edges(matrix: FloatArray, layout: MatrixLayout = "edges") -> FloatArray:
    """Take the upper triangle of a symmetric matrix, row by row.

    Parameters
    ----------
    matrix
        ``(n_nodes, n_nodes)``; only the upper triangle is read.
    layout
        ``edges`` leaves the diagonal out, ``covariance`` takes it along.

    Returns
    -------
    FloatArray
        ``(n_nodes * (n_nodes - 1) / 2,)`` or ``(n_nodes * (n_nodes + 1) / 2,)``.

    Examples
    --------
    >>> matrix = np.array([[1.0, 0.2, 0.3], [0.2, 1.0, 0.4], [0.3, 0.4, 1.0]])
    >>> matrix_to_edges(matrix).tolist()
    [0.2, 0.3, 0.4]
    >>> matrix_to_edges(matrix, layout="covariance").tolist()
    [1.0, 0.2, 0.3, 1.0, 0.4, 1.0]
    """
    rows, columns = triangle_nodes(len(matrix), layout)
    values: FloatArray = np.asarray(matrix, dtype=np.float64)[rows, columns]
    return values


def edges_to_matrix(values: FloatArray, n_nodes: int, layout: MatrixLayout = "edges") -> FloatArray:
    """Fold the upper triangle back into the symmetric matrix: the inverse of :func:`matrix_to_edges`.

    Parameters
    ----------
    values
        One value per pair of nodes, row by row.
    n_nodes
        Size of the matrix.
    layout
        With ``edges`` the diagonal comes back as NaN, since the vector does not hold it.

    Returns
    -------
    FloatArray
        ``(n_nodes, n_nodes)``.

    Raises
    ------
    ValueError
        The number of values does not fit the number of nodes.

    Examples
    --------
    >>> edges_to_matrix(np.array([0.2, 0.3, 0.4]), 3).tolist()
    [[nan, 0.2, 0.3], [0.2, nan, 0.4], [0.3, 0.4, nan]]
    """
    rows, columns = triangle_nodes(n_nodes, layout)
    if len(values) != len(rows):
        raise ValueError(f"{n_nodes} nodes have {len(rows)} values in layout {layout!r}, got {len(values)}")
    matrix = np.full((n_nodes, n_nodes), np.nan)
    matrix[rows, columns] = values
    matrix[columns, rows] = values
    return matrix


def edge_names(nodes: tuple[str, ...], layout: MatrixLayout = "edges") -> tuple[str, ...]:
    """Name every pair of nodes ``A--B``, in the order of :func:`matrix_to_edges`.

    >>> edge_names(("Insula", "Caudate", "Thalamus"))
    ('Insula--Caudate', 'Insula--Thalamus', 'Caudate--Thalamus')
    """
    rows, columns = triangle_nodes(len(nodes), layout)
    return tuple(f"{nodes[i]}--{nodes[j]}" for i, j in zip(rows, columns, strict=True))


def triangle_nodes(n_nodes: int, layout: MatrixLayout) -> tuple[np.ndarray, np.ndarray]:
    """Say which two nodes every value is between, in the order of :func:`matrix_to_edges`: two of ``(n_values,)``."""
    return np.triu_indices(n_nodes, k=0 if layout == "covariance" else 1)
