"""What is regressed out of the signals of a scan, which frequencies and which volumes are kept."""

from dataclasses import dataclass, replace

import numpy as np
from nilearn.signal import clean
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.preproc.confounds import Confounds
from bidsml.records import FloatArray, Scan
from bidsml.spec import DenoiseSpec

BoolArray = NDArray[np.bool_]

Band = tuple[float | None, float | None]

# A regression that leaves fewer volumes than this describes its own noise.
MIN_SPARE_VOLUMES = 10
# Zero-phase filtering of order 5 extends the signal by 33 volumes at each end (scipy.signal.sosfiltfilt).
MIN_FILTERED_VOLUMES = 34
# Below this, residual correlations of independent noise exceed |r| = 0.4 by chance (1.96 / sqrt(20)).
MIN_DEGREES_OF_FREEDOM = 20
# Rounding leaves 1e-13 of a signal that the regressors explain wholly.
NOTHING_LEFT = 1e-9


@dataclass(frozen=True, eq=False)
class Cleaning:
    """How every signal of one scan is cleaned.

    Attributes
    ----------
    confounds
        With one value per volume in every part.
    regressors
        ``(n_volumes, n_regressors)``, or ``None`` for none.
    kept
        ``(n_volumes,)``: volumes that are neither before the steady state nor censored.
    band
        High-pass and low-pass limits in Hz, ``None`` where not filtered.
    warnings
        What is doubtful about it.
    """

    confounds: Confounds
    regressors: FloatArray | None
    kept: BoolArray
    band: Band
    tr_s: float | None
    warnings: tuple[str, ...] = ()

    def apply(self, signals: FloatArray) -> FloatArray:
        """Detrend, filter, censor and regress signals, not standardised.

        Parameters
        ----------
        signals
            ``(n_volumes, n_signals)``.

        Returns
        -------
        FloatArray
            ``(n_kept, n_signals)``.
        """
        cleaned = clean(
            signals,
            confounds=self.regressors,
            detrend=True,
            standardize=None,
            sample_mask=None if self.kept.all() else np.flatnonzero(self.kept),
            filter=False if self.band == (None, None) else "butterworth",
            high_pass=self.band[0],
            low_pass=self.band[1],
            t_r=self.tr_s,
        )
        return np.asarray(cleaned, dtype=np.float64)

    def matrix(self) -> FloatArray:
        """Give the matrix whose product with signals is :meth:`apply`.

        Every step is linear in the signals: the trend is projected out, censored volumes are interpolated by splines,
        the filter is linear, and the regressors do not depend on the signals. Of many signals, the product is faster:
        nilearn filters one at a time.

        Returns
        -------
        FloatArray
            ``(n_kept, n_volumes)``.
        """
        return self.apply(np.eye(len(self.kept)))


def plan_cleaning(
    scan: Scan, confounds: Confounds, denoise: DenoiseSpec, *, n_volumes: int, tr_s: float | None
) -> Cleaning:
    """Decide how the signals of a scan are cleaned, and whether enough of it is left.

    Raises
    ------
    DataError
        The confounds have another number of volumes, the band needs a repetition time or ends beyond the highest
        frequency, or too few volumes are left.
    """
    confounds = _match(scan, confounds, n_volumes)
    kept = _kept_volumes(confounds, denoise)
    band = _band(scan, denoise, tr_s)
    warnings = _check_enough(scan, kept, n_regressors=len(confounds.columns), band=band, tr_s=tr_s)
    regressors = confounds.table.to_numpy(dtype=np.float64) if len(confounds.columns) else None
    return Cleaning(confounds, regressors, kept, band, tr_s, warnings)


def _match(scan: Scan, confounds: Confounds, n_volumes: int) -> Confounds:
    """Give every part of the confounds one value per volume; refuse a table of another length."""
    if len(confounds.non_steady) not in (0, n_volumes):
        raise DataError(
            f"{scan.confounds} has {len(confounds.non_steady)} rows, {scan.path.name} has {n_volumes} volumes",
            hint="the confounds must belong to this image",
        )
    if len(confounds.non_steady):
        return confounds
    return replace(confounds, non_steady=np.zeros(n_volumes, dtype=np.bool_))


def _kept_volumes(confounds: Confounds, denoise: DenoiseSpec) -> BoolArray:
    kept = ~confounds.non_steady
    if denoise.fd_censor_mm and len(confounds.fd_mm):
        # The first volume's displacement is NaN, and NaN compares as not moving.
        kept = kept & ~(confounds.fd_mm > denoise.fd_censor_mm)
    return np.asarray(kept)


def _band(scan: Scan, denoise: DenoiseSpec, tr_s: float | None) -> Band:
    """High-pass and low-pass limits in Hz, ``None`` where not filtered."""
    band: Band = (denoise.high_pass_hz or None, denoise.low_pass_hz or None)
    if band == (None, None):
        return band
    if not tr_s:
        raise DataError(
            f"{scan.path}: filtering needs the repetition time, neither sidecar nor header says it",
            hint="give RepetitionTime in the sidecar, or set input.tr_s",
        )
    highest = 0.5 / tr_s
    if any(limit is not None and limit >= highest for limit in band):
        raise DataError(
            f"{scan.path}: with a repetition time of {tr_s:g} s frequencies end at {highest:.3f} Hz, "
            f"denoise asks for {band[0]}–{band[1]} Hz",
            hint="lower denoise.low_pass_hz, or check the repetition time",
        )
    return band


def _check_enough(
    scan: Scan,
    kept: BoolArray,
    *,
    n_regressors: int,
    band: Band,
    tr_s: float | None,
) -> tuple[str, ...]:
    """Refuse a scan with too few volumes; warn where filter and regressors leave little freedom."""
    n_kept = int(kept.sum())
    inner = np.flatnonzero(kept)
    span = int(inner[-1] - inner[0] + 1) if n_kept else 0
    needed = n_regressors + MIN_SPARE_VOLUMES
    if n_kept < needed or (band != (None, None) and span < MIN_FILTERED_VOLUMES):
        raise DataError(
            f"{scan.path}: {n_kept} of {len(kept)} volumes are kept, {n_regressors} regressors need {needed}"
            f"{f' and the filter {MIN_FILTERED_VOLUMES}' if band != (None, None) else ''}",
            hint="raise denoise.fd_censor_mm, choose a strategy with fewer regressors, or leave the scan out",
        )
    # A band keeps its share of the frequencies up to 1 / (2 TR).
    lowest, highest = band
    share = 1.0 if tr_s is None else 2 * tr_s * ((highest or 0.5 / tr_s) - (lowest or 0.0))
    free = n_kept * share - n_regressors
    if free >= MIN_DEGREES_OF_FREEDOM:
        return ()
    return (f"band-pass and {n_regressors} regressors leave about {max(free, 0):.0f} degrees of freedom",)
