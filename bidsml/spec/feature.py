"""The ``[[features]]`` blocks of an analysis."""

from typing import Literal

from pydantic import Field, JsonValue

from bidsml.spec.recording import RecordingSpec
from bidsml.spec.section import Name, Section, Text


class SeedSpec(Section):
    """Where a seed lies: a sphere, or a region of the block's atlas."""

    name: Name = Field(description="Name of the seed: it leads the names of its features and of its map.")
    mm: tuple[float, float, float] | None = Field(
        None, description="Centre of a sphere in mm, x, y, z, in the space of the images."
    )
    radius_mm: float = Field(6.0, gt=0, description="Radius of that sphere.")
    region: str | None = Field(None, description="In place of a sphere: a region of the block's atlas, by its name.")


class FeatureSpec(Section):
    """One block of features. Which keys a kind takes is checked against the catalog of kinds."""

    kind: Text = Field(description="Name of the feature kind; `bidsml doctor` lists them.")
    name: Name | None = Field(None, description="Name of the block. Default: the kind, numbered when repeated.")
    atlas: str | None = Field(
        None, description="Packaged atlas, TemplateFlow atlas, BIDS-Atlas folder, or NIfTI beside its TSV."
    )
    measure: str | None = Field(None, description="What is measured, e.g. correlation, partial, tangent, falff.")
    contrasts: tuple[str, ...] = Field(
        (), description="Kind task_contrast: names of contrasts from [task.contrasts]. Default: all."
    )
    window_s: float = Field(60.0, gt=0, description="Kind dynamic_connectivity: length of the sliding window.")
    step_s: float = Field(4.0, gt=0, description="Kind dynamic_connectivity: how far the window slides each time.")
    taper_s: float = Field(
        0.0, ge=0, description="Kind dynamic_connectivity: sigma of the Gaussian that softens the window's ends."
    )
    density: float = Field(
        0.15, gt=0, le=1, description="Kind graph_measures: share of all pairs of regions kept as edges, 0-1."
    )
    seeds: tuple[SeedSpec, ...] = Field((), description="Kind seed_map: the seeds, at least one.")
    neighbours: Literal[7, 19, 27] = Field(
        27, description="Kind reho: voxels of a neighbourhood: sharing faces (7), edges too (19), corners too (27)."
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
    subscales: dict[str, tuple[str, ...]] = Field(
        {}, description="Kind questionnaire: items or patterns by subscale. Default: every item is a feature."
    )
    reverse: tuple[str, ...] = Field(
        (),
        description="Kind questionnaire: items or patterns to be turned around, by the range that the .json beside the "
        "table gives.",
    )
    no_answer: tuple[float, ...] = Field(
        (), description="Kind questionnaire: codes that mean no answer, such as [8, 9]: they count as missing."
    )
    max_missing: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Kind questionnaire: largest share of a subscale's items that may be missing; each then counts as "
        "the person's mean of the others. With more, the subscale is missing.",
    )
    indicators: bool = Field(
        False, description="Kind questionnaire: add the share of missing items of every subscale as a feature."
    )
    n_components: int = Field(50, ge=1, le=1000, description="Kind text: directions of the token space kept, at most.")
    ngram: int | None = Field(
        None,
        ge=1,
        le=8,
        description="Kind text: longest run of words (default 1), or of characters with measure = 'characters' "
        "(default 4).",
    )
    min_df: int = Field(2, ge=1, description="Kind text: fewest training people with a token that is kept.")
    derivative: str | None = Field(
        None,
        description="Kinds that read another tool's folder: its --derivatives NAME. Default: freesurfer, mriqc or "
        "qsirecon, by the kind.",
    )
    suffix: str = Field(
        "T1w", pattern="^[A-Za-z0-9]+$", description="Kind image_quality: suffix of the scans, such as T1w or bold."
    )
    model: str | None = Field(
        None, description="Kind diffusion: model of the maps, where several gave the measure: tensor, dki, noddi, gqi."
    )
    bands: dict[Name, tuple[float, float]] = Field(
        {}, description="Kind eeg_power: bands in Hz by name. Default: delta, theta, alpha, beta and gamma, 1 to 45 Hz."
    )
    shrinkage: float = Field(
        0.01, ge=0, lt=1, description="Kind eeg_covariance: share of the identity in the shrunken covariance."
    )
    recording: RecordingSpec = Field(
        RecordingSpec(), description="Kinds of EEG and MEG: how a raw recording is prepared."
    )
    parcellation: Literal["desikan", "destrieux", "dkt"] = Field(
        "desikan", description="Kind freesurfer: whose parcels of the cortex (aparc, aparc.a2009s, aparc.DKTatlas)."
    )
    options: dict[str, JsonValue] = Field(
        {}, description="Kinds of other packages: what they take beyond the keys above; see their documentation."
    )
