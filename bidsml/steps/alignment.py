"""Bring vectors of one block, whose names come from each scan's own file, to shared names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bidsml.matrices import edge_names
from bidsml.records import FeatureVector

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
