"""Checklists: every item of both guidelines is there, and none is filled without a text."""

import re
from dataclasses import replace

import pytest

from bidsml import report
from bidsml.records import Attrition, Result
from bidsml.report.blocks import Bullets, Table
from bidsml.report.checklist.filling import fill_checklists, find_fact, list_items
from bidsml.report.group import checklist, weights
from bidsml.spec.study import study_keys

KINDS = ("binary", "three_classes", "regression", "bare")

# Numbers of the items as published: Collins 2024, table 2; Tejani 2024, table 1.
_PARTS = {3: 3, 5: 2, 6: 3, 8: 3, 9: 3, 12: 7, 18: 6, 20: 3, 23: 2, 27: 3}
TRIPOD = [f"{item}{part}" for item in range(1, 28) for part in "abcdefg"[: _PARTS.get(item, 0)] or [""]]


def fill(result: Result, **told: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Status and text by guideline and number."""
    study: dict[str, object] = {}
    for key, text in told.items():
        table, _, name = key.partition("__")
        study = {**study, table: {**study.get(table, {}), name: text}} if name else {**study, table: text}
    filled = fill_checklists(replace(result, study=study))
    return {(one.item.guideline, one.item.number): (one.status, one.text) for one in filled}


def test_every_item_of_both_guidelines_is_there_once() -> None:
    numbers = [(item.guideline, item.number) for item in list_items()]
    assert [number for guideline, number in numbers if guideline == "TRIPOD+AI"] == TRIPOD
    assert [number for guideline, number in numbers if guideline == "CLAIM"] == [str(i) for i in range(1, 45)]


def test_items_name_keys_and_facts_that_exist_and_leave_no_key_out() -> None:
    keys = {key for key, _ in study_keys()}
    named = {key for item in list_items() for key in (*item.study, *item.also)}
    assert named <= keys and keys - named == {"contact"}  # the model card has it
    for item in list_items():
        assert item.study or item.auto, item
        if item.auto:
            assert find_fact(item.auto).__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_no_item_is_filled_without_a_text(kind: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(kind)
    for one in fill_checklists(result):
        assert len(one.text) > 10 and not one.text[0].islower() and one.text.endswith("."), one
        assert one.status in ("auto", "not applicable", "MISSING"), one
        assert not re.search(r"\bnan\b|\{|\}|\bNone\b(?!:)|n/a|  ", one.text), one
        if one.item.study:
            assert one.status == "MISSING", "only the authors know this"


def test_what_is_told_fills_its_items(binary: Result) -> None:
    assert fill(binary)["TRIPOD+AI", "18a"] == ("MISSING", "To be told in study.toml: open.funding.")
    told = fill(binary, open__funding="The <b>Fund</b>")
    assert told["TRIPOD+AI", "18a"] == ("study.toml", "The <b>Fund</b>.")
    assert told["CLAIM", "44"] == ("study.toml", "The <b>Fund</b>.")
    assert told["TRIPOD+AI", "17"][0] == "MISSING"


def test_an_item_is_missing_until_all_of_it_is_told(binary: Result) -> None:
    half = fill(binary, ethics__approval="Board 7")["TRIPOD+AI", "17"]
    assert half == ("MISSING", "To be told in study.toml: ethics.consent. So far: Board 7.")
    whole = fill(binary, ethics__approval="Board 7", ethics__consent="Written.")["TRIPOD+AI", "17"]
    assert whole == ("study.toml", "Board 7. Written.")


def test_not_applicable_needs_a_reason(binary: Result) -> None:
    told = fill(binary, label__raters="not applicable: the label is a birth date")
    assert told["TRIPOD+AI", "8b"] == ("not applicable", "The label is a birth date.")


def test_what_ran_stands_beside_what_is_told(binary: Result) -> None:
    status, text = fill(binary, plan__sample_size="Planned for 150")["TRIPOD+AI", "10"]
    assert status == "study.toml" and text.startswith("Planned for 150. 150 people (75 control, 75 patient)")


def test_facts_follow_the_result(binary: Result, regression: Result, bare: Result) -> None:
    assert "AUC" in fill(binary)["TRIPOD+AI", "23a"][1] and "R²" in fill(regression)["TRIPOD+AI", "23a"][1]
    assert fill(regression)["TRIPOD+AI", "13"] == ("not applicable", "The outcome is a number.")
    assert "75 control and 75 patient" in fill(binary)["TRIPOD+AI", "13"][1]
    assert fill(bare)["TRIPOD+AI", "12d"][0] == "MISSING"
    assert "every site left out in turn" in fill(binary)["TRIPOD+AI", "12d"][1]
    assert "no permutation test" in fill(bare)["CLAIM", "29"][1]
    assert fill(binary)["TRIPOD+AI", "22"][0] == "MISSING", "no model was frozen"


def test_people_of_other_classes_are_no_loss(binary: Result) -> None:
    spec = {**binary.spec, "target": {**binary.spec["target"], "classes": ["control", "patient"]}}
    other = tuple(Attrition(f"o{i}", "classes", "not among target.classes", "third") for i in range(30))
    cohort = replace(binary.cohort, attrition=(*binary.cohort.attrition, *other), considered=189)
    made = replace(binary, spec=spec, cohort=cohort)
    text = fill(made)["TRIPOD+AI", "20a"][1]
    assert "189 considered, 30 of them of classes that were not asked for" in text
    assert "9 people left on the way" in fill(made)["TRIPOD+AI", "11"][1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_anchor_is_in_the_page(kind: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(kind)
    made = [make(result) for make in report.SECTIONS_GROUP if make is not weights.section]  # slow to draw
    ids = {section.anchor for section in made if section} | ({"weights"} if result.weights else set())
    for one in fill_checklists(result):
        assert not one.anchor or one.anchor in ids, one


def test_the_section_lists_all_and_names_the_keys_to_fill(binary: Result) -> None:
    made = checklist.section(binary)
    tables = [block for block in made.blocks if isinstance(block, Table)]
    assert [len(one.rows) for one in tables] == [52, 44]
    missing = sum(row[2] == "MISSING" for one in tables for row in one.rows)
    assert made.badge == f"{missing} items of 96 missing"
    (told,) = [block for block in made.blocks if isinstance(block, Bullets)]
    half = checklist.section(replace(binary, study={"ethics": {"approval": "Board 7"}}))
    (left,) = [block for block in half.blocks if isinstance(block, Bullets)]
    assert "ethics.consent" in str(left.items) and "ethics.approval" in str(told.items)
    assert "ethics.approval" not in str(left.items)
    assert "discussion.limitations" in str(told.items) and "study-template" in str(told.items)
