"""Columns of any table with one row per participant."""

from bidsml.errors import DataError
from bidsml.features._values import extract_values
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec


def extract_table(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take one participant's row of a table as features, in the table's order.

    Returns
    -------
    FeatureVector
        One value per column; an absent one is NaN with a reason.

    Raises
    ------
    DataError
        The participant's row offers no column.
    """
    if not data.table:
        raise DataError(
            f"sub-{data.scan.participant_id}: no column of {options.file or data.scan.path} is left for {block!r}",
            hint="look at columns and exclude of this block, and at the table's header",
        )
    return extract_values(data, block=block, kind=options.kind, measure="value", reason="n/a in the table")


def check_table(options: FeatureSpec) -> str:
    """Say what is wrong with the options: a table needs a file."""
    return "" if options.file else "kind 'table' needs file: the table, relative to the dataset"
