"""What made this page."""

from bidsml.records import Dataset
from bidsml.report.blocks import Facts, Section


def section(dataset: Dataset) -> Section:
    """Name the version; the analyses name their own."""
    return Section(
        anchor="about",
        title="About",
        lead="Made anew whenever a run ends, from the records that are published in this folder: the same records give "
        "the same page. Versions, digests and seeds stand in the report of each analysis.",
        blocks=(Facts((("bidsml", dataset.version),)),),
    )
