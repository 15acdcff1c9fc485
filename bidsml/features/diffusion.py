"""Scalar maps of diffusion, averaged in the regions of an atlas."""

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_diffusion(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the mean of one scalar map in each region.

    Of the tensor (Basser & Pierpaoli 1996, doi:10.1006/jmrb.1996.0086): ``fa`` fractional anisotropy, ``md``, ``ad``,
    ``rd`` mean, axial and radial diffusivity. Of kurtosis (Jensen et al. 2005, doi:10.1002/mrm.20508): ``mk``, ``ak``,
    ``rk``. Of NODDI (Zhang et al. 2012, doi:10.1016/j.neuroimage.2012.03.072): ``icvf``, ``isovf``, ``od``. ``gfa``:
    generalised fractional anisotropy (Tuch 2004, doi:10.1002/mrm.20279).

    Returns
    -------
    FeatureVector
        One value per region, in the unit of the map.

    Raises
    ------
    DataError
        The input has no such map.
    """
    measure = measure_of(options)
    if measure not in data.maps:
        raise DataError(f"{data.scan.path}: there is no map of {measure}", hint="give maps with -d qsirecon=PATH")
    return FeatureVector(
        block=block,
        kind="diffusion",
        measure=measure,
        names=data.regions,
        values=np.array(data.maps[measure], dtype=np.float64),
        missing=dict(data.missing),
        atlas=data.atlas,
        settings={"model": options.model} if options.model else {},
    )


def check_diffusion(options: FeatureSpec) -> str:
    """Say what is wrong with the options: maps are averaged in regions."""
    return "" if options.atlas else "kind 'diffusion' needs atlas: the regions that maps are averaged in"
