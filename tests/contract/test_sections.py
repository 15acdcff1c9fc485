"""The contract of a section of a page."""

import tempfile
from functools import cache

import pytest

from bidsml.contract.results import simulate_group_result, simulate_participant_result
from bidsml.contract.sections import check_group_section, check_participant_section, check_section
from bidsml.report import SECTIONS_GROUP, SECTIONS_PARTICIPANT
from bidsml.report.blocks import Paragraph, Section
from bidsml.report.group import performance


def words(result):
    """Say how many people there are."""
    n = len(result.cohort.target)
    return Section(anchor="lab", title="Our lab", lead=f"There are {n} people.", blocks=(Paragraph("They came."),))


def failures(checks):
    return {check.name: check.found for check in checks if not check.passed}


def test_an_honest_section_passes():
    checks = check_group_section(words)
    assert failures(checks) == {}
    assert len(checks) == 6


def test_a_section_may_have_nothing_to_say_of_a_result():
    def silent(result):
        """Say nothing."""

    assert failures(check_participant_section(silent)) == {}


def _undocumented(result):
    return words(result)


COUNTED = []


def _counts(result):
    """Give other words each time."""
    COUNTED.append(1)
    return Section("lab", "Our lab", f"Made {len(COUNTED)} times.")


def _writes(result):
    """Leave a file behind."""
    with tempfile.NamedTemporaryFile(prefix="left-behind") as file:
        file.write(b"x")
    return words(result)


@pytest.mark.parametrize(
    ("make", "check", "told"),
    [
        (_undocumented, "docstring", "no docstring"),
        (lambda result: "text", "gives a section", "found str"),
        (lambda result: Section("lab", "", "A lead."), "gives a section", "title"),
        (performance.section, "an anchor of its own", "bidsml's own"),
        (lambda result: Section("Our lab", "T", "A lead."), "an anchor of its own", "no plain word"),
        (_counts, "deterministic", "other bytes"),
        (_writes, "touches nothing else", "left-behind"),
        (lambda result: 1 / 0, "gives a section", "ZeroDivisionError"),
    ],
)
def test_each_breach_fails_the_check_that_names_it(make, check, told):
    assert told in failures(check_group_section(make))[check]


@pytest.mark.parametrize("make", SECTIONS_GROUP, ids=lambda make: make.__module__.rpartition(".")[2])
def test_own_sections_of_the_group_keep_the_contract(make):
    assert failures(check_section(make, group_result(), taken=())) == {}


@pytest.mark.parametrize("make", SECTIONS_PARTICIPANT, ids=lambda make: make.__module__.rpartition(".")[2])
def test_own_sections_of_participants_keep_the_contract(make):
    assert failures(check_section(make, simulate_participant_result(), taken=())) == {}


@cache
def group_result():
    return simulate_group_result()
