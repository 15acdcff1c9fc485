"""What was looked for that could let a model score well without the brain."""

from bidsml.records import LeakageCheck, Result
from bidsml.report.blocks import Block, Section, Table, Tone
from bidsml.report.wording import hide_folders, plural

CHECK_NAMES = {
    "split-units": "One unit on both sides of a split",
    "duplicate-rows": "One scan under two names",
    "target-copies": "The target among the features",
    "separating-features": "Single features that hold the label",
    "altered-copies": "Reordered or scaled copies",
    "near-duplicates": "People who are far too much alike",
    "label-site": "Label and site",
    "site-signature": "Features that give the site away",
    "label-motion": "Label and head motion",
    "label-nuisance": "Label and confounds",
    "whole-data-steps": "Earlier steps that saw everyone",
    "sample-size": "What chance does with so few people",
}
_ORDER = ("alarm", "caution", "not checked", "note", "none")
_WORDS = {
    "alarm": "warned: strong",
    "caution": "warned",
    "not checked": "not checked",
    "note": "passed, with a note",
    "none": "passed",
}


def section(result: Result) -> Section | None:
    """List every item of the audit, the warned first; nothing where no audit ran."""
    checks = sorted(result.leakage, key=lambda check: _ORDER.index(_grade(check)))
    if not checks:
        return None
    found = [check for check in checks if check.status == "warned"]
    open_ = sum(check.status == "not checked" for check in checks)
    badge, tone = _badge(found)
    rest = f"; {open_} could not be checked" if open_ else ""
    blocks: tuple[Block, ...] = (
        Table(
            "Leakage audit",
            ("Looked for", "Result", "Evidence", "What to do"),
            tuple(_row(check) for check in checks),
            text_columns=4,
        ),
    )
    return Section(
        anchor="leakage",
        title="Leakage audit",
        lead="What could let a model score well without the brain was looked for before anything was learnt: "
        f"{len(found)} of {plural(len(checks), 'check')} warned{rest}. A copy of the target, one scan under two names "
        "or a unit on both sides of a split would have stopped the analysis.",
        blocks=blocks,
        badge=badge,
        tone=tone,
    )


def name_check(check: LeakageCheck) -> str:
    """Say what a check looks for; the id itself where it has no name here."""
    return CHECK_NAMES.get(check.check, check.check.replace("-", " "))


def _grade(check: LeakageCheck) -> str:
    if check.status == "warned":
        return "alarm" if check.severity == "alarm" else "caution"
    return "not checked" if check.status == "not checked" else "note" if check.severity == "note" else "none"


def _badge(found: list[LeakageCheck]) -> tuple[str, Tone]:
    if not found:
        return "No leak was found", "good"
    strong = sum(check.severity == "alarm" for check in found)
    if strong:
        return f"{plural(len(found), 'warning')}, {strong} of them strong", "bad"
    return plural(len(found), "warning"), "caution"


def _row(check: LeakageCheck) -> tuple[str, ...]:
    return name_check(check), _WORDS[_grade(check)], hide_folders(check.evidence), check.advice or "nothing"
