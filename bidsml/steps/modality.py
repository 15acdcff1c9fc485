"""Steps that read one participant's files of other modalities than BOLD and T1w."""

import logging
from pathlib import Path

import numpy as np

from bidsml.atlases import load_atlas
from bidsml.bids.encoding import choose_values
from bidsml.bids.modalities import read_values
from bidsml.bids.store import read_record, write_record
from bidsml.errors import DataError
from bidsml.preproc.recording import measure_recording
from bidsml.preproc.scalars import average_map
from bidsml.records import Scan, ScanData
from bidsml.spec import FeatureSpec

logger = logging.getLogger(__name__)

# Free water, which NODDI's fits set to exactly 0 in much of the white matter.
_ZERO_IS_VALUE = {"isovf"}


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
    found = average_map(source, regions, zero_is_value=options.measure in _ZERO_IS_VALUE)
    data = ScanData(
        source,
        regions=found.names,
        maps={options.measure or "fa": found.means},
        missing=found.missing,
        atlas=regions.name,
        networks=regions.networks,
    )
    return write_record(out_dir / "scan_data.npz", data)


def read_recording(scan: Path, feature: str, modality: str, atlas: str, *, out_dir: Path) -> Path:
    """Prepare a raw EEG or MEG recording and measure it; parameters as of :func:`read_named_values`.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.ScanData`, with ``spectrum`` and ``covariance`` of the channels that the
        block asks for; a channel that it names and the recording has not is NaN.
    """
    source = read_record(Scan, scan)
    options = FeatureSpec.model_validate_json(feature)
    found = measure_recording(source, options.recording)
    place = {name: float(number) for number, name in enumerate(found.channels)}
    chosen = choose_values(place, columns=options.columns, exclude=options.exclude)
    names = tuple(sorted(chosen))
    known = [name for name in names if name in place]
    if len(known) < 2:
        raise DataError(
            f"{source.path} has {len(known)} of the channels asked for: {', '.join(found.channels[:8])} …",
            hint="look at columns and exclude of the block, and at the names in channels.tsv",
        )
    rows, here = [found.channels.index(name) for name in known], [names.index(name) for name in known]
    spectrum = np.full((len(names), len(found.frequencies_hz)), np.nan)
    spectrum[here] = found.density[rows]
    covariance = np.full((len(names), len(names)), np.nan)
    covariance[np.ix_(here, here)] = found.covariance[np.ix_(rows, rows)]
    missing = {
        name: found.missing.get(name, "not recorded") for name in names if name in found.missing or name not in place
    }
    logger.info("%s: %d epochs kept, %d rejected", source.label, found.n_epochs, found.n_rejected)
    data = ScanData(
        source,
        regions=names,
        spectrum=spectrum,
        frequencies_hz=found.frequencies_hz,
        covariance=covariance,
        missing=missing,
    )
    return write_record(out_dir / "scan_data.npz", data)
