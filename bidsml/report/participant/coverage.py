"""Which regions of the atlas were measured."""

import numpy as np

from bidsml.records import FeatureVector, FloatArray, ParticipantResult, ScanQC
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.figures import coverage_bars, shorten
from bidsml.report.wording import percent, plural

_SHOWN = 25
_FULL = 0.995
_ASKED_SHARE = 0.5
"""A region with less of it inside the brain mask counts as missing."""


def section(result: ParticipantResult) -> Section | None:
    """List missing regions with their reasons, and draw the least covered ones."""
    with_regions = [block for block in result.features if block.nodes or block.atlas]
    if not with_regions:
        return None
    blocks: list[Block] = []
    missing = {(v.atlas or v.block, name): why for v in with_regions for name, why in v.missing.items()}
    for index, qc in enumerate(result.qc, start=1):
        if qc.region_coverage.size:
            blocks.append(_show(qc, _names(with_regions, qc.region_coverage), f"coverage-{index}"))
    if missing:
        rows = tuple((atlas, name, why) for (atlas, name), why in missing.items())
        columns = ("Atlas", "Region", "Why it is missing")
        blocks.append(Table("Missing regions", columns, rows, text_columns=3))
    else:
        blocks.append(Paragraph("No region is missing."))
    return Section(
        anchor="coverage",
        title="Atlas coverage",
        lead="Regions that this scan could not measure stay empty; they are never filled in with a made-up value here. "
        f"{plural(len(missing), 'region is', 'regions are')} missing.",
        blocks=tuple(blocks),
    )


def _names(features: list[FeatureVector], shares: FloatArray) -> tuple[str, ...]:
    """Region names that belong to one row of shares, from the block of the same size."""
    for block in features:
        for names in (block.nodes, block.names):
            if len(names) == len(shares):
                return names
    return tuple(f"region {number}" for number in range(1, len(shares) + 1))


def _show(qc: ScanQC, names: tuple[str, ...], name: str) -> Paragraph | Figure:
    if (np.nan_to_num(qc.region_coverage) >= _FULL).all():
        return Paragraph(f"{qc.label}: all {len(names)} regions lie fully inside the brain mask.")
    return _bars(qc, names, name)


def _bars(qc: ScanQC, names: tuple[str, ...], name: str) -> Figure:
    shares = np.nan_to_num(qc.region_coverage)
    partial = np.flatnonzero(shares < _FULL)
    order = partial[np.argsort(shares[partial], kind="stable")][:_SHOWN]
    full = len(shares) - len(partial)
    low = int((shares < _ASKED_SHARE).sum())
    which = f"the {len(order)} least covered regions of {len(shares)}"
    alt = (
        f"{qc.label}: {full} of {len(shares)} regions lie fully inside the brain mask, {low} less than half. "
        f"Least covered: {shorten(names[order[0]])} with {percent(float(shares[order[0]]))}. Shown: {which}."
    )
    chosen = [names[i] for i in order]
    return Figure(
        name=name,
        svg=coverage_bars(chosen, shares[order], limit=_ASKED_SHARE, name=name, alt=alt),
        alt=alt,
        table=Table(
            caption=f"coverage of {which}",
            columns=("Region", "Inside the brain mask"),
            rows=tuple((names[i], percent(float(shares[i]))) for i in order),
        ),
    )
