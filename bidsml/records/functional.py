"""What the preprocessing of one BOLD run has to say about its quality."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bidsml.records.base import FloatArray, Record


@dataclass(frozen=True)
class RunPreparation(Record):
    """What was found in a raw run before anything was changed; see :class:`FunctionalQC` for the numbers."""

    n_volumes: int
    n_dummy: int
    reference_volume: int
    n_nonfinite: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunRegistration(Record):
    """How well a run's reference was registered; see :class:`FunctionalQC` for the numbers."""

    target: str
    nmi_before: float
    nmi_after: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FunctionalQC(Record):
    """Quality of one preprocessed BOLD run. NaN where it cannot be told.

    Attributes
    ----------
    motion
        ``(n_volumes, 6)``: tx, ty, tz in mm, rx, ry, rz in radians about the centre of the field of view, relative to
        the reference image.
    fd_mm, dvars
        ``(n_volumes,)``: framewise displacement (Power 2012) and standardised DVARS; first value NaN.
    n_dummy
        Volumes before the steady state.
    reference_volume
        The volume whose head position the reference has.
    slice_time_s
        Time within the repetition that slices were brought to; NaN where slice timing was not corrected.
    target
        What the run was registered to: ``T1w``, or ``template`` where there is no T1w.
    nmi_before, nmi_after
        Normalised mutual information of the BOLD reference and that target, before and after: 1 independent, 2 equal.
    coverage
        Share of the template's brain that the field of view covers with signal, 0-1.
    tsnr
        Median over the brain of the temporal signal-to-noise ratio in template space.
    carpet
        ``(n_rows, n_volumes)``, at most 600 rows, each the mean of neighbouring voxels of one tissue, standardised
        without drift: units are standard deviations.
    carpet_tissues
        ``(n_rows,)``: 0 grey matter, 1 white matter, 2 CSF, in this order; 3 brain, where tissues are not known.
    n_nonfinite
        Values of the run that are NaN or infinite, over all voxels and volumes; they were set to 0.
    """

    participant_id: str
    label: str
    tr_s: float
    n_volumes: int
    n_dummy: int
    reference_volume: int
    slice_timing: bool
    target: str
    nmi_before: float
    nmi_after: float
    coverage: float
    tsnr: float
    motion: FloatArray
    fd_mm: FloatArray
    dvars: FloatArray
    slice_time_s: float = float("nan")
    n_nonfinite: int = 0
    carpet: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))
    carpet_tissues: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    warnings: tuple[str, ...] = ()
