"""What the model looks at."""

from collections.abc import Iterator, Mapping

import numpy as np

from bidsml.matrices import edges_to_matrix, triangle_nodes
from bidsml.records import (
    FeatureBlock,
    FloatArray,
    PatternLevel,
    PatternNull,
    PermutationNull,
    Result,
    WeightMap,
    Weights,
)
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.matrix import matrix_image, matrix_table
from bidsml.report.viewers import Connectome, Edge
from bidsml.report.viewers.brainmap import make_brain_map
from bidsml.report.viewers.glass import draw_glass
from bidsml.report.wording import listing, number, p_value, percent, plural

_STRONGEST = 20
_FEWEST_EDGES, _MOST_EDGES = 30, 100
_MOST_VIEWERS = 6
_ALPHA = 0.05


def section(result: Result) -> Section | None:
    """Show patterns and weights of the first linear model; nothing where no model has weights."""
    weights = next((w for w in result.weights if w.estimator == result.cv[0].estimator), None)
    weights = weights or next(iter(result.weights), None)
    if weights is None:
        return None
    null = next((n for n in result.nulls if n.estimator == weights.estimator and n.patterns), None)
    patterns = {one.level: one for one in null.patterns} if null else {}
    blocks: list[Block] = []
    for output, label in enumerate(weights.outputs):
        blocks += _drawn(result, weights, output, tested=patterns.get("feature"))
        blocks.append(_strongest(weights, output, label, tested=patterns.get("feature")))
    blocks += _mapped(result)
    blocks += [_groups(patterns[level], level) for level in ("region", "network") if level in patterns]
    return Section(
        anchor="weights",
        title="What the model looks at",
        lead="The pattern says how a feature goes with the prediction (Haufe 2014) and may be read; "
        "a raw weight may not, since it also cancels noise. " + (_tested(patterns, null) if null else _NOT_TESTED),
        blocks=tuple(blocks),
    )


_NOT_TESTED = "Single features are not tested here: read them as a description, not as findings."


def _tested(patterns: Mapping[PatternLevel, PatternNull], null: PermutationNull) -> str:
    """Say what stands after correction, and over what was corrected."""
    features = patterns["feature"]
    words: dict[PatternLevel, str] = {
        "feature": "features",
        "region": "regions",
        "network": "networks or pairs of them",
    }
    found = [
        f"{int((one.p <= _ALPHA).sum())} of {int(np.isfinite(one.p).sum()):,} {words[level]}"
        for level, one in patterns.items()
    ]
    floor = number(1 / (1 + len(features.draws)), 2)
    return (
        f"Tested with the same {len(null.null):,} draws, and corrected over all of a kind by the largest value of "
        f"every draw: {listing(found)} go with the prediction beyond chance at p ≤ {_ALPHA} "
        f"(smallest p possible {floor}). "
        "That a feature goes with the prediction doesn't make it the reason: what goes with it passes too."
    )


def _direction(label: str) -> str:
    return f"towards {label}" if label else "towards higher values"


# ------------------------------------------------------------------ connectomes


def _drawn(result: Result, weights: Weights, output: int, *, tested: PatternNull | None) -> Iterator[Block]:
    """Draw every connectome: in the brain where its atlas has places, and as a matrix."""
    for index, block in enumerate(result.blocks):
        if block.layout == "vector":
            continue
        name = f"{index + 1}-{output + 1}"
        pattern = weights.pattern[block.start : block.stop, output]
        places = _places(result, block)
        if places is not None:
            found = _in_brain(weights, block, output, places, tested=tested, name=f"connectome-{name}")
            yield from [found] if found else []
        matrix = edges_to_matrix(pattern, len(block.nodes), block.layout)
        yield _matrix(matrix, pattern, block, label=weights.outputs[output], name=f"weights-{name}")


def _places(result: Result, block: FeatureBlock) -> FloatArray | None:
    """Coordinates of a block's regions in mm, ``(n_nodes, 3)``, NaN for one without; ``None`` without an atlas."""
    atlas = next((one for one in result.atlases if one.name == block.atlas), None)
    if atlas is None:
        return None
    known = dict(zip(atlas.names, atlas.coordinates_mm, strict=True))
    places = np.array([known.get(node, np.full(3, np.nan)) for node in block.nodes])
    return places if np.isfinite(places).all(axis=1).sum() >= 2 else None


def _in_brain(
    weights: Weights,
    block: FeatureBlock,
    output: int,
    places: FloatArray,
    *,
    tested: PatternNull | None,
    name: str,
) -> Connectome | None:
    """Show the edges that go most strongly with the prediction, those that stand after correction marked."""
    label = weights.outputs[output]
    columns = np.arange(block.start, block.stop)
    values = (weights.pattern[:, output] if tested is None else tested.correlation)[columns]
    strength = np.abs(weights.pattern[:, output] if tested is None else tested.observed)[columns]
    first, second = triangle_nodes(len(block.nodes), "covariance" if block.layout == "covariance" else "edges")
    usable = np.isfinite(strength) & (first != second)
    p = np.full(len(columns), np.nan) if tested is None else tested.p[columns]
    n_sure = int((p[usable] <= _ALPHA).sum())
    order = np.argsort(np.where(usable, -strength, np.inf), kind="stable")[: usable.sum()]
    floor = np.nan if tested is None else 1 / (1 + len(tested.draws))
    edges = tuple(
        Edge(
            int(first[i]), int(second[i]), float(values[i]),
            note="" if tested is None else f"corrected {p_value(float(p[i]), floor=floor)}", sure=bool(p[i] <= _ALPHA),
        )
        for i in order[: int(np.clip(n_sure, _FEWEST_EDGES, _MOST_EDGES))]
    )  # fmt: skip
    if not edges:
        return None
    quantity = "forward pattern" if tested is None else "correlation with the prediction"
    alt = _edge_words(edges, block, int(usable.sum()), n_sure, tested=tested is not None, label=label)
    high, low = _direction(label), "away from it" if label else "towards lower values"
    legend = [f"Red: {high}; blue: {low}; thicker: stronger ({quantity})."]
    legend += [] if tested is None else ["Solid: beyond chance after correction; dashed: not shown to be."]
    return Connectome(
        name=name, alt=alt, table=_edge_table(edges, block, quantity, tested=tested is not None),
        svg=draw_glass(edges, places, legend=legend, name=name, alt=alt), edges=edges, regions=block.nodes,
        coordinates_mm=places, quantity=quantity, high=high, low=low, networks=block.networks,
    )  # fmt: skip


def _edge_words(
    edges: tuple[Edge, ...], block: FeatureBlock, n_edges: int, n_sure: int, *, tested: bool, label: str
) -> str:
    top = edges[0]
    strongest = f"{block.nodes[top.first]} with {block.nodes[top.second]} ({number(top.value, 2)})"
    shown = f"{block.name}: the {plural(len(edges), 'edge')} of {n_edges:,} that go most strongly with the prediction"
    if not tested:
        stands = "They were chosen by the size of their pattern alone and were not tested"
    elif not n_sure:
        stands = (
            "No edge is beyond chance after correction: these are only the strongest, and chance has a strongest too"
        )
    elif n_sure < len(edges):
        stands = f"{n_sure} of them are beyond chance after correction; the others shown are only the next strongest"
    else:
        more = f"; {n_sure - len(edges):,} more are, and not shown" if n_sure > len(edges) else ""
        stands = f"All shown are beyond chance after correction{more}"
    return f"{shown}; red {_direction(label)}. Strongest: {strongest}. {stands}."


def _edge_table(edges: tuple[Edge, ...], block: FeatureBlock, quantity: str, *, tested: bool) -> Table:
    rows = tuple(
        (
            block.nodes[edge.first],
            block.nodes[edge.second],
            number(edge.value),
            *((edge.note.removeprefix("corrected "),) if tested else ()),
        )
        for edge in edges
    )
    columns = ("Region", "Region", quantity.capitalize(), *(("p corrected",) if tested else ()))
    return Table("the edges shown, strongest first; all are in weights.tsv", columns, rows, text_columns=2)


def _matrix(matrix: FloatArray, pattern: FloatArray, block: FeatureBlock, *, label: str, name: str) -> Figure:
    table = matrix_table(matrix, block.nodes, what="Pattern")
    alt = (
        f"{block.name}: pattern between {len(block.nodes)} regions, red {_direction(label)}. "
        f"{_strongest_pair(matrix, block)} {int(np.isnan(pattern).sum())} of {len(pattern)} features were dropped."
    )
    return Figure(name=name, svg=matrix_image(matrix, label="Pattern", name=name, alt=alt), alt=alt, table=table)


def _strongest_pair(matrix: FloatArray, block: FeatureBlock) -> str:
    upper = np.triu_indices(len(matrix), k=1)
    values = matrix[upper]
    if not np.isfinite(values).any():
        return "No pair of regions has a pattern."
    best = int(np.nanargmax(np.abs(values)))
    a, b = block.nodes[upper[0][best]], block.nodes[upper[1][best]]
    return f"Strongest: {a} with {b}, {number(float(values[best]))}."


# ------------------------------------------------------------------ maps


def _mapped(result: Result) -> Iterator[Block]:
    """Show the maps of blocks with one value per region; those of connectomes are published as files only."""
    signed = [one for one in result.maps if one.quantity == "pattern" and np.isfinite(one.values).any()]
    for index, one in enumerate(signed[:_MOST_VIEWERS]):
        yield _map(one, name=f"map-{index + 1}")
    if len(signed) > _MOST_VIEWERS:
        rest = listing([f"{one.name}.nii.gz" for one in signed[_MOST_VIEWERS:]])
        yield Paragraph(f"Further maps are in the analysis's folder: {rest}.")


def _map(one: WeightMap, *, name: str) -> Block:
    order = np.argsort(-np.nan_to_num(np.abs(one.values), nan=-1.0), kind="stable")
    order = order[np.isfinite(one.values[order])]
    tested = bool(np.isfinite(one.p).any())
    best = order[0]
    sure = int((one.p <= _ALPHA).sum())
    stands = (
        f"{sure} of {len(order)} regions are beyond chance after correction"
        if tested
        else "Single regions were not tested"
    )
    what = f"{one.block}{f', {one.part}' if one.part else ''}"
    alt = (
        f"{what}: forward pattern of each region, red {_direction(one.output)}; every region is filled with its own "
        f"value, whether it stands or not. Largest: {one.regions[best]}, {number(float(one.values[best]))}. {stands}."
    )
    rows = tuple(
        (one.regions[i], number(float(one.values[i])), *((number(float(one.p[i]), 2),) if tested else ()))
        for i in order
    )
    columns = ("Region", "Pattern", *(("p corrected",) if tested else ()))
    table = Table(f"{what}: every region; the map itself is {one.name}.nii.gz", columns, rows, sortable=True)
    return make_brain_map(one, name=name, alt=alt, table=table)


# ------------------------------------------------------------------ tables


def _strongest(weights: Weights, output: int, label: str, *, tested: PatternNull | None) -> Table:
    """List the strongest features: by their correlation with the prediction where that is known, else by pattern."""
    pattern = weights.pattern[:, output]
    strength = np.abs(pattern if tested is None else tested.observed)
    order = np.argsort(-np.nan_to_num(strength, nan=-1.0), kind="stable")[:_STRONGEST]
    rows = tuple(
        (
            weights.names[i],
            number(float(pattern[i])),
            number(float(weights.weight[i, output])),
            percent(float(weights.stability[i, output])),
            *(() if tested is None else (number(float(tested.correlation[i]), 2), number(float(tested.p[i]), 2))),
        )
        for i in order
        if np.isfinite(pattern[i])
    )
    return Table(
        f"Strongest patterns {_direction(label)} ({len(rows)} of {len(weights.names)} features); "
        "stability is the share of folds that agree on the sign",
        ("Feature", "Pattern", "Weight", "Stability", *(() if tested is None else ("Correlation", "p corrected"))),
        rows,
    )


def _groups(null: PatternNull, level: str) -> Table:
    """List regions or networks by how surely they go with the prediction."""
    order = sorted(np.flatnonzero(np.isfinite(null.p)), key=lambda i: (null.p[i], -null.observed[i]))[:_STRONGEST]
    rows = tuple((null.names[i], number(float(null.observed[i]), 2), number(float(null.p[i]), 2)) for i in order)
    what = "Regions, all their edges together" if level == "region" else "Networks and pairs of networks"
    caption = f"{what} ({len(rows)} of {len(null.names)}); root mean square of z (correlation on the scale of chance)"
    return Table(caption, ("Region" if level == "region" else "Network", "RMS z", "p corrected"), rows)
