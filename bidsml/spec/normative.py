"""The ``[normative]`` section of an analysis."""

from typing import Literal

from pydantic import Field

from bidsml.spec.section import Section


class NormativeSpec(Section):
    """Features as deviations from what is expected of reference people, fitted on training rows."""

    columns: tuple[str, ...] = Field(
        (),
        description="Columns that decide what is expected, e.g. age and sex. A column of ten or more different numbers "
        "gets a smooth curve, any other a straight line; text becomes indicators.",
    )
    site: bool | None = Field(
        None,
        description="Give every cohort.site its own shrunken offset and variance. Default: where a site is named.",
    )
    reference: str | None = Field(
        None,
        description="Condition on who defines the norm, e.g. \"diagnosis == 'control'\". Of these, training rows alone "
        "are used. Default: everyone in training. A condition that names the target's column is refitted for every "
        "shuffled labelling.",
    )
    knots: int = Field(4, ge=2, le=20, description="Knots of a curve, the ends of the range included.")
    spread: Literal["auto", "constant"] = Field(
        "auto",
        description="auto: the variance depends on the columns for features whose training rows show it; constant: "
        "for none.",
    )
    unseen_site: Literal["pooled", "error"] = Field(
        "pooled",
        description="People of a site without reference people in training. pooled: they are expected to be like "
        "everyone, and what sites differ by widens their spread; error: no split may need that, and leave-site-out "
        "is not run.",
    )
