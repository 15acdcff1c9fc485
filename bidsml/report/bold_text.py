"""Methods text of features from BOLD beyond the connectome: sentences by kind and measure, and what was set."""

from collections.abc import Mapping

from bidsml.report.blocks import Reference
from bidsml.report.bold_references import (
    ALLEN,
    BISWAL,
    BLONDEL,
    HINDRIKS,
    LAUMANN,
    NETWORKX,
    ONNELA,
    RUBINOV,
    ZANG_REHO,
)
from bidsml.report.references import LEDOIT_WOLF
from bidsml.report.wording import listing, plural
from bidsml.spec import FeatureSpec

_NETWORKS = "was averaged within each network and between each two networks."
_GRAPH = (
    "strength, clustering (Onnela et al., 2005) and betweenness of every node, global efficiency (Rubinov & Sporns, "
    "2010) and modularity (Louvain's method; Blondel et al., 2008) were computed with networkx (Hagberg et al., 2008)."
)
_GRAPH_SOURCES = (ONNELA, RUBINOV, BLONDEL, NETWORKX)
_REHO = (
    "Regional homogeneity, Kendall's coefficient of concordance of each voxel's signal, not smoothed, with those of "
    "its neighbours (Zang et al., 2004), "
)

BOLD_TEXT: Mapping[tuple[str, str], tuple[str, tuple[Reference, ...]]] = {
    ("network_connectivity", "correlation"): (
        f"Functional connectivity{{where}}, the Fisher z transformed Pearson correlation, {_NETWORKS}",
        (),
    ),
    ("network_connectivity", "partial"): (
        "Functional connectivity{where}, the Fisher z transformed partial correlation from a shrunken covariance "
        f"(Ledoit & Wolf, 2004), {_NETWORKS}",
        (LEDOIT_WOLF,),
    ),
    ("dynamic_connectivity", "window_sd"): (
        "The variability of functional connectivity{where} was measured as the standard deviation of the Fisher z "
        "transformed correlation over sliding windows without censored volumes (Allen et al., 2014); much of it is "
        "sampling variability (Hindriks et al., 2016) and goes with head motion (Laumann et al., 2017).",
        (ALLEN, HINDRIKS, LAUMANN),
    ),
    ("graph_measures", "correlation"): (
        f"The strongest positive correlations{{where}} made a weighted graph, of which {_GRAPH}",
        _GRAPH_SOURCES,
    ),
    ("graph_measures", "partial"): (
        "The strongest positive partial correlations, from a shrunken covariance (Ledoit & Wolf, 2004),{where} made a "
        f"weighted graph, of which {_GRAPH}",
        (LEDOIT_WOLF, *_GRAPH_SOURCES),
    ),
    ("seed_map", "seed_z"): (
        "The mean signal of each seed was correlated with that of every voxel (Biswal et al., 1995), and Fisher's z "
        "averaged{where}.",
        (BISWAL,),
    ),
    ("reho", "kendall_w"): (f"{_REHO}was averaged{{where}}.", (ZANG_REHO,)),
    ("reho", "kendall_w_of_brain"): (
        f"{_REHO}was divided by its mean over the brain and averaged{{where}}.",
        (ZANG_REHO,),
    ),
}


def say_options(options: FeatureSpec) -> str:
    """Say what was set of a block beyond kind, measure and atlas; empty where there is nothing to say."""
    if options.kind == "dynamic_connectivity":
        soft = f", their ends softened by a Gaussian of {options.taper_s:g} s" if options.taper_s else ""
        return f"Windows were {options.window_s:g} s long and slid by {options.step_s:g} s{soft}."
    if options.kind == "graph_measures":
        return f"A share of {100 * options.density:g} % of all pairs of regions was kept as edges."
    if options.kind == "reho":
        return f"Each neighbourhood held {options.neighbours} voxels."
    if options.kind == "seed_map" and options.seeds:
        spheres = [
            f"{seed.name} (a sphere of {seed.radius_mm:g} mm about {', '.join(f'{c:g}' for c in seed.mm)} mm)"
            if seed.mm
            else f"{seed.name} (the region {seed.region})"
            for seed in options.seeds
        ]
        return f"There {'was' if len(spheres) == 1 else 'were'} {plural(len(spheres), 'seed')}: {listing(spheres)}."
    return ""
