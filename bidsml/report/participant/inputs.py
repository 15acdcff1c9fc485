"""Which files the numbers come from."""

from bidsml.records import ParticipantResult, Scan
from bidsml.report.blocks import Section, Table
from bidsml.report.wording import number, plural

_KINDS = {
    "bold": "preprocessed BOLD",
    "timeseries": "region time series",
    "relmat": "ready-made matrix",
    "t1w": "raw T1w",
    "table": "table row",
    "freesurfer": "FreeSurfer's statistics",
    "mriqc": "MRIQC's metrics",
    "dwimap": "map of diffusion",
    "eeg": "raw EEG",
    "meg": "raw MEG",
}


def section(result: ParticipantResult) -> Section:
    """List the input files by name, with what was known about them."""
    columns = ("File", "Kind", "From", "Entities", "Repetition time, s")
    return Section(
        anchor="inputs",
        title="Inputs",
        lead=f"What was read: {plural(len(result.scans), 'input')}. Everything below is made from nothing else.",
        blocks=(
            Table(
                caption="Input files",
                columns=columns,
                rows=tuple(_row(scan, result) for scan in result.scans),
                text_columns=4,
            ),
        ),
    )


def _row(scan: Scan, result: ParticipantResult) -> tuple[str, ...]:
    here = "raw BOLD, preprocessed here" if scan.kind == "bold" and result.functional else ""
    entities = " ".join(f"{key}-{value}" for key, value in scan.entities.items())
    return (
        # The tables of one reconstruction are read together.
        ", ".join(path.name for path in (scan.files if scan.kind == "freesurfer" else (scan.path,))),
        _KINDS[scan.kind],
        scan.derivative or here or "the dataset itself",
        entities or "none",
        "n/a" if scan.tr_s is None else number(scan.tr_s),
    )
