"""The ``[normative]`` section of an analysis."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bidsml.spec.section import Section, column_name

if TYPE_CHECKING:
    from bidsml.spec.analysis import AnalysisSpec


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
    knots: int = Field(
        4,
        ge=2,
        le=20,
        description="Knots of a curve, the ends of the range included; fewer where there "
        "are fewer than ten reference people for each.",
    )
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


def check_normative(spec: "AnalysisSpec") -> None:
    """Check what doesn't go together with the normative scores of an analysis.

    Raises
    ------
    ValueError
        Says what it is.
    """
    normative, nuisance, site = spec.normative, spec.nuisance, spec.cohort.site
    if normative is None:
        return
    names = [column_name(column) for column in normative.columns]
    target = column_name(spec.target.column)
    if target in names:
        raise ValueError(f"normative.columns names the target {target!r}: its labels would reach the test rows")
    if site and column_name(site) in names:
        raise ValueError("normative.columns names the site, which has its own key: normative.site = true")
    if normative.site and not site:
        raise ValueError("normative.site = true needs cohort.site")
    for key, used in (("harmonize", nuisance.harmonize != "none"), ("regress", bool(nuisance.regress))):
        if used:
            raise ValueError(
                f"nuisance.{key} and [normative] both take covariates and sites out of the features: use one of them, "
                "and name the columns in nuisance.columns for the nuisance-only baseline"
            )
    if normative.unseen_site == "error" and spec.cv.outer.kind == "leave-site-out":
        raise ValueError("cv.outer.kind = 'leave-site-out' tests unseen sites, which normative.unseen_site refuses")
