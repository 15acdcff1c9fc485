"""Records of one participant: scans, what is read from them, features, quality."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bidsml.records.anatomical import AnatomicalQC
from bidsml.records.base import FloatArray, Provenance, Record, ScanKind
from bidsml.records.functional import FunctionalQC
from bidsml.records.views import AlignmentView, AnatomyView


@dataclass(frozen=True)
class Scan(Record):
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
    events: Path | None = None
    """Of BOLD during a task: the dataset's ``events.tsv`` of that run."""
    partner: Path | None = None
    """Of BOLD on surfaces, where ``path`` is the left hemisphere's: the right one's."""
    nodes: Path | None = None
    """Table that names the regions of a ``timeseries`` or ``relmat``."""
    tr_s: float | None = None
    measure: str = ""
    """Of a ``relmat``: what its cells are, as BIDS ``meas-`` spells it, e.g. ``pearsoncorrelation``."""
    sidecars: tuple[Path, ...] = ()
    """JSON files the metadata came from, for provenance and for hashing."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read of it: the image, what belongs to it, and its sidecars."""
        own = (self.path, self.partner, self.mask, self.confounds, self.nodes, self.events)
        return (*(path for path in own if path is not None), *self.sidecars)

    @property
    def label(self) -> str:
        """Name for messages: ``sub-01 ses-a task-rest run-1``."""
        return " ".join([f"sub-{self.participant_id}", *(f"{k}-{v}" for k, v in self.entities.items())])


@dataclass(frozen=True)
class Atlas(Record):
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
    surfaces: tuple[Path, ...] = ()
    """Label files of a surface atlas: one CIFTI file, or one a hemisphere; ``coordinates_mm`` are NaN then."""
    reference: str = ""
    """Citation with DOI."""


@dataclass(frozen=True)
class ScanQC(Record):
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
    """Voxels of the regions that are NaN or infinite in some volume; they are left out of every mean."""
    nonfinite_share: float = 0.0
    """Their share of all voxels of the regions, 0–1."""
    region_coverage: FloatArray = field(default_factory=lambda: np.empty(0))
    """Share of each region's voxels inside the brain mask, 0–1."""
    n_regions: int = 0
    n_regions_missing: int = 0
    warnings: tuple[str, ...] = ()


def one_per_scan(qc: Iterable[ScanQC]) -> tuple[ScanQC, ...]:
    """Leave one record of each scan: a scan that was read for several atlases or maps moved and lasted only once."""
    return tuple({one.label: one for one in reversed(tuple(qc))}.values())[::-1]


@dataclass(frozen=True)
class ScanData(Record):
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
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Lowest and highest possible answer to an item of a questionnaire, where its data dictionary says them."""
    missing: Mapping[str, str] = field(default_factory=dict)
    density: FloatArray | None = None
    """Mean grey-matter density of each region, modulated and smoothed, in the template's space: ``(n_regions,)``."""
    volumes_ml: Mapping[str, float] = field(default_factory=dict)
    """Grey-matter volume by region; and ``total_gray_matter``, ``total_white_matter``, ``total_csf``,
    ``total_brain``."""
    contrasts: Mapping[str, FloatArray] = field(default_factory=dict)
    """Effect of each contrast of a task, mean of each region in percent signal change: ``(n_regions,)``."""
    contrasts_z: Mapping[str, FloatArray] = field(default_factory=dict)
    """The same of the voxels' z values."""
    tr_s: float | None = None
    qc: ScanQC | None = None
    atlas: str = ""
    spectrum: FloatArray | None = None
    """Of a recording: power spectral density of each channel, ``(n_regions, n_frequencies)``."""
    frequencies_hz: FloatArray = field(default_factory=lambda: np.empty(0))
    covariance: FloatArray | None = None
    """Of a recording: covariance of the band-passed channels, ``(n_regions, n_regions)``."""
    networks: tuple[str, ...] = ()
    """Network of each region; empty where the atlas names none."""
    maps: Mapping[str, FloatArray] = field(default_factory=dict)
    """Mean of a voxelwise map in each region, by the map's name: ``(n_regions,)``."""


@dataclass(frozen=True)
class FeatureVector(Record):
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
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the values depend on beside kind and measure, e.g. ``{"window_s": 60.0}``; numbers, text and lists."""


@dataclass(frozen=True)
class ParticipantResult(Record):
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
    anatomical: tuple[AnatomicalQC, ...] = ()
    """Quality and volumes of the raw T1w images that were preprocessed."""
    anatomy: tuple[AnatomyView, ...] = ()
    """What was found in the raw T1w images; empty where derivatives were given."""
    alignment: tuple[AlignmentView, ...] = ()
    """Images that should lie on each other after registration."""
    functional: tuple[FunctionalQC, ...] = ()
    """Quality of the raw BOLD runs that were preprocessed."""
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    """``PreprocessSpec`` where raw images were preprocessed, else empty; as ``denoise`` for signals."""
    task: Mapping[str, Any] = field(default_factory=dict)
    """``TaskSpec`` where a task was modelled, else empty."""
