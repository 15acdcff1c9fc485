"""What the rooms hand on: frozen records, no behaviour beyond small derived values.

Missing numbers are NaN. Participant labels are stored without ``sub-``. Row order is always that of
``participant_id``, sorted as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ScanKind = Literal["bold", "timeseries", "relmat", "table"]
Task = Literal["classification", "regression"]
Model = Literal["biomarker", "nuisance", "nuisance+biomarker", "majority"]


class _Record:
    """Lets pydantic rebuild a record that holds arrays (see ``bidsml.bids.store``)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)


# ------------------------------------------------------------------ one participant


@dataclass(frozen=True)
class Scan(_Record):
    """One input file of one participant, with what must be known to read it.

    ``entities`` are the BIDS entities of the source under their short names (``ses``, ``task``, ``run``,
    ``space`` …), without ``sub``. A participant that only has table rows gets one scan of kind ``table``,
    whose ``path`` is the participants table.
    """

    participant_id: str
    kind: ScanKind
    path: Path
    derivative: str = ""
    """Name given with ``--derivatives NAME=PATH``; empty for the BIDS dataset itself."""
    entities: Mapping[str, str] = field(default_factory=dict)
    mask: Path | None = None
    confounds: Path | None = None
    nodes: Path | None = None
    """Table that names the regions of a ``timeseries`` or ``relmat``."""
    tr_s: float | None = None
    measure: str = ""
    """Of a ``relmat``: what its cells are, as BIDS ``meas-`` spells it, e.g. ``pearsoncorrelation``."""
    sidecars: tuple[Path, ...] = ()
    """JSON files the metadata came from, for provenance and for hashing."""

    @property
    def label(self) -> str:
        """Name for messages: ``sub-01 ses-a task-rest run-1``."""
        return " ".join([f"sub-{self.participant_id}", *(f"{k}-{v}" for k, v in self.entities.items())])


@dataclass(frozen=True)
class Atlas(_Record):
    """A parcellation: a label image, or sphere centres.

    ``labels`` are the image's integer values in the order of ``names``; empty for spheres.
    ``coordinates_mm`` is ``(n_regions, 3)`` in the atlas's space, region centres for a label image.
    ``networks`` holds one network name per region, or is empty.
    """

    name: str
    space: str
    names: tuple[str, ...]
    coordinates_mm: FloatArray
    labels: tuple[int, ...] = ()
    image: Path | None = None
    radius_mm: float | None = None
    radii_mm: tuple[float, ...] = ()
    """One radius per sphere where they differ (``radius_mm`` is then ``None``)."""
    networks: tuple[str, ...] = ()
    reference: str = ""
    """Citation with DOI."""


@dataclass(frozen=True)
class ScanQC(_Record):
    """Quality of one scan. NaN or ``None`` where the input cannot tell."""

    participant_id: str
    label: str
    tr_s: float | None = None
    n_volumes: int = 0
    n_volumes_kept: int = 0
    minutes_kept: float = float("nan")
    mean_fd_mm: float = float("nan")
    max_fd_mm: float = float("nan")
    fd_mm: FloatArray = field(default_factory=lambda: np.empty(0))
    """Framewise displacement per volume (Power 2012), ``(n_volumes,)``; first value NaN."""
    dvars: FloatArray = field(default_factory=lambda: np.empty(0))
    censored: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    confound_columns: tuple[str, ...] = ()
    n_nonfinite_voxels: int = 0
    region_coverage: FloatArray = field(default_factory=lambda: np.empty(0))
    """Share of each region's voxels inside the brain mask, 0–1."""
    n_regions: int = 0
    n_regions_missing: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScanData(_Record):
    """What one scan, or one participant's concatenated scans, offers to a feature kind.

    Only what the input kind provides is set. A missing region keeps its column (or row and column) as NaN,
    and ``missing`` says why, by region name.
    """

    scan: Scan
    regions: tuple[str, ...] = ()
    signals: FloatArray | None = None
    """Denoised, band-passed, censored, standardised: ``(n_kept, n_regions)``."""
    unfiltered: FloatArray | None = None
    """Denoised without band-pass and without censoring: ``(n_volumes, n_regions)``, percent of the region's
    mean for BOLD, else the input's units. Volumes before the steady state are NaN in every region."""
    run_lengths: tuple[int, ...] = ()
    """Volumes of each run in ``unfiltered``; empty for one run."""
    matrix: FloatArray | None = None
    """A ready relationship matrix: ``(n_regions, n_regions)``."""
    table: Mapping[str, float] = field(default_factory=dict)
    """One participant's row, numeric; text columns as indicators named ``column[level]``."""
    missing: Mapping[str, str] = field(default_factory=dict)
    tr_s: float | None = None
    qc: ScanQC | None = None
    atlas: str = ""


@dataclass(frozen=True)
class FeatureVector(_Record):
    """One feature block of one participant.

    ``layout`` says how to fold ``values`` back: ``vector`` (one value per name), ``edges`` (upper triangle
    without the diagonal, row by row, of a ``nodes`` × ``nodes`` matrix) or ``covariance`` (upper triangle
    with the diagonal, for tangent embedding in the fold).
    """

    block: str
    kind: str
    measure: str
    names: tuple[str, ...]
    values: FloatArray
    layout: Literal["vector", "edges", "covariance"] = "vector"
    nodes: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why a value (or a node's values) is NaN, by feature or node name."""
    atlas: str = ""


# ------------------------------------------------------------------ the group


@dataclass(frozen=True)
class FeatureBlock(_Record):
    """Where one ``[[features]]`` block lies in the columns of a ``FeatureSet``: ``start:stop``."""

    name: str
    kind: str
    measure: str
    layout: Literal["vector", "edges", "covariance"]
    start: int
    stop: int
    nodes: tuple[str, ...] = ()
    atlas: str = ""


@dataclass(frozen=True)
class FeatureSet(_Record):
    """All participants' features: ``values`` is ``(n_participants, n_features)``, NaN where missing."""

    participant_id: tuple[str, ...]
    names: tuple[str, ...]
    values: FloatArray
    blocks: tuple[FeatureBlock, ...]


@dataclass(frozen=True)
class Attrition(_Record):
    """One participant who is not analysed: at which gate they left, and why."""

    participant_id: str
    gate: str
    reason: str
    label: str = "n/a"


@dataclass(frozen=True)
class Cohort(_Record):
    """The analysed participants.

    ``table`` is indexed 0…n−1 and holds ``participant_id`` and every column the analysis names, numeric
    where every value is a number. ``nuisance`` is ``(n, n_nuisance)``: numeric columns as they are, text
    columns as indicators (first level dropped); NaN where missing. ``target`` is class codes (index into
    ``classes``) or the numeric outcome.
    """

    table: pd.DataFrame
    target: FloatArray
    classes: tuple[str, ...]
    positive: str
    unit: tuple[str, ...]
    site: tuple[str, ...]
    """One site per participant, or empty when the analysis names no site column."""
    nuisance: FloatArray
    nuisance_names: tuple[str, ...]
    nuisance_source: tuple[str, ...]
    """For each nuisance column, the table column it encodes."""
    attrition: tuple[Attrition, ...]
    considered: int
    """How many participants were there before the first gate."""

    @property
    def participant_id(self) -> tuple[str, ...]:
        """Labels in row order, without ``sub-``."""
        return tuple(self.table["participant_id"])


@dataclass(frozen=True)
class Study(_Record):
    """What the group level learns from: who, and their features, row by row alike."""

    cohort: Cohort
    features: FeatureSet


@dataclass(frozen=True)
class Fold(_Record):
    """One train/test split: row numbers into the cohort.

    ``inner`` numbers the inner fold of every training row (same order as ``train``); ``−1`` nowhere.
    """

    design: str
    repeat: int
    fold: int
    name: str
    train: IntArray
    test: IntArray
    inner: IntArray


@dataclass(frozen=True)
class CVResult(_Record):
    """Cross-validated predictions of one model on one design.

    ``scores`` is ``(n_repeats, n_participants, n_outputs)``: the decision value (binary, one output), one
    decision value per class (multi-class), or the predicted outcome (regression). ``predictions`` is
    ``(n_repeats, n_participants)``: class code or predicted outcome. ``probabilities`` is
    ``(n_repeats, n_participants, n_classes)`` or ``None``. Rows never tested are NaN.
    ``fold_metrics`` maps a metric to one value per fold, in the order of the folds; NaN where undefined.
    ``weights`` is ``(n_folds, n_features, n_outputs)`` in the units of the features given, for linear
    models; ``patterns`` the same shape, Haufe 2014 forward patterns.
    """

    estimator: str
    model: Model
    design: str
    scores: FloatArray
    predictions: FloatArray
    probabilities: FloatArray | None
    fold_metrics: Mapping[str, FloatArray]
    chosen: tuple[Mapping[str, Any], ...] = ()
    """Hyper-parameters picked by the inner folds, one per fold."""
    weights: FloatArray | None = None
    patterns: FloatArray | None = None


@dataclass(frozen=True)
class PermutationNull(_Record):
    """The null distribution of one model's primary metric.

    ``null`` is ``(n_draws,)`` in the order of the draws, whose numbers are ``first_draw`` onwards.
    ``p`` counts ties as at least as extreme: ``(1 + #{null >= observed}) / (1 + n_draws)``.
    """

    estimator: str
    design: str
    metric: str
    aggregate: Literal["fold mean", "pooled"]
    observed: float
    null: FloatArray
    scheme: str
    seed: int
    first_draw: int = 0
    p: float = float("nan")
    p_floor: float = float("nan")
    p_family: float = float("nan")
    """Corrected over the estimators by the maximum statistic over the same draws."""


@dataclass(frozen=True)
class PerformanceRow(_Record):
    """One figure of the performance table: one metric of one model, or of a paired difference."""

    estimator: str
    model: str
    design: str
    metric: str
    estimate: float
    low: float = float("nan")
    high: float = float("nan")
    interval: str = ""
    """How the interval was made, e.g. ``Nadeau-Bengio`` or ``unit bootstrap``."""
    p: float = float("nan")
    p_floor: float = float("nan")
    p_method: str = ""
    n: int = 0
    note: str = ""


@dataclass(frozen=True)
class Weights(_Record):
    """What a linear model looks at, averaged over folds.

    Arrays are ``(n_features, n_outputs)``: ``weight`` (per unit of the feature), ``pattern`` (Haufe 2014),
    ``stability`` (share of folds whose weight has the mean weight's sign, 0.5–1).
    """

    estimator: str
    names: tuple[str, ...]
    weight: FloatArray
    pattern: FloatArray
    stability: FloatArray
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Provenance(_Record):
    """What ran, for the report and ``run.json``: nothing here depends on time or place."""

    version: str
    packages: Mapping[str, str]
    seed: int
    engine: str
    command: tuple[str, ...]
    spec_digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Digest by input name."""


@dataclass(frozen=True)
class Result(_Record):
    """Everything the group report shows."""

    analysis: str
    task: Task
    primary_metric: str
    spec: Mapping[str, Any]
    cohort: Cohort
    blocks: tuple[FeatureBlock, ...]
    folds: tuple[Fold, ...]
    cv: tuple[CVResult, ...]
    nulls: tuple[PermutationNull, ...]
    performance: tuple[PerformanceRow, ...]
    weights: tuple[Weights, ...]
    atlases: tuple[Atlas, ...]
    provenance: Provenance
    warnings: tuple[str, ...] = ()

    @property
    def headline(self) -> PerformanceRow:
        """The primary metric of the first estimator's biomarker on the default design."""
        first = self.cv[0]
        return next(
            row
            for row in self.performance
            if (row.estimator, row.model, row.design, row.metric)
            == (first.estimator, "biomarker", first.design, self.primary_metric)
        )


@dataclass(frozen=True)
class ParticipantResult(_Record):
    """Everything the participant report shows."""

    participant_id: str
    analysis: str
    scans: tuple[Scan, ...]
    qc: tuple[ScanQC, ...]
    features: tuple[FeatureVector, ...]
    verdict: Literal["pass", "review", "fail"]
    reasons: tuple[str, ...]
    denoise: Mapping[str, Any]
    provenance: Provenance
