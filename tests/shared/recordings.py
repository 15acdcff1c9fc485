"""Simulated EEG as BrainVision files in BIDS: written without a library, so that tests need only a reader."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

HEADER = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
Codepage=UTF-8
DataFile={stem}.eeg
MarkerFile={stem}.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels={n}
SamplingInterval={interval_us}
[Binary Infos]
BinaryFormat=IEEE_FLOAT_32
[Channel Infos]
{channels}
"""
MARKERS = """Brain Vision Data Exchange Marker File, Version 1.0
[Common Infos]
Codepage=UTF-8
DataFile={stem}.eeg
[Marker Infos]
Mk1=New Segment,,1,1,0,0
"""


def write_eeg(
    dataset: Path,
    stem: str,
    signals_uv: np.ndarray,
    channels: Sequence[str],
    *,
    sfreq_hz: float = 200.0,
    bad: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    line_hz: float = 50.0,
) -> Path:
    """Write one recording, ``(n_channels, n_samples)`` in µV, under ``sub-X_[ses-Y_]task-T_eeg``; gives the header."""
    folder = _write_beside(dataset, stem, channels, sfreq_hz=sfreq_hz, bad=bad, types=types, line_hz=line_hz)
    lines = "\n".join(f"Ch{number}={name},,1,µV" for number, name in enumerate(channels, start=1))
    header = HEADER.format(stem=stem, n=len(channels), interval_us=1e6 / sfreq_hz, channels=lines)
    (folder / f"{stem}.vhdr").write_text(header, encoding="utf-8")
    (folder / f"{stem}.vmrk").write_text(MARKERS.format(stem=stem), encoding="utf-8")
    signals_uv.T.astype("<f4").tofile(folder / f"{stem}.eeg")
    return folder / f"{stem}.vhdr"


def write_edf(
    dataset: Path, stem: str, signals_uv: np.ndarray, channels: Sequence[str], *, sfreq_hz: float = 200.0
) -> Path:
    """Write one recording as EDF (Kemp 1992, doi:10.1016/0013-4694(92)90009-7), in records of one second."""
    folder = _write_beside(dataset, stem, channels, sfreq_hz=sfreq_hz)
    n, size = len(channels), int(sfreq_hz)
    n_records = signals_uv.shape[1] // size
    fields: list[tuple[int, list[object]]] = [
        *((8, ["0"]), (80, ["X X X X"]), (80, ["Startdate 01-JAN-2000 X X X"]), (8, ["01.01.00"]), (8, ["00.00.00"])),
        *((8, [256 * (n + 1)]), (44, [""]), (8, [n_records]), (8, [1]), (4, [n])),
        *((16, list(channels)), (80, [""] * n), (8, ["uV"] * n), (8, [-3276] * n), (8, [3276] * n)),
        *((8, [-32768] * n), (8, [32767] * n), (80, [""] * n), (8, [size] * n), (32, [""] * n)),
    ]
    header = "".join(str(value).ljust(width) for width, values in fields for value in values).encode("ascii")
    digital = np.round(signals_uv[:, : n_records * size] / 6552 * 65535).astype("<i2")
    records = digital.reshape(n, n_records, size).swapaxes(0, 1)
    (folder / f"{stem}.edf").write_bytes(header + records.tobytes())
    return folder / f"{stem}.edf"


def _write_beside(
    dataset: Path,
    stem: str,
    channels: Sequence[str],
    *,
    sfreq_hz: float,
    bad: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    line_hz: float = 50.0,
) -> Path:
    """Write description, channels and sidecar of a recording; gives its folder."""
    parts = dict(part.split("-") for part in stem.split("_")[:-1])
    session = f"ses-{parts['ses']}" if "ses" in parts else ""
    folder = dataset / f"sub-{parts['sub']}" / session / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    if not (dataset / "dataset_description.json").exists():
        (dataset / "dataset_description.json").write_text('{"Name": "made up", "BIDSVersion": "1.11.1"}')
    rows = [
        "\t".join([name, (types or {}).get(name, "EEG"), "µV", "bad" if name in bad else "good"]) for name in channels
    ]
    table = "\n".join(["name\ttype\tunits\tstatus", *rows]) + "\n"
    (folder / f"{stem.removesuffix('_eeg')}_channels.tsv").write_text(table, encoding="utf-8")
    sidecar = {"TaskName": parts["task"], "SamplingFrequency": sfreq_hz, "PowerLineFrequency": line_hz}
    sidecar |= {"EEGReference": "Cz", "SoftwareFilters": "n/a"}
    (folder / f"{stem}.json").write_text(json.dumps(sidecar))
    return folder


def simulate_eeg(
    rng: np.random.Generator,
    n_channels: int,
    *,
    seconds: float = 80.0,
    sfreq_hz: float = 200.0,
    alpha_uv: float | Sequence[float] = 0.0,
    noise_uv: float = 5.0,
    line_uv: float = 0.0,
) -> np.ndarray:
    """White noise of a standard deviation, a 10 Hz sine of an amplitude in each channel, and the power line: µV."""
    time_s = np.arange(int(seconds * sfreq_hz)) / sfreq_hz
    amplitude = np.broadcast_to(np.asarray(alpha_uv, dtype=float), (n_channels,))[:, np.newaxis]
    phase = rng.uniform(0, 2 * np.pi, (n_channels, 1))
    signals = noise_uv * rng.standard_normal((n_channels, len(time_s)))
    signals += amplitude * np.sin(2 * np.pi * 10 * time_s + phase)
    return signals + line_uv * np.sin(2 * np.pi * 50 * time_s)
