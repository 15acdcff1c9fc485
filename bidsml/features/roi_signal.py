"""How much each region's signal varies over time."""

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.features._runs import iter_runs
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

MIN_DEGREES = 9


def extract_roi_signal(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Measure the variability of each region's denoised signal.

    ``sd``: temporal standard deviation [1]_. ``mssd``: root mean square of successive differences [2]_, blind
    to slow drifts, over neighbours that are both kept. Both leave censored volumes out and are in the units
    of ``data.unfiltered``: percent of the region's mean for BOLD. Several runs: root of the mean variance,
    weighted by volumes, so that a difference of level between runs does not count. A mean is not offered:
    after denoising it is 0.

    Returns
    -------
    FeatureVector
        One value per region.

    Raises
    ------
    DataError
        No time series, or fewer than 10 volumes.

    References
    ----------
    .. [1] Garrett et al. 2010, J Neurosci 30:4914, doi:10.1523/JNEUROSCI.5166-09.2010
    .. [2] Von Neumann et al. 1941, Ann Math Stat 12:153, doi:10.1214/aoms/1177731746
    """
    measure = measure_of(options)
    variances: list[FloatArray] = []
    weights: list[int] = []
    for signals, kept in iter_runs(data):
        if measure == "sd":
            deviations = signals[kept] - signals[kept].mean(axis=0) if kept.any() else signals[kept]
            degrees = int(kept.sum()) - 1
        else:
            deviations = np.diff(signals, axis=0)[kept[1:] & kept[:-1]]
            degrees = len(deviations)
        if degrees > 0:
            variances.append((deviations**2).sum(axis=0) / degrees)
            weights.append(degrees)
    if sum(weights) < MIN_DEGREES:
        raise DataError(
            f"{data.scan.path}: {measure} needs {MIN_DEGREES + 1} volumes that are not censored, "
            f"found about {sum(weights) + len(weights)}",
            hint="raise denoise.fd_censor_mm, or leave the scan out",
        )
    return FeatureVector(
        block=block,
        kind="roi_signal",
        measure=measure,
        names=data.regions,
        values=np.sqrt(np.average(variances, axis=0, weights=weights)),
        missing=dict(data.missing),
        atlas=data.atlas,
    )
