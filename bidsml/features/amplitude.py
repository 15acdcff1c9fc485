"""Amplitude of slow fluctuations: ALFF and fALFF."""

import numpy as np
from scipy.signal import periodogram

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.features._runs import iter_runs
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

BAND_HZ = (0.01, 0.08)
"""The slow band of Zang 2007 and Zou 2008, whatever band the connectome uses."""


def extract_amplitude(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Measure how strong each region's slow fluctuations are.

    ``alff`` [1]_: mean over 0.01–0.08 Hz of the amplitude (square root of the periodogram), in the units of
    ``data.unfiltered`` (percent for BOLD) per root hertz. ``falff`` [2]_: the sum of amplitudes in that band
    over the sum at all positive frequencies, 0–1. Both use every volume after the steady state, because a
    spectrum needs evenly spaced ones, and no band-pass. Several runs: mean, weighted by volumes.

    Returns
    -------
    FeatureVector
        One value per region.

    Raises
    ------
    DataError
        No time series, no repetition time, or runs too short for the band.

    References
    ----------
    .. [1] Zang et al. 2007, Brain Dev 29:83, doi:10.1016/j.braindev.2006.07.002
    .. [2] Zou et al. 2008, J Neurosci Methods 172:137, doi:10.1016/j.jneumeth.2008.04.012
    """
    measure = measure_of(options)
    if not data.tr_s:
        raise DataError(
            f"{data.scan.path}: {measure} needs the repetition time",
            hint="give RepetitionTime in the sidecar, or set input.tr_s",
        )
    runs = [signals for signals, _ in iter_runs(data)]
    amplitudes = [_amplitude(run, data, measure=measure) for run in runs]
    return FeatureVector(
        block=block,
        kind="amplitude",
        measure=measure,
        names=data.regions,
        values=np.average(amplitudes, axis=0, weights=[len(run) for run in runs]),
        missing=dict(data.missing),
        atlas=data.atlas,
    )


def _amplitude(signals: FloatArray, data: ScanData, *, measure: str) -> FloatArray:
    """ALFF or fALFF of one run: ``(n_regions,)``."""
    tr_s = float(data.tr_s or 0)
    if len(signals) * tr_s < 2 / BAND_HZ[0]:
        raise DataError(
            f"{data.scan.path}: {measure} down to {BAND_HZ[0]} Hz needs {2 / BAND_HZ[0]:.0f} s, "
            f"found {len(signals) * tr_s:.0f} s",
            hint="use a longer scan or another feature kind",
        )
    holes = int((~np.isfinite(signals).any(axis=1)).sum())
    if holes:
        raise DataError(
            f"{data.scan.path}: {measure} needs evenly spaced volumes, {holes} were censored by the tool that made it",
            hint="give BOLD images or uncensored time series",
        )
    present = np.asarray(np.isfinite(signals).all(axis=0))
    frequencies, power = periodogram(signals[:, present], fs=1 / tr_s, detrend="linear", axis=0)
    amplitude: FloatArray = np.sqrt(power)
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    values = np.full(len(present), np.nan)
    if measure == "alff":
        values[present] = amplitude[band].mean(axis=0)
    else:
        values[present] = amplitude[band].sum(axis=0) / amplitude[frequencies > 0].sum(axis=0)
    return values
