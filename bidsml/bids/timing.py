"""Repetition time: sidecar and header must agree."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bidsml.bids.textfiles import is_number
from bidsml.errors import DataError
from bidsml.headers import load_header, time_unit

_logger = logging.getLogger(__name__)

TOLERANCE_S = 0.001
_TO_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "unknown": 1.0}


def header_tr_s(path: Path) -> float | None:
    """Repetition time that a NIfTI header states, in seconds.

    Returns
    -------
    float or None
        ``None`` where the header says nothing (0, or 1 without a unit: the writers' default) or cannot be read;
        reading the image will fail with its own message then.
    """
    try:
        header = load_header(path).header
    except DataError as error:
        _logger.warning("no repetition time from a header: %s", error.message)
        return None
    zooms = header.get_zooms()
    unit = time_unit(header)
    if len(zooms) < 4 or unit not in _TO_SECONDS:
        return None
    value = float(zooms[3])
    says_nothing = not math.isfinite(value) or value <= 0 or (unit == "unknown" and value == 1.0)
    return None if says_nothing else value * _TO_SECONDS[unit]


def sidecar_tr_s(metadata: Mapping[str, Any], *, path: Path) -> float | None:
    """``RepetitionTime`` of a sidecar, else the inverse of ``SamplingFrequency``, in seconds.

    Raises
    ------
    DataError
        The value is not a positive number.
    """
    for key in ("RepetitionTime", "SamplingFrequency"):
        value = metadata.get(key)
        if value is None:
            continue
        seconds = 0.0
        if is_number(value) and value > 0:
            seconds = float(value) if key == "RepetitionTime" else 1.0 / value
        if not 0 < seconds < math.inf:
            found = repr(value)[:60]
            raise DataError(f"{path}: {key} must be a positive number, found {found}", hint="mend the JSON sidecar")
        return seconds
    return None


def reconcile_tr(sidecar_s: float | None, header_s: float | None, *, path: Path) -> float:
    """Give the repetition time, in seconds, where sidecar and header do not contradict each other.

    Raises
    ------
    DataError
        They differ by more than a millisecond, or neither says anything.
    """
    hint = "set input.tr_s in the analysis, or --set input.tr_s=SECONDS"
    if sidecar_s is None and header_s is None:
        raise DataError(f"{path}: RepetitionTime is in no JSON sidecar, and not in the image header", hint=hint)
    if sidecar_s is not None and header_s is not None and abs(sidecar_s - header_s) > TOLERANCE_S:
        raise DataError(
            f"{path}: RepetitionTime is {sidecar_s:g} s in the JSON sidecar and {header_s:g} s in the image header",
            hint=hint,
        )
    if sidecar_s is not None:
        return sidecar_s
    assert header_s is not None
    return header_s
