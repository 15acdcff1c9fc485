"""What a section of a page must keep to."""

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from bidsml.contract.check import Check, require, run_checks
from bidsml.contract.results import simulate_group_result, simulate_participant_result
from bidsml.contract.watch import watch
from bidsml.records import ParticipantResult, Result
from bidsml.report import SECTIONS_GROUP, SECTIONS_PARTICIPANT
from bidsml.report.blocks import Section
from bidsml.report.page import make_page

Make = Callable[[Any], Section | None]

_FROM_OUTSIDE = re.compile(r"""src=["']?(?:https?:)?//[^"'> ]+|url\(["']?(?:https?:)?//[^"') ]+""")


def check_section(make: Make, result: Any, *, taken: Collection[str]) -> list[Check]:
    """Run all checks of a section on one result.

    Parameters
    ----------
    taken
        Anchors of bidsml's own sections of the same page.
    """

    def docstring() -> str:
        text = inspect.getdoc(make)
        require(text, "the function has no docstring")
        return str(text).splitlines()[0]

    def gives_a_section() -> str:
        section = make(result)
        require(section is None or isinstance(section, Section), f"expected a Section, found {type(section).__name__}")
        require(
            section is None or (section.title and section.lead), "a section needs a title, and a lead of one sentence"
        )
        return "nothing for this result" if section is None else section.title

    def anchor() -> str:
        section = make(result)
        if section is None:
            return "none"
        require(section.anchor not in taken, f"the anchor {section.anchor!r} is that of one of bidsml's own sections")
        require(re.fullmatch(r"[a-z][a-z0-9-]*", section.anchor), f"the anchor {section.anchor!r} is no plain word")
        return section.anchor

    def deterministic() -> str:
        require(_page(make, result) == _page(make, result), "the same result twice gives other bytes")
        return "same bytes"

    def stands_alone() -> str:
        loads = _FROM_OUTSIDE.findall(_page(make, result))
        require(not loads, f"the page would load {loads[:2]}: pages are opened without a network")
        return "nothing is loaded"

    def touches_nothing_else() -> str:
        make(result)
        with watch() as found:
            make(result)
        require(not found, "; ".join(found[:3]))
        return "no file, program, network or pickle"

    return run_checks(
        {
            "docstring": docstring,
            "gives a section": gives_a_section,
            "an anchor of its own": anchor,
            "deterministic": deterministic,
            "stands alone": stands_alone,
            "touches nothing else": touches_nothing_else,
        }
    )


def _page(make: Make, result: Any) -> str:
    section = make(result)
    sections = [] if section is None else [section]
    return make_page(sections, title="Check", subtitle="", version="").html


def check_participant_section(make: Make) -> list[Check]:
    """Run all checks of a section of participants' pages, on a simulated person."""
    result, anchors = _participant()
    return check_section(make, result, taken=anchors)


def check_group_section(make: Make) -> list[Check]:
    """Run all checks of a section of the group's page, on a simulated analysis."""
    result, anchors = _group()
    return check_section(make, result, taken=anchors)


@cache
def _participant() -> tuple[ParticipantResult, frozenset[str]]:
    result = simulate_participant_result()
    return result, _anchors(SECTIONS_PARTICIPANT, result)


@cache
def _group() -> tuple[Result, frozenset[str]]:
    result = simulate_group_result()
    return result, _anchors(SECTIONS_GROUP, result)


def _anchors(sections: Sequence[Make], result: Any) -> frozenset[str]:
    return frozenset(section.anchor for make in sections if (section := make(result)) is not None)
