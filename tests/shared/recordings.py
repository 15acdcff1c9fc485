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
    parts = dict(part.split("-") for part in stem.split("_")[:-1])
    session = f"ses-{parts['ses']}" if "ses" in parts else ""
    folder = dataset / f"sub-{parts['sub']}" / session / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    if not (dataset / "dataset_description.json").exists():
        (dataset / "dataset_description.json").write_text('{"Name": "made up", "BIDSVersion": "1.11.1"}')
    lines = "\n".join(f"Ch{number}={name},,1,µV" for number, name in enumerate(channels, start=1))
    header = HEADER.format(stem=stem, n=len(channels), interval_us=1e6 / sfreq_hz, channels=lines)
    (folder / f"{stem}.vhdr").write_text(header, encoding="utf-8")
    (folder / f"{stem}.vmrk").write_text(MARKERS.format(stem=stem), encoding="utf-8")
    signals_uv.T.astype("<f4").tofile(folder / f"{stem}.eeg")
    rows = [
        "\t".join([name, (types or {}).get(name, "EEG"), "µV", "bad" if name in bad else "good"]) for name in channels
    ]
    table = "\n".join(["name\ttype\tunits\tstatus", *rows]) + "\n"
    (folder / f"{stem.removesuffix('_eeg')}_channels.tsv").write_text(table, encoding="utf-8")
    sidecar = {"TaskName": parts["task"], "SamplingFrequency": sfreq_hz, "PowerLineFrequency": line_hz}
    sidecar |= {"EEGReference": "Cz", "SoftwareFilters": "n/a"}
    (folder / f"{stem}.json").write_text(json.dumps(sidecar))
    return folder / f"{stem}.vhdr"


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
