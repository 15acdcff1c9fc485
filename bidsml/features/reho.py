"""Regional homogeneity."""

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_reho(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take each region's mean regional homogeneity.

    ``kendall_w``: Kendall's coefficient of concordance of each voxel with its neighbours
    (:func:`bidsml.preproc.homogeneity.regional_homogeneity`; Zang et al. 2004, NeuroImage 22:394,
    doi:10.1016/j.neuroimage.2003.12.030), mean over the region's voxels, 0-1. ``kendall_w_of_brain``: divided by the
    mean over the brain, which takes out part of what motion, noise and thermal signal-to-noise do to all voxels alike.

    Returns
    -------
    FeatureVector
        One value per region.

    Raises
    ------
    DataError
        The input has no map of regional homogeneity.
    """
    measure = measure_of(options)
    if measure not in data.maps:
        raise DataError(
            f"{data.scan.path}: reho needs BOLD images, the input has no voxels",
            hint="give BOLD with --derivatives, or choose another feature kind",
        )
    return FeatureVector(
        block=block,
        kind="reho",
        measure=measure,
        names=data.regions,
        values=np.array(data.maps[measure], dtype=np.float64),
        missing=dict(data.missing),
        atlas=data.atlas,
        settings={"neighbours": options.neighbours},
    )
