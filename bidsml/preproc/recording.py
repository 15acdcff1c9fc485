"""Prepare a raw EEG or MEG recording, and measure the spectrum and the covariance of its channels.

MNE (Gramfort et al. 2013, doi:10.3389/fnins.2013.00267) does the signal processing and MNE-BIDS (Appelhoff et al. 2019,
doi:10.21105/joss.01896) the reading. Both are optional, and imported here alone, where a recording is read.
"""

import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bidsml.errors import DataError, MissingInputError
from bidsml.records import FloatArray, Scan
from bidsml.spec.recording import RecordingSpec

# Robust standard deviation of a normal sample from its median absolute deviation.
MAD_TO_SD = 1.4826
# Of the median peak-to-peak amplitude of all channels: what is less is a channel without contact.
FLAT = 1e-6
# The 10-20 system's names of electrodes that the 10-10 system calls otherwise.
_RENAMED = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
# Volt to microvolt; tesla to femtotesla; tesla per metre to femtotesla per centimetre.
_SCALE = {"eeg": 1e6, "mag": 1e15, "grad": 1e13}
# No recorder of EEG or MEG samples faster, and no power line is slower (railways have 16.7 Hz): the length of filters
# follows from the one, their number from the other.
_HIGHEST_RATE_HZ, _LOWEST_LINE_HZ = 200_000, 10
# Nor has one more channels, for each of which room is made before any is read.
_MOST_CHANNELS = 10_000
_SHOWN = 1000
_COUNTED = re.compile(rb"^[ \t]*NumberOfChannels[ \t]*=[ \t]*(\d+)", re.MULTILINE | re.IGNORECASE)
_NAMED = re.compile(rb"^[ \t]*(DataFile|MarkerFile)[ \t]*=[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What is measured of a recording.

    Attributes
    ----------
    channels
        Names, sorted.
    frequencies_hz
        ``(n_frequencies,)``.
    density
        ``(n_channels, n_frequencies)``: power spectral density in µV²/Hz (MEG: fT²/Hz, (fT/cm)²/Hz); NaN for a missing
        channel.
    covariance
        ``(n_channels, n_channels)`` in µV² (fT²), over the epochs that were kept.
    missing
        Why a channel is missing, by name.
    """

    channels: tuple[str, ...]
    frequencies_hz: FloatArray
    density: FloatArray
    covariance: FloatArray
    n_epochs: int
    n_rejected: int
    missing: dict[str, str] = field(default_factory=dict)


def measure_recording(scan: Scan, spec: RecordingSpec) -> Spectrum:
    """Read, prepare and measure a recording.

    Bad channels (``status`` in channels.tsv) and flat ones are left out before anything is computed from several
    channels. Then: notch and zero-phase FIR band-pass filter, average reference (EEG), epochs of equal length without
    overlap, rejection of epochs by robust peak-to-peak amplitude, and Welch's spectrum (Welch 1967,
    doi:10.1109/TAU.1967.1161901) with Hann windows of half an epoch that overlap by half.

    Raises
    ------
    DataError
        The recording cannot be read, is too short or too slowly sampled, or too little of it is left.
    MissingInputError
        MNE-BIDS is not installed.
    """
    raw, missing = _pick(_read(scan), scan, spec)
    _filter(raw, scan, spec)
    missing |= _leave_flat_out(raw, scan)
    if spec.sensors == "eeg" and spec.reference == "average":
        raw.set_eeg_reference("average", projection=False, verbose="ERROR")
    epochs = _cut(raw, scan, spec)
    artefacts = find_artefacts(epochs, reject_z=spec.reject_z)
    kept = epochs[~artefacts]
    if len(kept) < spec.min_epochs:
        raise DataError(
            f"{scan.path}: {len(kept)} of {len(epochs)} epochs of {spec.epoch_s:g} s are left, and "
            f"{spec.min_epochs} are needed",
            hint="look at the recording, or change recording.epoch_s, reject_z or min_epochs",
        )
    names = tuple(sorted((*raw.ch_names, *missing)))
    place = [names.index(name) for name in raw.ch_names]
    frequencies_hz, density = _spectrum(kept, sfreq_hz=raw.info["sfreq"], spec=spec)
    full = np.full((len(names), len(frequencies_hz)), np.nan)
    full[place] = density
    covariance = np.full((len(names), len(names)), np.nan)
    covariance[np.ix_(place, place)] = np.cov(np.concatenate(list(kept), axis=1))
    return Spectrum(names, frequencies_hz, full, covariance, len(kept), int(artefacts.sum()), missing)


# ------------------------------------------------------------------ reading


def _read(scan: Scan) -> Any:
    """Open a recording with what its sidecars say: types of channels, bad ones, the power line."""
    try:
        from mne_bids import get_bids_path_from_fname, read_raw_bids
    except ImportError as error:
        raise MissingInputError("MNE-BIDS is not installed", hint="pip install 'bidsml[eeg]'") from error
    _check_header(scan)
    try:
        with warnings.catch_warnings():
            # Of files that power and covariance don't need: positions of electrodes, events, scans.tsv.
            warnings.simplefilter("ignore")
            raw = read_raw_bids(get_bids_path_from_fname(scan.path), verbose="ERROR")
            raw.load_data(verbose="ERROR")
    except Exception as error:
        # Readers of a dozen formats raise whatever they trip over, struct.error and AssertionError among them.
        raise DataError(
            f"{scan.path} cannot be read by MNE-BIDS: {type(error).__name__}: {str(error)[:_SHOWN]}",
            hint="is the recording whole, and do its channels.tsv and JSON belong to it?",
        ) from error
    rate_hz, line_hz = float(raw.info["sfreq"]), raw.info["line_freq"]
    if not 0 < rate_hz <= _HIGHEST_RATE_HZ or not (not line_hz or _LOWEST_LINE_HZ <= line_hz < np.inf):
        raise DataError(
            f"{scan.path}: a sampling rate of {rate_hz:g} Hz with a power line of {line_hz} Hz is of no recorder",
            hint="look at the header, and at SamplingFrequency and PowerLineFrequency in the JSON beside it",
        )
    return raw


def _check_header(scan: Scan) -> None:
    """BrainVision's header counts channels, and names the files of samples and markers, which BIDS keeps beside it."""
    if scan.path.suffix != ".vhdr" or not scan.path.is_file():
        return
    header = scan.path.read_bytes()
    if any(
        len(number) > len(str(_MOST_CHANNELS)) or int(number) > _MOST_CHANNELS for number in _COUNTED.findall(header)
    ):
        raise DataError(f"{scan.path} claims more than {_MOST_CHANNELS} channels", hint="is the header whole?")
    for key, name in _NAMED.findall(header):
        if b"/" in name or b"\\" in name:
            raise DataError(
                f"{scan.path}: {key.decode()} is in another folder: {name[:80]!r}",
                hint="name the file beside the header",
            )


def _pick(raw: Any, scan: Scan, spec: RecordingSpec) -> tuple[Any, dict[str, str]]:
    """Take the good sensors under their common names; the second are the bad ones with their reason."""
    from mne import pick_types

    asked: dict[str, dict[str, Any]] = {"eeg": {"eeg": True}, "mag": {"meg": "mag"}, "grad": {"meg": "grad"}}
    index = pick_types(raw.info, exclude=(), **asked[spec.sensors])
    if not len(index):
        raise DataError(
            f"{scan.path} has no channel of type {spec.sensors}",
            hint="look at type in channels.tsv, and at recording.sensors",
        )
    raw.pick(index, verbose="ERROR")
    if spec.sensors == "eeg":
        common = {name: common_name(name) for name in raw.ch_names}
        # Bipolar channels may share an electrode: then each keeps its own name.
        if len(set(common.values())) == len(common):
            raw.rename_channels(common, verbose="ERROR")
    missing = dict.fromkeys(raw.info["bads"], "marked bad in channels.tsv")
    _drop(raw, missing, scan)
    return raw, missing


def _drop(raw: Any, names: Collection[str], scan: Scan) -> None:
    """Drop channels in place; what is left must be a recording still."""
    if len(raw.ch_names) - len(names) < 2:
        raise DataError(
            f"{scan.path}: fewer than two good channels are left",
            hint="look at status in channels.tsv, and at the signals",
        )
    raw.drop_channels(list(names))


def common_name(name: str) -> str:
    """Spell an electrode as the 10-05 system does; a name that it does not know stays as it is.

    Temporal electrodes of the older 10-20 system get their names of today, which other recordings may have (Acharya et
    al. 2016, J Clin Neurophysiol 33:308, doi:10.1097/WNP.0000000000000316).

    >>> [common_name(name) for name in ("EEG FP1-REF", "Fp1.", "CZ", "T3", "E12")]
    ['Fp1', 'Fp1', 'Cz', 'T7', 'E12']
    """
    plain = re.sub(r"^EEG[ _-]*|[-_ ](REF|LE|AVG|A1|A2|M1|M2)$|\.+$", "", name, flags=re.IGNORECASE)
    known = _standard_names().get(plain.lower(), name)
    return _RENAMED.get(known, known)


@cache
def _standard_names() -> dict[str, str]:
    from mne.channels import get_builtin_montages, make_standard_montage

    # One set of positions under two names: MNE 1.13 renamed it.
    montage = next(name for name in ("colin27_1005", "standard_1005") if name in get_builtin_montages())
    return {name.lower(): name for name in make_standard_montage(montage).ch_names}


# ------------------------------------------------------------------ preparation


def _filter(raw: Any, scan: Scan, spec: RecordingSpec) -> None:
    """Remove the power line and what lies outside the band, in place."""
    sfreq_hz = float(raw.info["sfreq"])
    if spec.low_pass_hz >= sfreq_hz / 2:
        raise DataError(
            f"{scan.path} is sampled at {sfreq_hz:g} Hz and holds no frequency above {sfreq_hz / 2:g} Hz; "
            f"recording.low_pass_hz is {spec.low_pass_hz:g}",
            hint="lower recording.low_pass_hz, and name bands below it",
        )
    line_hz = raw.info["line_freq"] if spec.notch_hz is None else spec.notch_hz
    # The filter's slope lets frequencies above the band through, not its double.
    highest_hz = min(sfreq_hz / 2, 2 * spec.low_pass_hz)
    with warnings.catch_warnings():
        # MNE warns of a filter longer than a short recording; such a one has too few epochs anyway.
        warnings.simplefilter("ignore")
        if line_hz and line_hz < highest_hz:
            raw.notch_filter(np.arange(line_hz, highest_hz, line_hz), verbose="ERROR")
        raw.filter(spec.high_pass_hz or None, spec.low_pass_hz, verbose="ERROR")


def _leave_flat_out(raw: Any, scan: Scan) -> dict[str, str]:
    """Drop channels whose signal does not vary, or is not a number, in place; say why, by name."""
    spread = np.ptp(raw.get_data(), axis=1)
    typical = np.nanmedian(spread) if np.isfinite(spread).any() else np.nan
    reasons = {}
    for name, one in zip(raw.ch_names, spread.tolist(), strict=True):
        if not np.isfinite(one):
            reasons[name] = "its signal is not finite"
        elif one <= FLAT * typical:
            reasons[name] = "its signal does not vary"
    _drop(raw, reasons, scan)
    return reasons


def _cut(raw: Any, scan: Scan, spec: RecordingSpec) -> FloatArray:
    """Cut into epochs, without those that annotations call bad, in µV or fT: ``(n_epochs, n_channels, n_samples)``."""
    from mne import make_fixed_length_epochs

    if raw.times[-1] < spec.epoch_s:
        raise DataError(
            f"{scan.path} lasts {raw.times[-1]:.1f} s, less than one epoch of {spec.epoch_s:g} s",
            hint="shorten recording.epoch_s, or leave the recording out",
        )
    epochs = make_fixed_length_epochs(raw, duration=spec.epoch_s, preload=True, verbose="ERROR")
    found: FloatArray = epochs.get_data(verbose="ERROR") * _SCALE[spec.sensors]
    return found


def find_artefacts(epochs: FloatArray, *, reject_z: float) -> NDArray[np.bool_]:
    """Find epochs in which some channel has a peak-to-peak amplitude far above its median over epochs.

    Parameters
    ----------
    epochs
        ``(n_epochs, n_channels, n_samples)``.
    reject_z
        Limit in robust standard deviations (1.4826 times the median absolute deviation); 0: no epoch is one.

    Returns
    -------
    numpy.ndarray
        ``(n_epochs,)``.
    """
    amplitude = np.ptp(epochs, axis=-1)  # (n_epochs, n_channels)
    centre = np.median(amplitude, axis=0)
    spread = MAD_TO_SD * np.median(np.abs(amplitude - centre), axis=0)
    far: NDArray[np.bool_] = (amplitude - centre > reject_z * spread).any(axis=1) & (reject_z > 0)
    return far


def _spectrum(epochs: FloatArray, *, sfreq_hz: float, spec: RecordingSpec) -> tuple[FloatArray, FloatArray]:
    """Mean power spectral density over epochs: frequencies, and ``(n_channels, n_frequencies)``."""
    from mne.time_frequency import psd_array_welch

    window = max(epochs.shape[-1] // 2, 2)
    density, frequencies_hz = psd_array_welch(
        epochs,
        sfreq_hz,
        fmin=spec.high_pass_hz,
        fmax=spec.low_pass_hz,
        n_fft=window,
        n_per_seg=window,
        n_overlap=window // 2,
        window="hann",
        verbose="ERROR",
    )
    return np.asarray(frequencies_hz, dtype=np.float64), np.asarray(density.mean(axis=0), dtype=np.float64)
