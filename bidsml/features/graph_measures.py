"""Graph measures of the functional connectome."""

from typing import Any

import networkx as nx
import numpy as np
from scipy.sparse.csgraph import shortest_path

from bidsml.features import measure_of
from bidsml.features.connectome import measure_matrix
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

OF_REGIONS = ("strength", "clustering", "betweenness")
OF_GRAPH = ("global_efficiency", "modularity")
# Louvain's greedy search ends in another local optimum for every order of the regions; the best of a few is steadier.
LOUVAIN_SEEDS = range(10)


def extract_graph_measures(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Measure the connectome as a weighted graph.

    The strongest positive correlations, a share ``density`` of all pairs of regions, become edges, their r the weights
    (fewer where fewer are positive). Negative correlations are no edges: what they mean depends on how the global
    signal was treated. The same density for everyone keeps the number of edges from passing for their layout [1]_, but
    lets people with weaker connectivity have more chance edges [2]_: compare with the connectome's mean.

    Per region: ``strength`` (sum of weights), ``clustering`` (geometric mean of the triangles' weights over the largest
    weight [3]_), ``betweenness`` (share of shortest paths through it, lengths 1 / weight). Of the graph:
    ``global_efficiency`` (mean of 1 / shortest length over pairs, 0 without a path [4]_) and ``modularity`` (the
    largest found by Louvain's method from ten fixed seeds [5]_). By networkx, shortest lengths by scipy.

    Regions that are missing are no nodes. Measures of the graph depend a little on how many are left.

    Returns
    -------
    FeatureVector
        ``measure--region`` for each measure of regions, then those of the graph.

    Raises
    ------
    DataError, AnalysisFileError
        As :func:`~bidsml.features.connectome.measure_matrix`.

    References
    ----------
    .. [1] van Wijk et al. 2010, PLoS ONE 5:e13701, doi:10.1371/journal.pone.0013701
    .. [2] van den Heuvel et al. 2017, NeuroImage 152:437, doi:10.1016/j.neuroimage.2017.02.005
    .. [3] Onnela et al. 2005, Phys Rev E 71:065103, doi:10.1103/PhysRevE.71.065103
    .. [4] Rubinov & Sporns 2010, NeuroImage 52:1059, doi:10.1016/j.neuroimage.2009.10.003
    .. [5] Blondel et al. 2008, J Stat Mech P10008, doi:10.1088/1742-5468/2008/10/P10008
    """
    measure = measure_of(options)
    z, lost = measure_matrix(data, measure)
    np.fill_diagonal(z, np.nan)
    present = np.flatnonzero(np.isfinite(z).any(axis=0))
    weights = threshold(np.tanh(z[np.ix_(present, present)]), density=options.density)
    of_regions, of_graph = describe_graph(weights)
    values = np.full((len(OF_REGIONS), len(data.regions)), np.nan)
    values[:, present] = of_regions
    names = tuple(f"{what}--{region}" for what in OF_REGIONS for region in data.regions)
    return FeatureVector(
        block=block,
        kind="graph_measures",
        measure=measure,
        names=(*names, *OF_GRAPH),
        values=np.concatenate([values.ravel(), of_graph]),
        missing={f"{what}--{region}": reason for what in OF_REGIONS for region, reason in lost.items()},
        atlas=data.atlas,
        settings={"density": options.density},
    )


def threshold(r: FloatArray, *, density: float) -> FloatArray:
    """Keep the strongest positive correlations of a matrix.

    Parameters
    ----------
    r
        ``(n_nodes, n_nodes)``, symmetric; the diagonal is not read.
    density
        Share of all pairs that are kept, 0-1; one pair at least.

    Returns
    -------
    FloatArray
        ``(n_nodes, n_nodes)``, symmetric, 0 where there is no edge. Of equal correlations the first in the order of
        the nodes are kept.
    """
    rows, columns = np.triu_indices(len(r), k=1)
    values = r[rows, columns]
    order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[: max(1, round(density * len(values)))]
    order = order[values[order] > 0]
    kept = np.zeros_like(r)
    kept[rows[order], columns[order]] = values[order]
    return kept + kept.T


def describe_graph(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Measure a weighted graph.

    Parameters
    ----------
    weights
        ``(n_nodes, n_nodes)``, symmetric, not negative, 0 where there is no edge.

    Returns
    -------
    of_regions
        ``(3, n_nodes)``: strength, clustering, betweenness.
    of_graph
        ``(2,)``: global efficiency, modularity; modularity is 0 of a graph without edges.
    """
    # Nodes are numbers: the order of sets of text changes from run to run.
    graph: Any = nx.from_numpy_array(weights)
    for _, _, edge in graph.edges(data=True):
        edge["length"] = 1 / edge["weight"]
    found = (
        dict(graph.degree(weight="weight")),
        nx.clustering(graph, weight="weight"),
        nx.betweenness_centrality(graph, weight="length"),
    )
    of_regions = np.array([[float(values[node]) for node in range(len(weights))] for values in found])
    return of_regions, np.array([_global_efficiency(weights), _modularity(graph)])


def _global_efficiency(weights: FloatArray) -> float:
    lengths = np.divide(1.0, weights, out=np.full_like(weights, np.inf), where=weights > 0)
    np.fill_diagonal(lengths, 0.0)
    shortest = shortest_path(np.where(np.isfinite(lengths), lengths, 0.0), directed=False)
    pairs = ~np.eye(len(weights), dtype=np.bool_)
    return float((1 / shortest[pairs]).mean())


def _modularity(graph: Any) -> float:
    if not graph.number_of_edges():
        return 0.0
    found = (nx.community.louvain_communities(graph, weight="weight", seed=seed) for seed in LOUVAIN_SEEDS)
    return max(float(nx.community.modularity(graph, communities, weight="weight")) for communities in found)
