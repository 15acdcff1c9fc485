"""Go through the unfiltered signals run by run."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError
from bidsml.records import FloatArray, ScanData

BoolArray = NDArray[np.bool_]


def iter_runs(data: ScanData) -> Iterator[tuple[FloatArray, BoolArray]]:
    """Yield each run's unfiltered signals and which of its volumes are not censored.

    Volumes before the steady state (NaN in every region) are left out of both. Volumes that another tool
    censored are NaN in every region too; they stay, so that the volumes are evenly spaced, and are not kept.

    Yields
    ------
    signals
        ``(n_volumes, n_regions)``, NaN columns for missing regions.
    kept
        ``(n_volumes,)``, ``False`` where a volume is censored.

    Raises
    ------
    DataError
        The input has no time series.
    """
    if data.unfiltered is None:
        raise DataError(
            f"{data.scan.path}: this measure needs time series, the input has none",
            hint="give BOLD or time series with --derivatives, or choose another feature kind",
        )
    censored = np.zeros(len(data.unfiltered), dtype=np.bool_)
    if data.qc is not None and len(data.qc.censored) == len(censored):
        censored = data.qc.censored
    start = 0
    for length in data.run_lengths or (len(censored),):
        run = data.unfiltered[start : start + length]
        known = np.isfinite(run).any(axis=1)
        steady = np.logical_or.accumulate(known)
        yield run[steady], (known & ~censored[start : start + length])[steady]
        start += length
