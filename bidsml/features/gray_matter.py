"""Grey-matter density of each region (voxel-based morphometry)."""

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_gray_matter(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the mean grey-matter density of each region.

    The density is modulated: times the Jacobian determinant of the map to the template, so that a region's sum is
    its volume in the participant (Good et al. 2001, NeuroImage 14:21, doi:10.1006/nimg.2001.0786). It is smoothed
    as ``preprocess.gray_matter_fwhm_mm`` says, and has no unit: 1 is a template-sized region of grey matter only.

    Returns
    -------
    FeatureVector
        One value per region.

    Raises
    ------
    DataError
        The input has no grey-matter density.
    """
    if data.density is None:
        raise DataError(
            f"{data.scan.path}: gray_matter needs a grey-matter density image, the input has none",
            hint="give raw T1w images, or choose another feature kind",
        )
    return FeatureVector(
        block=block,
        kind="gray_matter",
        measure=measure_of(options),
        names=data.regions,
        values=data.density,
        missing=dict(data.missing),
        atlas=data.atlas,
    )
