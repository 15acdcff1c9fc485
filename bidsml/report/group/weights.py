"""What the model looks at."""

from collections.abc import Mapping

import numpy as np

from bidsml.matrices import edges_to_matrix
from bidsml.records import FeatureBlock, FloatArray, PatternLevel, PatternNull, PermutationNull, Result, Weights
from bidsml.report.blocks import Block, Figure, Section, Table
from bidsml.report.matrix import matrix_image, matrix_table
from bidsml.report.wording import listing, number, percent

_STRONGEST = 20
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
        for index, block in enumerate(result.blocks):
            if block.layout != "vector":
                pattern = weights.pattern[block.start : block.stop, output]
                matrix = edges_to_matrix(pattern, len(block.nodes), block.layout)
                blocks.append(_matrix(matrix, pattern, block, label=label, name=f"weights-{index + 1}-{output + 1}"))
        blocks.append(_strongest(weights, output, label, tested=patterns.get("feature")))
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
