"""What was removed from the signals."""

from bidsml.records import ParticipantResult, ScanQC
from bidsml.report.blocks import Bullets, Facts, Section, Table


def section(result: ParticipantResult) -> Section | None:
    """Show filters and confounds; nothing where the inputs were not signals."""
    if not any(scan.kind in ("bold", "timeseries") for scan in result.scans) or not result.qc:
        return None
    columns = [(qc.label, column) for qc in result.qc for column in qc.confound_columns]
    blocks: list[Facts | Table | Bullets] = [Facts(_settings(result))]
    if columns:
        blocks.append(
            Table(
                caption="Confounds that were regressed out",
                columns=("Scan", "Confound"),
                rows=tuple(columns),
                text_columns=2,
                folded=True,
            )
        )
    notes = tuple(f"{qc.label}: {warning}" for qc in result.qc for warning in qc.warnings)
    if notes:
        blocks.append(Bullets(notes, heading="Noted on the way"))
    most = max((len(qc.confound_columns) for qc in result.qc), default=0)
    done = f"{most} confound signals were regressed out" if most else "no confound signals were regressed out"
    return Section(
        anchor="denoising",
        title="Denoising",
        lead=f"What was taken out of the signals before features were computed: {done}.",
        blocks=tuple(blocks),
    )


def _settings(result: ParticipantResult) -> tuple[tuple[str, str], ...]:
    settings = result.denoise
    chosen = settings.get("columns")
    confounds = "columns by name" if chosen else str(settings.get("strategy", "n/a"))
    left_out = [qc for qc in result.qc if qc.n_nonfinite_voxels]
    return (
        ("Confounds", confounds),
        ("High-pass filter", _amount(settings.get("high_pass_hz"), "Hz")),
        ("Low-pass filter", _amount(settings.get("low_pass_hz"), "Hz")),
        ("Volumes left out above", _amount(settings.get("fd_censor_mm"), "mm FD")),
        ("Minutes asked for", _amount(settings.get("min_minutes"), "min")),
        *((f"Voxels without a number, {qc.label}", _left_out(qc)) for qc in left_out),
    )


def _left_out(qc: ScanQC) -> str:
    return f"{qc.n_nonfinite_voxels} left out, {100 * qc.nonfinite_share:.2g} % of those in regions"


def _amount(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:g} {unit}"
