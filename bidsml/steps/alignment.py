"""Bring vectors of one block, whose names come from each scan's own file, to shared names, and average them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bidsml.matrices import edge_names, edges_to_matrix, matrix_to_edges
from bidsml.records import FeatureVector, FloatArray

ABSENT = "not in the file"


def align_vectors(vectors: Sequence[FeatureVector]) -> list[FeatureVector]:
    """Give all vectors the names that any of them has, NaN with a reason where one has none.

    Names of a plain vector keep the order in which the vectors bring them. Of a matrix, the nodes are sorted, as those
    of every vector must be: a pair of nodes has one name then.

    Parameters
    ----------
    vectors
        Of one block, of one layout.
    """
    first = vectors[0]
    if all(vector.names == first.names for vector in vectors):
        return list(vectors)
    if first.layout == "vector":
        nodes: tuple[str, ...] = first.nodes
        names = tuple(dict.fromkeys(name for vector in vectors for name in vector.names))
    else:
        nodes = tuple(sorted({node for vector in vectors for node in vector.nodes}))
        names = edge_names(nodes, first.layout)
    return [_widen(vector, names, nodes) for vector in vectors]


def _widen(vector: FeatureVector, names: tuple[str, ...], nodes: tuple[str, ...]) -> FeatureVector:
    place = {name: number for number, name in enumerate(names)}
    values = np.full(len(names), np.nan)
    values[[place[name] for name in vector.names]] = vector.values
    absent = set(nodes) - set(vector.nodes) if vector.layout != "vector" else set(names) - set(vector.names)
    missing = {**dict.fromkeys(sorted(absent), ABSENT), **vector.missing}
    return replace(vector, names=names, values=values, nodes=nodes, missing=missing)


def average_vectors(vectors: list[FeatureVector]) -> FeatureVector:
    """Average each value over the scans of one participant that have it.

    Of covariance matrices, whose cells belong together, a scan without a region is first given what the scans tell of
    it (:func:`bidsml.learn.embedding.average_covariances`): cells of different scans would make no covariance.
    """
    first = vectors[0]
    if len(vectors) == 1:
        return first
    stacked = np.stack([vector.values for vector in vectors])  # (n_scans, n_features)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    values = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    if first.layout == "covariance" and (known.any(axis=0) & ~known.all(axis=0)).any():
        values = _average_covariances(stacked, len(first.nodes))
    lost = set.intersection(*(set(vector.missing) for vector in vectors))
    missing = {name: reason for name, reason in first.missing.items() if name in lost}
    settings = {key: what for key, what in first.settings.items() if all(v.settings.get(key) == what for v in vectors)}
    return replace(first, values=values, missing=missing, settings=settings)


def _average_covariances(stacked: FloatArray, n_nodes: int) -> FloatArray:
    """Average triangles of covariance matrices with gaps, ``(n_scans, n_cells)``."""
    # It loads the whole of machine learning, which hardly any participant needs.
    from bidsml.learn.embedding import average_covariances

    matrices = np.stack([edges_to_matrix(row, n_nodes, "covariance") for row in stacked])
    here = np.flatnonzero(np.isfinite(np.diagonal(matrices, axis1=1, axis2=2)).any(axis=0))
    mean = np.full((n_nodes, n_nodes), np.nan)
    mean[np.ix_(here, here)] = average_covariances(matrices[:, here][:, :, here])
    return matrix_to_edges(mean, "covariance")
