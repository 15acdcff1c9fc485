"""The leakage audit on the page."""

from dataclasses import replace

import pytest

from bidsml import report
from bidsml.learn.leakage import CHECKS
from bidsml.records import LeakageCheck, Result
from bidsml.report.group import leakage
from bidsml.report.group.answer import answer

FOUND = (
    LeakageCheck("split-units", "passed", "None of 150 units is on both sides."),
    LeakageCheck("label-motion", "passed", "mean_fd (AUC 0.57): a weak tie.", "", "note"),
    LeakageCheck("whole-data-steps", "not checked", "Nothing is known of how the input was made."),
    LeakageCheck("near-duplicates", "warned", "01 and 02 (r = 0.995).", "leave one out", "caution"),
    LeakageCheck("label-site", "warned", "Cramér's V 0.62.", "rely on leave-site-out", "alarm"),
)


def rows(result: Result) -> tuple[tuple[str, ...], ...]:
    return leakage.section(result).blocks[0].rows


def test_every_item_is_listed_the_gravest_first(binary: Result) -> None:
    made = replace(binary, leakage=FOUND)
    assert [row[2] for row in rows(made)] == [check.evidence for check in reversed(FOUND)]
    said = [row[1] for row in rows(made)]
    assert said == ["warned: strong", "warned", "not checked", "passed, with a note", "passed"]
    assert rows(made)[0][3] == "rely on leave-site-out" and rows(made)[-1][3] == "nothing"


@pytest.mark.parametrize(
    ("number", "tone", "words"),
    [(5, "bad", "2 warnings, 1 of them strong"), (4, "caution", "1 warning"), (3, "good", "")],
)
def test_the_badge_says_how_grave_it_is(binary: Result, number: int, tone: str, words: str) -> None:
    section = leakage.section(replace(binary, leakage=FOUND[:number]))
    assert section.tone == tone and words in section.badge
    assert f"{max(0, number - 3)} of {number} checks warned; 1 could not be checked" in section.lead


def test_no_audit_no_section(binary: Result) -> None:
    assert leakage.section(replace(binary, leakage=())) is None


def test_every_check_has_a_name_for_readers() -> None:
    assert set(leakage.CHECK_NAMES) == set(CHECKS)


def test_an_unknown_check_shows_its_id(binary: Result) -> None:
    assert rows(replace(binary, leakage=(LeakageCheck("new-check", "passed", "x"),)))[0][0] == "new check"


def test_quoted_texts_are_escaped_and_folders_hidden(binary: Result) -> None:
    text = "group ICA (fmriprep: a.json: “<script>alert(1)</script> in /data/secret/x.nii.gz”)."
    check = LeakageCheck("whole-data-steps", "warned", text, "do", "caution")
    made = replace(binary, leakage=(check,))
    page = report.render_group(made).html
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "/data/secret" not in page
    assert not any("/data/secret" in caveat for caveat in answer(made).caveats)
