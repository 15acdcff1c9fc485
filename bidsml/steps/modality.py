"""Steps that read one participant's files of other modalities than BOLD and T1w."""

from pathlib import Path

from bidsml.atlases import load_atlas
from bidsml.bids.modalities import read_values
from bidsml.bids.store import read_record, write_record
from bidsml.preproc.scalars import average_map
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


def read_scalar_map(scan: Path, feature: str, modality: str, atlas: str, *, out_dir: Path) -> Path:
    """Average a map of diffusion in the regions of an atlas; parameters as of :func:`read_named_values`.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`, with ``maps``.
    """
    source = read_record(Scan, scan)
    options = FeatureSpec.model_validate_json(feature)
    regions = load_atlas(atlas)
    found = average_map(source, regions)
    data = ScanData(
        source,
        regions=found.names,
        maps={options.measure or "fa": found.means},
        missing=found.missing,
        atlas=regions.name,
        networks=regions.networks,
    )
    return write_record(out_dir / "scan_data.npz", data)
