"""Power of EEG or MEG in frequency bands, by channel."""

from collections.abc import Mapping

import numpy as np

from bidsml.errors import DataError
from bidsml.features import measure_of
from bidsml.records import FeatureVector, FloatArray, ScanData
from bidsml.spec import FeatureSpec

BANDS: Mapping[str, tuple[float, float]] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
"""Bands in Hz where the block names none; the upper end belongs to the next."""


def extract_eeg_power(data: ScanData, *, block: str, options: FeatureSpec) -> FeatureVector:
    """Take the power of each channel in each band, from its spectrum.

    ``relative``: log10 of the band's share of the power between the lowest and the highest band's ends, which takes
    out what is only the conductance of the skull or the distance of the sensors. ``absolute``: log10 of the power
    in µV² (MEG: fT²).

    Returns
    -------
    FeatureVector
        ``<channel>_<band>``, channel by channel; NaN for a missing channel.

    Raises
    ------
    DataError
        The input has no spectrum, or a band holds no frequency of it.
    """
    if data.spectrum is None:
        raise DataError(f"{data.scan.path}: eeg_power needs a recording", hint="choose another feature kind")
    bands = options.bands or BANDS
    power = np.stack([band_power(data, band=name, ends_hz=ends) for name, ends in bands.items()], axis=1)
    measure = measure_of(options)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log10(power)
        if measure == "relative":
            whole = (min(low for low, _ in bands.values()), max(high for _, high in bands.values()))
            values -= np.log10(band_power(data, band="of all bands", ends_hz=whole))[:, np.newaxis]
    values[~np.isfinite(values)] = np.nan
    names = tuple(f"{channel}_{band}" for channel in data.regions for band in bands)
    missing = {f"{channel}_{band}": why for channel, why in data.missing.items() for band in bands}
    lost = {name: "no power" for name, value in zip(names, values.ravel(), strict=True) if np.isnan(value)}
    settings = {
        "bands_hz": {name: list(ends) for name, ends in bands.items()},
        "datatype": options.recording.datatype,
        "recording": options.recording.model_dump(),
    }
    return FeatureVector(
        block, "eeg_power", measure, names, values.ravel(), missing={**lost, **missing}, settings=settings
    )


def band_power(data: ScanData, *, band: str, ends_hz: tuple[float, float]) -> FloatArray:
    """Integrate the spectrum over a band, its lower end included: ``(n_channels,)``.

    Raises
    ------
    DataError
        The band holds no frequency of the spectrum.
    """
    assert data.spectrum is not None
    low, high = ends_hz
    inside = (data.frequencies_hz >= low) & (data.frequencies_hz < high)
    if not inside.any():
        raise DataError(
            f"{data.scan.path}: the band {band} ({low:g} to {high:g} Hz) holds no frequency of the spectrum",
            hint="epochs of recording.epoch_s resolve 2 / epoch_s Hz: lengthen them, or widen the band",
        )
    width_hz = float(data.frequencies_hz[1] - data.frequencies_hz[0])
    power: FloatArray = data.spectrum[:, inside].sum(axis=1) * width_hz
    return power


def check_eeg_power(options: FeatureSpec) -> str:
    """Say what is wrong with the options: a share needs other bands, and a band must pass the filter."""
    spec, bands = options.recording, options.bands or BANDS
    for name, (low, high) in bands.items():
        if not spec.high_pass_hz <= low < high <= spec.low_pass_hz:
            return (
                f"the band {name} ({low:g} to {high:g} Hz) does not lie between recording.high_pass_hz = "
                f"{spec.high_pass_hz:g} and low_pass_hz = {spec.low_pass_hz:g}"
            )
    if measure_of(options) == "relative" and len(bands) == 1:
        (name,) = bands
        return f"the one band {name} holds all of its power: name other bands too, or set measure = 'absolute'"
    return ""
