"""All analyses side by side: what each predicts, how well, and whether it is more than the confounds."""

from bidsml.records import AnalysisEntry, AnalysisSummary, Dataset
from bidsml.report.blocks import Bullets, Cell, Link, Section, Table
from bidsml.report.wording import estimate, interval, p_value

_WORDS = ("Analysis", "Predicts", "Verdict", "Beyond confounds", "Measure")
_NUMBERS = ("People", "Estimate", "95 % interval", "p")


def section(dataset: Dataset) -> Section | None:
    """Compare the analyses; nothing before the first."""
    if not dataset.analyses:
        return None
    table = Table(
        "Analyses",
        (*_WORDS, *_NUMBERS),
        tuple(_row(one) for one in dataset.analyses),
        text_columns=len(_WORDS),
        sortable=len(dataset.analyses) > 1,
        name="analyses",
    )
    links = tuple(
        Bullets(tuple(Link(words, address) for words, address in one.files.items()), heading=f"Files of {one.analysis}")
        for one in dataset.analyses
        if one.files
    )
    return Section(
        anchor="analyses",
        title="Analyses",
        lead="Each in the words and figures of its own report. Trying many and telling of the best is no finding: say "
        "how many there were.",
        blocks=(table, *links),
    )


def _row(one: AnalysisEntry) -> tuple[Cell, ...]:
    name = f"{one.analysis}{' (a frozen biomarker, applied here)' if one.summary and one.summary.applied else ''}"
    first: Cell = Link(name, one.page) if one.page else name
    if one.summary is None:
        words = {"failed": "failed: see the errors", "missing": "not run yet"}
        return (first, "n/a", words.get(one.standing, "n/a"), "n/a", "n/a", "n/a", "n/a", "n/a", "n/a")
    return (first, *_figures(one.summary, again=one.standing == "failed"))


def _figures(found: AnalysisSummary, *, again: bool) -> tuple[str, ...]:
    task = f"{found.target} ({found.task})"
    verdict = f"{found.verdict}{' (an earlier run: the last one failed)' if again else ''}"
    return (
        task,
        verdict,
        found.beyond_confounds,
        found.metric,
        str(found.n) if found.n else "n/a",
        estimate(found.estimate),
        interval(found.low, found.high),
        p_value(found.p, floor=found.p_floor),
    )
