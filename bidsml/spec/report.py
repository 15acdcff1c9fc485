"""The ``[report]`` section of an analysis: what its pages hold beyond bidsml's own sections."""

from pydantic import Field

from bidsml.spec.section import Section, Text


class ReportSpec(Section):
    """What is added to the pages."""

    sections: tuple[Text, ...] = Field(
        (), description="Sections of other packages, in this order; `bidsml doctor` lists those that are installed."
    )
