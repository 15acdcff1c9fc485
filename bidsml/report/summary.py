"""What an analysis found, in one line: as its own report says it, for the page that sets analyses side by side."""

from typing import Literal

from bidsml.records import AnalysisSummary, ExternalResult, Result
from bidsml.report import external
from bidsml.report.evidence import decisive_p, is_gain
from bidsml.report.group import answer
from bidsml.report.lookup import find_row, name_primary, name_target
from bidsml.report.wording import name_metric


def summarise_group(result: Result) -> AnalysisSummary:
    """Take the headline and the answer of a group report."""
    row, said = result.headline, answer.section(result)
    return AnalysisSummary(
        analysis=result.analysis,
        target=name_target(result),
        task=result.task,
        n=len(result.cohort.target),
        metric=name_primary(result),
        estimate=row.estimate,
        low=row.low,
        high=row.high,
        p=decisive_p(result),
        p_floor=row.p_floor,
        beyond_confounds=_beyond(result),
        verdict=said.badge,
        tone=said.tone,
    )


def _beyond(result: Result) -> Literal["yes", "not shown", "not compared"]:
    difference = find_row(result, "biomarker - nuisance")
    if difference is None:
        return "not compared"
    return "yes" if is_gain(difference) else "not shown"


def summarise_external(result: ExternalResult) -> AnalysisSummary:
    """Take the figure of all people here and the answer of the page of an applied biomarker."""
    said, row = external.answer(result), external.find_external(result)
    nan = float("nan")
    return AnalysisSummary(
        analysis=result.analysis,
        target=result.card.target,
        task=result.card.task,
        n=row.n if row else 0,
        metric=name_metric(result.primary_metric),
        estimate=row.estimate if row else nan,
        low=row.low if row else nan,
        high=row.high if row else nan,
        p=row.p if row else nan,
        p_floor=row.p_floor if row else nan,
        beyond_confounds="not compared",
        verdict=said.badge,
        tone=said.tone,
        applied=True,
    )
