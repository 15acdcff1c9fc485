"""The section says of every block what its interval and its corrected p allow, and no more."""

from dataclasses import replace

import pytest

from bidsml.records import BlockEffect, PerformanceRow, Result
from bidsml.report.blocks import Figure, Paragraph
from bidsml.report.group import blocks
from bidsml.steps.blocktable import BLOCKS, blocks_table


def row(estimator: str, value: float, p: float = float("nan")) -> PerformanceRow:
    return PerformanceRow(estimator, "m", "stratified", "roc_auc", value, value - 0.04, value + 0.04, p=p)


def effect(name: str, gain: float, p: float, weight: float = float("nan")) -> BlockEffect:
    return BlockEffect(name, 5, row(f"ridge:{name}", 0.7), row(f"ridge:not-{name}", 0.6), row("", gain, p), p, weight)


def figures(result: Result) -> dict[str, Figure]:
    return {block.name: block for block in blocks.section(result).blocks if isinstance(block, Figure)}


def test_each_verdict_is_in_words(binary: Result) -> None:
    added = (effect("brain", 0.1, 0.001), effect("noise", 0.01, 0.7), effect("spoiler", -0.1, 0.002))
    alt = figures(replace(binary, blocks_added=added))["block-gains"].alt
    assert "brain adds to the others (0.100, 95 % interval 0.060 to 0.140, p = 0.001" in alt
    assert "That noise adds anything cannot be shown (0.010" in alt
    assert "spoiler makes the biomarker worse (−0.100" in alt


def test_of_an_error_a_fall_is_a_gain(binary: Result) -> None:
    added = (effect("brain", -0.1, 0.001),)
    errors = tuple(replace(row, metric="mae") for row in binary.performance)
    result = replace(binary, blocks_added=added, primary_metric="mae", performance=errors)
    alt = figures(result)["block-gains"].alt
    assert "brain adds to the others" in alt


def test_weights_are_a_column_where_there_are_any(binary: Result) -> None:
    plain, weighed = (replace(binary, blocks_added=(effect("a", 0.1, 0.1, w),)) for w in (float("nan"), 0.75))
    assert "Mean share of the weights" not in figures(plain)["block-gains"].table.columns
    assert figures(weighed)["block-gains"].table.rows[0][-1] == "0.75"


def test_one_block_has_no_section_and_one_that_could_not_be_measured_is_told(binary: Result) -> None:
    assert blocks.section(binary) is None
    lone = replace(effect("brain", 0.1, 0.1), gain=None, without=None, notes=("no feature of empty varies",))
    section = blocks.section(replace(binary, blocks_added=(lone,)))
    said = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
    assert "What brain adds could not be measured." in said and "no feature of empty varies" in said


@pytest.mark.parametrize("missing", [False, True])
def test_the_published_table_has_a_row_a_block(binary: Result, missing: bool) -> None:
    one = effect("brain", 0.1, 0.01, 0.6)
    table = blocks_table(replace(binary, blocks_added=(replace(one, alone=None) if missing else one,)))
    assert set(BLOCKS) <= set(table.columns) and table.loc[0, "gain"] == 0.1 and table.loc[0, "p_holm"] == 0.01
    assert table["alone"].isna().all() == missing
