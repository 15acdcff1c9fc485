"""Methods text in sentences, and the sources it rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from bidsml.report.blocks import Reference
from bidsml.report.references import BIDS, BIDS_APPS, CIRIC, FALFF, LEDOIT_WOLF, NILEARN, NIPYPE, POWER, PYBIDS, TANGENT
from bidsml.report.wording import listing

_KINDS = {
    "bold": "preprocessed BOLD images",
    "timeseries": "region time series made elsewhere",
    "relmat": "connectivity matrices made elsewhere",
    "table": "tables of the dataset",
}
_MEASURES = {
    "correlation": "Pearson correlation, Fisher z transformed",
    "partial": "partial correlation from a Ledoit–Wolf covariance, Fisher z transformed",
    "tangent": "Ledoit–Wolf covariance, projected to the tangent space at the mean of the training participants",
    "alff": "amplitude of low-frequency fluctuations (ALFF)",
    "falff": "fractional amplitude of low-frequency fluctuations (fALFF)",
}
_MEASURE_SOURCES = {"partial": (LEDOIT_WOLF,), "tangent": (LEDOIT_WOLF, TANGENT), "alff": (FALFF,), "falff": (FALFF,)}


def describe_signals(kinds: Sequence[str], denoise: Mapping[str, Any]) -> list[str]:
    """Say what was read, and how signals were cleaned where there were any."""
    unique = list(dict.fromkeys(kinds))
    sentences = [f"The inputs were {listing([_KINDS[kind] for kind in unique])}."] if unique else []
    if "bold" not in unique:
        return sentences
    chosen = denoise.get("columns")
    confounds = listing(list(chosen)) if chosen else f"the {denoise.get('strategy')} set of confounds"
    sentences.append(f"From the mean signal of each region, {confounds} was regressed out.")
    high, low = denoise.get("high_pass_hz"), denoise.get("low_pass_hz")
    if high or low:
        band = f"{high or 0:g} to {low:g} Hz" if low else f"frequencies above {high:g} Hz"
        sentences.append(f"Signals were filtered to {band}.")
    if denoise.get("fd_censor_mm"):
        sentences.append(f"Volumes with a framewise displacement above {denoise['fd_censor_mm']:g} mm were left out.")
    if denoise.get("min_minutes"):
        sentences.append(
            f"Participants with less than {denoise['min_minutes']:g} minutes of remaining data were excluded."
        )
    return sentences


def describe_features(blocks: Sequence[tuple[str, str, str]]) -> list[str]:
    """Say what each block of features is; a block is ``(kind, measure, atlas)``."""
    sentences = []
    for kind, measure, atlas in blocks:
        name = kind.replace("_", " ")
        how = f": {_MEASURES.get(measure, measure)}" if measure else ""
        where = f" between or in the regions of the {atlas} atlas" if atlas else ""
        sentences.append(f"Features of kind {name}{where}{how}.")
    return sentences


def feature_references(kinds: Sequence[str], blocks: Sequence[tuple[str, str, str]]) -> tuple[Reference, ...]:
    """List the sources of the participant level."""
    sources = [BIDS, BIDS_APPS, PYBIDS, NIPYPE]
    if "bold" in kinds:
        sources += [NILEARN, POWER, CIRIC]
    for _, measure, _ in blocks:
        sources += _MEASURE_SOURCES.get(measure, ())
    return tuple(dict.fromkeys(sources))
