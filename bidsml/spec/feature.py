"""The ``[[features]]`` blocks of an analysis."""

from pydantic import Field, JsonValue

from bidsml.spec.section import Name, Section, Text


class FeatureSpec(Section):
    """One block of features. Which keys a kind takes is checked against the catalog of kinds."""

    kind: Text
    name: Name | None = Field(None, description="Name of the block. Default: the kind, numbered when repeated.")
    atlas: str | None = Field(
        None, description="Packaged atlas, TemplateFlow atlas, BIDS-Atlas folder, or NIfTI beside its TSV."
    )
    measure: str | None = Field(None, description="What is measured, e.g. correlation, partial, tangent, falff.")
    contrasts: tuple[str, ...] = Field(
        (), description="Kind task_contrast: names of contrasts from [task.contrasts]. Default: all."
    )
    file: str | None = Field(
        None,
        description="Table kinds: file relative to the dataset. {NAME} is a --derivatives folder, {participant} the "
        "label without sub-: e.g. {freesurfer}/sub-{participant}/stats/aseg.stats.",
    )
    key: str = Field("participant_id", description="Table kinds: column that holds the participant labels.")
    columns: tuple[str, ...] = Field(
        (), description="Table kinds: columns or patterns such as lh_*_ThickAvg. Default: all."
    )
    exclude: tuple[str, ...] = Field((), description="Table kinds: columns or patterns left out.")
    options: dict[str, JsonValue] = Field(
        {}, description="Kinds of other packages: what they take beyond the keys above; see their documentation."
    )
