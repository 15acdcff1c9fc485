"""The numbers that this participant hands to the group level."""

import numpy as np

from bidsml.matrices import edges_to_matrix
from bidsml.records import FeatureVector, FloatArray, ParticipantResult
from bidsml.report.blocks import Block, Figure, Section, Table
from bidsml.report.matrix import matrix_image, matrix_table
from bidsml.report.wording import KIND_NAMES, MEASURE_NAMES, number, plural

_LISTED = 200


def section(result: ParticipantResult) -> Section:
    """Show every feature block: a matrix as a picture, other blocks as a table."""
    blocks = tuple(_show(vector, f"features-{index}") for index, vector in enumerate(result.features, start=1))
    total = sum(len(vector.values) for vector in result.features)
    missing = sum(int(np.isnan(vector.values).sum()) for vector in result.features)
    return Section(
        anchor="features",
        title="Features",
        lead=f"What the group analysis learns from: {plural(total, 'number')} in "
        f"{plural(len(result.features), 'block')}, {missing} of them missing.",
        blocks=blocks,
    )


def _show(vector: FeatureVector, name: str) -> Block:
    if vector.layout == "vector":
        return _listed(vector)
    return _matrix(vector, edges_to_matrix(vector.values, len(vector.nodes), vector.layout), name)


def _matrix(vector: FeatureVector, matrix: FloatArray, name: str) -> Figure:
    off_diagonal = matrix[np.triu_indices(len(matrix), k=1)]
    off_diagonal = off_diagonal[np.isfinite(off_diagonal)]
    named = MEASURE_NAMES.get(vector.measure) or vector.measure.replace("_", " ")
    named = "covariance" if vector.layout == "covariance" else named
    what = named[:1].upper() + named[1:]
    finding = (
        f"mean {number(float(off_diagonal.mean()))}, smallest {number(float(off_diagonal.min()))}, "
        f"largest {number(float(off_diagonal.max()))}"
        if off_diagonal.size
        else "no cell could be measured"
    )
    alt = (
        f"{vector.block}: {named} between {len(vector.nodes)} regions"
        f"{f' of {vector.atlas}' if vector.atlas else ''}; {finding}; "
        f"{int(np.isnan(vector.values).sum())} of {len(vector.values)} cells missing."
    )
    label = "Covariance" if vector.layout == "covariance" else "Value"
    return Figure(
        name=name,
        svg=matrix_image(matrix, label=label, name=name, alt=alt),
        alt=alt,
        table=matrix_table(matrix, vector.nodes, what=what),
    )


def _listed(vector: FeatureVector) -> Table:
    rows = tuple((name, number(float(value))) for name, value in zip(vector.names, vector.values, strict=True))
    some = f", the first {_LISTED} of {len(rows)}" if len(rows) > _LISTED else ""
    kind = KIND_NAMES.get(vector.kind, vector.kind.replace("_", " "))
    measure = MEASURE_NAMES.get(vector.measure, vector.measure.replace("_", " "))
    caption = " · ".join(part for part in (vector.block, kind, measure) if part)
    return Table(f"{caption}{some}", ("Feature", "Value"), rows[:_LISTED], folded=len(rows) > 30)
