"""Named values of one scan, as a vector."""

import numpy as np

from bidsml.errors import DataError
from bidsml.records import FeatureVector, ScanData


def extract_values(
    data: ScanData, *, block: str, kind: str, measure: str, atlas: str = "", reason: str = "not measured"
) -> FeatureVector:
    """Take the named values of a scan, in their order.

    Parameters
    ----------
    reason
        Why a value is missing, where the scan does not say.

    Raises
    ------
    DataError
        There are none.
    """
    if not data.table:
        raise DataError(
            f"{data.scan.label}: no value of {data.scan.path} is left for {block!r}",
            hint="look at columns and exclude of this block",
        )
    values = np.array(list(data.table.values()), dtype=np.float64)
    absent = {name: reason for name, value in data.table.items() if np.isnan(value)}
    return FeatureVector(
        block=block,
        kind=kind,
        measure=measure,
        names=tuple(data.table),
        values=values,
        missing={**absent, **data.missing},
        atlas=atlas,
    )
