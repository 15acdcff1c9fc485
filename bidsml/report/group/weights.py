"""What the model looks at."""

import numpy as np

from bidsml.matrices import edges_to_matrix
from bidsml.records import FeatureBlock, FloatArray, Result, Weights
from bidsml.report.blocks import Block, Figure, Section, Table
from bidsml.report.matrix import matrix_image, matrix_table
from bidsml.report.wording import number, percent

_STRONGEST = 20


def section(result: Result) -> Section | None:
    """Show patterns and weights of the first linear model; nothing where no model has weights."""
    weights = next((w for w in result.weights if w.estimator == result.cv[0].estimator), None)
    weights = weights or next(iter(result.weights), None)
    if weights is None:
        return None
    blocks: list[Block] = []
    for output, label in enumerate(weights.outputs):
        for index, block in enumerate(result.blocks):
            if block.layout != "vector":
                pattern = weights.pattern[block.start : block.stop, output]
                matrix = edges_to_matrix(pattern, len(block.nodes), block.layout)
                blocks.append(_matrix(matrix, pattern, block, label=label, name=f"weights-{index + 1}-{output + 1}"))
        blocks.append(_strongest(weights, output, label))
    return Section(
        anchor="weights",
        title="What the model looks at",
        lead="The pattern says how a feature goes with the prediction (Haufe 2014) and may be read; "
        "a raw weight may not, since it also cancels noise. Single features are not tested here: read them as a "
        "description, not as findings.",
        blocks=tuple(blocks),
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


def _strongest(weights: Weights, output: int, label: str) -> Table:
    pattern = weights.pattern[:, output]
    order = np.argsort(-np.nan_to_num(np.abs(pattern), nan=-1.0), kind="stable")[:_STRONGEST]
    rows = tuple(
        (
            weights.names[i],
            number(float(pattern[i])),
            number(float(weights.weight[i, output])),
            percent(float(weights.stability[i, output])),
        )
        for i in order
        if np.isfinite(pattern[i])
    )
    return Table(
        f"Strongest patterns {_direction(label)} ({len(rows)} of {len(weights.names)} features); "
        "stability is the share of folds that agree on the sign",
        ("Feature", "Pattern", "Weight", "Stability"),
        rows,
    )
