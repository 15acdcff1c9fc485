"""Steps that read one participant's files of other modalities than BOLD and T1w."""

from pathlib import Path

from bidsml.bids.modalities import read_values
from bidsml.bids.store import read_record, write_record
from bidsml.records import Scan, ScanData
from bidsml.spec import FeatureSpec


def read_named_values(scan: Path, feature: str, modality: str, atlas: str, *, out_dir: Path) -> Path:
    """Read a scan that is a small table, as FreeSurfer's and MRIQC's.

    Parameters
    ----------
    scan
        Record of the :class:`~bidsml.records.Scan`.
    feature
        ``FeatureSpec`` as JSON.
    modality
        As the catalog of feature kinds names it.
    atlas
        Not used: such values have names of their own.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`, with ``table``.
    """
    source = read_record(Scan, scan)
    values, missing = read_values(modality, source, FeatureSpec.model_validate_json(feature))
    return write_record(out_dir / "scan_data.npz", ScanData(source, table=values, missing=missing))
