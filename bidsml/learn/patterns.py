"""Patterns under permutation: which features, regions and networks go with the prediction more than by chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bidsml.learn.fast.columns import training_blocks
from bidsml.learn.preparation import ModelInput
from bidsml.learn.tail import reaches
from bidsml.matrices import triangle_nodes
from bidsml.records import FeatureBlock, FloatArray, Fold, IntArray, PatternLevel, PatternNull

SingleArray = NDArray[np.float32]


@dataclass(frozen=True)
class Grouping:
    """Features gathered to regions or networks.

    ``members`` is ``(n_features, n_groups)``: 1 where a feature belongs to a group.
    """

    level: PatternLevel
    names: tuple[str, ...]
    members: sparse.csr_array


def pattern_nulls(
    given: ModelInput, folds: Sequence[Fold], decisions: Sequence[Sequence[SingleArray]]
) -> tuple[PatternNull, ...]:
    """Compute how features go with the prediction, for the labels as they are and for every draw.

    A feature's correlation with the model's decisions over the training rows, after imputing, harmonising, nuisance
    regression and scaling, is averaged over the folds that use it: the forward pattern of Haufe 2014
    (doi:10.1016/j.neuroimage.2013.10.067) of standardised features and decisions. The statistic is that in standard
    deviations of pilot draws, which are draws of their own: under a strong penalty the decisions follow what most
    features share whatever the labels are, and features that follow it too would drown the others in the maximum (on
    871 connectomes, at one strong penalty, no edge stood where 20 do; of the weights themselves, none). Of a region (a
    network, a pair of networks) it is the root mean square over its features.

    Parameters
    ----------
    given
        The model's columns.
    folds
        Folds of one repeat.
    decisions
        For every fold and batch of labellings the decisions on the training rows up to a constant, ``(n_draws, m)``.
        The first batch holds one labelling: the observed one; the second the pilot draws.

    Returns
    -------
    tuple of PatternNull
        Features; then regions and networks, where the blocks know them. Without p.
    """
    groupings = group_features(given.blocks, given.n_features)
    directions = [[_direction(batch) for batch in batches] for batches in decisions]
    sizes = [len(batch) for batch in directions[0]]
    observed, correlation = np.full((2, given.n_features), np.nan)
    largest = [np.zeros(size) for size in sizes]
    sums = [[np.zeros((size, len(grouping.names))) for size in sizes] for grouping in groupings]
    for columns, prepared in training_blocks(given, [fold.train for fold in folds]):
        found, n_used = _correlate(directions, prepared)
        spread = np.sqrt((found[1] ** 2).mean(axis=0))
        known = (n_used > 0) & (spread > 0)
        correlation[columns] = np.where(known, found[0][0], np.nan)
        for number, values in enumerate(found):
            statistic = np.divide(values, spread, out=np.zeros_like(values), where=known)
            if number == 0:
                observed[columns] = np.where(known, statistic[0], np.nan)
            np.maximum(largest[number], np.abs(statistic).max(axis=1), out=largest[number])
            for grouping, parts in zip(groupings, sums, strict=True):
                parts[number] += (grouping.members[columns].T @ (statistic**2).T).T
    used = np.isfinite(observed).astype(float)
    features = PatternNull(
        "feature", (), observed, np.concatenate(largest[2:] or [np.empty(0)])[:, None], correlation=correlation
    )
    return (features, *(_root_mean(g, used, parts) for g, parts in zip(groupings, sums, strict=True)))


def _correlate(
    directions: Sequence[Sequence[SingleArray]], prepared: Sequence[FloatArray]
) -> tuple[list[SingleArray], IntArray]:
    """Correlations of a block's columns with each batch's directions, mean over folds; and how many folds use each."""
    n_used = np.sum([block.any(axis=0) for block in prepared], axis=0)
    share = np.divide(1.0, n_used, out=np.zeros(n_used.size), where=n_used > 0)
    # A prepared column has the norm √m: divided by it, its product with a direction is a correlation.
    scaled = [(block * (share / np.sqrt(len(block)))).astype(np.float32) for block in prepared]
    found = [
        np.asarray(sum(batch @ block for batch, block in zip(batches, scaled, strict=True)))
        for batches in zip(*directions, strict=True)
    ]
    return found, n_used


def _direction(decisions: SingleArray) -> SingleArray:
    """Centre decisions and give them the norm 1; constant ones go with nothing."""
    centred = decisions - decisions.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))


def _root_mean(grouping: Grouping, used: FloatArray, parts: Sequence[FloatArray]) -> PatternNull:
    counts = grouping.members.T @ used
    rooted = [
        np.sqrt(np.divide(part, counts, out=np.full(part.shape, np.nan), where=np.broadcast_to(counts > 0, part.shape)))
        for part in parts
    ]
    draws = np.concatenate(rooted[2:] or [np.empty((0, len(grouping.names)))])
    return PatternNull(grouping.level, grouping.names, rooted[0][0], draws)


def group_features(blocks: Sequence[FeatureBlock], n_features: int) -> tuple[Grouping, ...]:
    """Gather features to regions (of edges) and to networks or pairs of them, where the blocks know them.

    An edge belongs to both its regions, and to the pair of its regions' networks. Several blocks keep their groups
    apart.
    """
    region, network = (_Cells() for _ in range(2))
    for block in blocks:
        columns = np.arange(block.start, block.stop)
        prefix = f"{block.name}:" if len(blocks) > 1 else ""
        if block.layout == "vector":
            if block.networks:
                network.add(columns, [prefix + name for name in block.networks])
            continue
        ends = triangle_nodes(len(block.nodes), block.layout)
        nodes = np.array([prefix + node for node in block.nodes], dtype=object)
        own = ends[0] == ends[1]
        region.add(columns, nodes[ends[0]])
        region.add(columns[~own], nodes[ends[1][~own]])
        if block.networks:
            pairs = [sorted((block.networks[a], block.networks[b])) for a, b in zip(*ends, strict=True)]
            network.add(columns, [prefix + (a if a == b else f"{a} with {b}") for a, b in pairs])
    levels: tuple[tuple[PatternLevel, _Cells], ...] = (("region", region), ("network", network))
    return tuple(cells.grouping(level, n_features) for level, cells in levels if cells.names)


class _Cells:
    """Pairs of feature and group, gathered block by block."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.rows: list[IntArray] = []
        self.columns: list[IntArray] = []

    def add(self, features: IntArray, groups: Sequence[str]) -> None:
        self.rows.append(features)
        self.columns.append(np.array([self.names.setdefault(name, len(self.names)) for name in groups], dtype=int))

    def grouping(self, level: PatternLevel, n_features: int) -> Grouping:
        rows, columns = np.concatenate(self.rows), np.concatenate(self.columns)
        shape = (n_features, len(self.names))
        return Grouping(level, tuple(self.names), sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape))


def correct_patterns(null: PatternNull) -> PatternNull:
    """Add p, two-sided and corrected over all features, regions or networks by the maximum statistic of every draw.

    Without draws p is NaN. Westfall and Young 1993. Features have one scale. Regions and networks differ in how many
    features they gather: each is first put on the scale of its own mean and standard deviation over the labellings,
    the observed one among them.
    """
    m = len(null.draws)
    if not m:
        return replace(null, p=np.full(len(null.observed), np.nan))
    observed, largest = np.abs(null.observed), null.draws[:, 0]
    if null.level != "feature":
        everything = np.vstack([null.observed, null.draws])
        spread = everything.std(axis=0)
        scaled = (everything - everything.mean(axis=0)) / np.where(spread > 0, spread, np.nan)
        observed, largest = scaled[0], np.nanmax(scaled[1:], axis=1, initial=-np.inf)
    counts = [int(reaches(largest, value).sum()) if np.isfinite(value) else m for value in observed]
    p = np.where(np.isfinite(observed), (1 + np.array(counts, dtype=float)) / (1 + m), np.nan)
    return replace(null, p=p)
