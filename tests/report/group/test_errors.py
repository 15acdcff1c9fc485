"""The group report tells whom it went on without, why, and how to mend it."""

from dataclasses import replace

from bidsml.records import Attrition
from bidsml.report import render_group
from bidsml.report.group import errors


def test_nothing_failed(binary) -> None:
    section = errors.section(replace(binary, cohort=replace(binary.cohort, attrition=())))
    assert "Nothing failed" in section.blocks[0].text


def test_everyone_who_failed_is_listed_with_cause_and_command(binary) -> None:
    lost = tuple(Attrition(label, "failed", f"/data/secret/{label}.nii.gz is truncated") for label in ("x1", "x2"))
    left = Attrition("x3", "quality control", "moved too much")
    result = replace(binary, cohort=replace(binary.cohort, attrition=(*lost, left)))
    table, command, _ = errors.section(result).blocks
    assert [row[0] for row in table.rows] == ["sub-x1", "sub-x2"]
    assert "truncated" in table.rows[0][2]
    assert command.words[3] == "participant"
    assert command.words[-3:] == ("--participant-label", "x1", "x2")
    assert "secret" not in render_group(result).html


def test_without_a_recorded_command_there_is_none(binary) -> None:
    unknown = replace(binary.provenance, command=())
    lost = (Attrition("x1", "failed", "truncated"),)
    result = replace(binary, provenance=unknown, cohort=replace(binary.cohort, attrition=lost))
    assert len(errors.section(result).blocks) == 1
