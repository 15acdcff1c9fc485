"""Volumes of grey matter by region, and of whole tissues."""

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec

TOTALS = ("total_gray_matter", "total_white_matter", "total_csf", "total_brain")


def extract_morphometry(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the grey-matter volume of each region, then the totals.

    ``volume``: millilitres. ``volume_of_brain``: each volume as a share of the whole brain's, which takes out what
    is only the size of the head (Voevodskaya et al. 2014, Front Aging Neurosci 6:264,
    doi:10.3389/fnagi.2014.00264, compare this with regression); the whole brain itself is then left out.

    Returns
    -------
    FeatureVector
        One value per region and total.

    Raises
    ------
    DataError
        The input has no volumes, or the brain's is not positive.
    """
    if not data.volumes_ml:
        raise DataError(
            f"{data.scan.path}: morphometry needs volumes of tissues, the input has none",
            hint="give raw T1w images, or take FreeSurfer's tables with kind 'table'",
        )
    measure = measure_of(options)
    names = (*data.regions, *(name for name in TOTALS if name in data.volumes_ml))
    values = np.array([data.volumes_ml.get(name, np.nan) for name in names], dtype=np.float64)
    if measure == "volume_of_brain":
        brain = data.volumes_ml.get("total_brain", float("nan"))
        if not brain > 0:
            raise DataError(
                f"{data.scan.path}: volume_of_brain needs the brain's volume, found {brain} ml",
                hint="look at the brain mask in the participant's report, or use measure = 'volume'",
            )
        shared = [name != "total_brain" for name in names]
        names = tuple(name for name in names if name != "total_brain")
        values = values[shared] / brain
    absent = {name: "not measured" for name, value in zip(names, values.tolist(), strict=True) if np.isnan(value)}
    return FeatureVector(
        block=block,
        kind="morphometry",
        measure=measure,
        names=names,
        values=values,
        missing={**absent, **data.missing},
        atlas=data.atlas,
    )
