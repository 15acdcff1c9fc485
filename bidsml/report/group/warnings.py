"""What went differently than planned."""

from bidsml.records import Result
from bidsml.report.blocks import Bullets, Section


def section(result: Result) -> Section | None:
    """List the warnings of the run; nothing where there are none."""
    if not result.warnings:
        return None
    return Section(
        anchor="warnings",
        title="Warnings",
        lead="Things that bidsml noticed and that a reader should weigh.",
        blocks=(Bullets(result.warnings),),
    )
