"""Each failure with its cause, what to do about it, and the command that repeats it."""

from bidsml.records import Dataset
from bidsml.report.blocks import Section
from bidsml.report.failures import show_failures
from bidsml.report.wording import plural


def section(dataset: Dataset) -> Section | None:
    """List what failed or was cut off; nothing where all went well."""
    if not dataset.failures:
        return None
    return Section(
        anchor="errors",
        title="Errors",
        lead=f"What did not come to its end: {plural(len(dataset.failures), 'case')}. The same command again goes on "
        "where it was cut off.",
        blocks=show_failures(dataset.failures, name="errors"),
    )
