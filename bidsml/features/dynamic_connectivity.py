"""How much the connectivity of every pair of regions varies between sliding windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.features.connectome import LARGEST_R
from bidsml.matrices import edge_names, matrix_to_edges
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

MIN_WINDOWS = 5
MIN_DISJOINT_WINDOWS = 3
# Correlations of fewer volumes are mostly noise: |r| > 0.63 by chance at p = 0.05.
MIN_VOLUMES = 10
# Beyond two sigma a softened end has less than 2.3 % of the window's height.
TAPER_REACH = 2.0


def extract_dynamic_connectivity(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Measure how much every pair's connectivity varies over time.

    A window of ``window_s`` slides by ``step_s`` over the cleaned signals; ``window_sd`` is the standard deviation
    over windows of the pair's Fisher z [1]_ [2]_. With ``taper_s`` the window is a rectangle convolved with a Gaussian
    of that sigma, cut two sigma beyond its ends.

    **Read with care.** A sliding window makes connectivity seem to vary where it is constant: an SD of about
    ``1 / sqrt(n_effective - 3)``, for the independent volumes of a window, is sampling variability alone [3]_, and
    much of what exceeds it goes with head motion and drowsiness [4]_. Compare with surrogates of a stationary process
    before speaking of dynamics, and keep motion among the nuisance variables. A window shorter than one period of the
    lowest frequency that ``denoise.high_pass_hz`` lets through adds variation of its own [5]_.

    Censored volumes leave gaps. Only windows without a gap, within one run, count: a window of fewer volumes would
    vary more by chance and let motion in by the back door. Neighbouring windows overlap, so that they are no
    independent observations.

    Returns
    -------
    FeatureVector
        One value per pair of regions ``A--B``; the values of a missing region are NaN.

    Raises
    ------
    DataError
        No time series or repetition time, fewer than two regions, a window of fewer than 10 volumes, or too few clean
        windows: at least 5, of which 3 do not overlap.

    References
    ----------
    .. [1] Allen et al. 2014, Cereb Cortex 24:663, doi:10.1093/cercor/bhs352
    .. [2] Hutchison et al. 2013, NeuroImage 80:360, doi:10.1016/j.neuroimage.2013.05.079
    .. [3] Hindriks et al. 2016, NeuroImage 127:242, doi:10.1016/j.neuroimage.2015.11.055
    .. [4] Laumann et al. 2017, Cereb Cortex 27:4719, doi:10.1093/cercor/bhw265
    .. [5] Leonardi & Van De Ville 2015, NeuroImage 104:430, doi:10.1016/j.neuroimage.2014.09.007
    """
    window = _plan_window(data, options)
    present = _present(data)
    n_regions = len(data.regions)
    sd = np.full((n_regions, n_regions), np.nan)
    starts = [_clean_starts(run, window) for run in _on_time_grid(data)]
    _check_enough(data, starts, window)
    windows = (
        run[start : start + len(window.weights), present]
        for run, found in zip(_on_time_grid(data), starts, strict=True)
        for start in found
    )
    sd[np.ix_(present, present)] = _spread(_correlate(signals, window.weights) for signals in windows)
    return FeatureVector(
        block=block,
        kind="dynamic_connectivity",
        measure=measure_of(options),
        names=edge_names(data.regions, "edges"),
        values=matrix_to_edges(sd, "edges"),
        layout="edges",
        nodes=data.regions,
        missing=dict(data.missing),
        atlas=data.atlas,
        settings={
            "window_s": options.window_s,
            "step_s": options.step_s,
            "taper_s": options.taper_s,
            "n_windows": sum(map(len, starts)),
        },
    )


@dataclass(frozen=True, eq=False)
class _Window:
    """Weights of the window's volumes, which add up to 1, and by how many volumes it slides."""

    weights: FloatArray
    step: int


def _plan_window(data: ScanData, options: FeatureSpec) -> _Window:
    if data.signals is None or not data.tr_s:
        what = "time series" if data.signals is None else "the repetition time"
        raise DataError(
            f"{data.scan.path}: dynamic_connectivity needs {what}, this input has none",
            hint="give BOLD or time series, and set input.tr_s where the sidecar lacks RepetitionTime",
        )
    length = round(options.window_s / data.tr_s)
    if length < MIN_VOLUMES:
        raise DataError(
            f"{data.scan.path}: a window of {options.window_s:g} s has {length} volumes of {data.tr_s:g} s, "
            f"at least {MIN_VOLUMES} are needed",
            hint="raise window_s",
        )
    step = max(1, round(options.step_s / data.tr_s))
    if not options.taper_s:
        return _Window(np.full(length, 1 / length), step)
    sigma = options.taper_s / data.tr_s
    reach = int(np.ceil(TAPER_REACH * sigma))
    time = np.arange(-reach, length + reach) - (length - 1) / 2
    weights = norm.cdf((time + length / 2) / sigma) - norm.cdf((time - length / 2) / sigma)
    return _Window(weights / weights.sum(), step)


def _present(data: ScanData) -> NDArray[np.intp]:
    """Places of the regions that have a signal."""
    present = np.flatnonzero(np.isfinite(np.asarray(data.signals)).all(axis=0))
    if len(present) < 2:
        raise DataError(
            f"{data.scan.path}: connectivity needs two regions with a signal, found {len(present)}",
            hint="look at the atlas coverage: does the atlas fit the space of the images?",
        )
    return present


def _on_time_grid(data: ScanData) -> Iterator[FloatArray]:
    """Each run's cleaned signals with a row for every volume, NaN where it is censored."""
    signals = np.asarray(data.signals, dtype=np.float64)
    censored = data.qc.censored if data.qc is not None else np.empty(0, dtype=np.bool_)
    if not len(censored):
        censored = np.zeros(len(signals), dtype=np.bool_)
    if int((~censored).sum()) != len(signals):
        raise DataError(
            f"{data.scan.path}: {len(signals)} volumes are left, the quality record says {int((~censored).sum())}",
            hint="run the participant again",
        )
    grid = np.full((len(censored), signals.shape[1]), np.nan)
    grid[~censored] = signals
    start = 0
    for length in data.run_lengths or (len(grid),):
        yield grid[start : start + length]
        start += length


def _clean_starts(run: FloatArray, window: _Window) -> list[int]:
    """First volumes of the windows that hold no censored volume."""
    length = len(window.weights)
    gaps = np.concatenate([[0], np.cumsum(np.isnan(run).all(axis=1))])
    starts = range(0, len(run) - length + 1, window.step)
    return [start for start in starts if gaps[start + length] == gaps[start]]


def _check_enough(data: ScanData, starts: list[list[int]], window: _Window) -> None:
    length = len(window.weights)
    disjoint = 0
    for found in starts:
        free = 0
        for start in found:
            if start >= free:
                disjoint += 1
                free = start + length
    total = sum(map(len, starts))
    if total < MIN_WINDOWS or disjoint < MIN_DISJOINT_WINDOWS:
        raise DataError(
            f"{data.scan.path}: {total} windows of {length} volumes hold no censored one, {disjoint} of them do not "
            f"overlap; at least {MIN_WINDOWS} and {MIN_DISJOINT_WINDOWS} are needed",
            hint="shorten window_s or step_s, raise denoise.fd_censor_mm, or leave the scan out",
        )


def _correlate(signals: FloatArray, weights: FloatArray) -> FloatArray:
    """Fisher z of the weighted correlations of one window: ``(n_regions, n_regions)``."""
    centred = signals - weights @ signals
    covariance = (centred * weights[:, None]).T @ centred
    scale = np.sqrt(np.diag(covariance))
    # A region that stands still for a whole window goes with nothing in it.
    r = np.divide(covariance, np.outer(scale, scale), out=np.zeros_like(covariance), where=np.outer(scale, scale) > 0)
    z: FloatArray = np.arctanh(np.clip(r, -LARGEST_R, LARGEST_R))
    return z


def _spread(windows: Iterator[FloatArray]) -> FloatArray:
    """Sample standard deviation over windows, one window in memory at a time (Welford 1962, Technometrics 4:419)."""
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for count, z in enumerate(windows, start=1):
        off = z - mean
        mean = mean + off / count
        squares = squares + off * (z - mean)
    sd: FloatArray = np.sqrt(squares / (count - 1))
    return sd
