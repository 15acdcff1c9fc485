"""Image-quality metrics of MRIQC."""

from bidsml.features._values import extract_values
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_image_quality(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the image-quality metrics of one scan as features (Esteban et al. 2017, doi:10.1371/journal.pone.0184661).

    They tell scanners, sites and head motion apart: as much a control of another biomarker as one of their own.

    Returns
    -------
    FeatureVector
        One value per metric, in MRIQC's units; NaN with a reason where MRIQC gave none.

    Raises
    ------
    DataError
        No metric is left.
    """
    return extract_values(data, block=block, kind="image_quality", measure="value")
