"""Columns of participants.tsv or of a phenotype table, as BIDS defines them."""

from pathlib import PurePosixPath

from bidsml.features.table import extract_table
from bidsml.records import FeatureVector, ScanData
from bidsml.spec import FeatureSpec

PARTICIPANTS = "participants.tsv"


def extract_phenotype(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take one participant's row of a phenotype table as features (see :func:`extract_table`)."""
    return extract_table(data, block=block, options=options)


def check_phenotype(options: FeatureSpec) -> str:
    """Say what is wrong with the options: the file must be one that BIDS has for phenotypes."""
    if options.file is None or options.file == PARTICIPANTS:
        return ""
    path = PurePosixPath(options.file)
    if "phenotype" in path.parts[:-1] and path.suffix == ".tsv":
        return ""
    return f"kind 'phenotype' reads participants.tsv or phenotype/*.tsv, not {options.file!r}; use kind = 'table'"
