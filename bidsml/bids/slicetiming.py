"""When each slice of a BOLD volume was acquired, as the sidecars say, checked against the image."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bidsml.bids.textfiles import is_number
from bidsml.errors import DataError, near_names
from bidsml.headers import load_header

_logger = logging.getLogger(__name__)

AXES = ("i", "j", "k", "i-", "j-", "k-")


def slice_axis(metadata: Mapping[str, Any], *, path: Path) -> str:
    """``SliceEncodingDirection`` of a sidecar, ``k`` where it doesn't tell (as BIDS defines).

    Raises
    ------
    DataError
        It is none of ``i``, ``j``, ``k``, with or without ``-``.
    """
    value = metadata.get("SliceEncodingDirection", "k")
    if value not in AXES:
        raise DataError(
            f"{path}: SliceEncodingDirection must be one of {', '.join(AXES)}, found {repr(value)[:60]}",
            hint=f"mend the JSON sidecar; {near_names(str(value)[:60], AXES)}",
        )
    return str(value)


def slice_times_s(metadata: Mapping[str, Any], *, tr_s: float, axis: str, path: Path) -> tuple[float, ...]:
    """``SliceTiming`` of a sidecar in seconds, empty where there is none.

    Parameters
    ----------
    tr_s
        Repetition time, in s.
    axis
        Slice axis, from :func:`slice_axis`.
    path
        Of the image, whose number of slices is compared where its header can be read.

    Raises
    ------
    DataError
        Not a list of numbers, a time below 0 or not below the repetition time (perhaps in ms), or not one time for
        each slice.
    """
    value = metadata.get("SliceTiming")
    if value is None:
        return ()
    hint = "mend SliceTiming in the JSON sidecar, or set preprocess.slice_timing = false"
    if not isinstance(value, list) or not all(is_number(time) for time in value) or not value:
        raise DataError(f"{path}: SliceTiming must be a list of numbers in s, found {str(value)[:60]}", hint=hint)
    times = tuple(float(time) for time in value)
    low, high = min(times), max(times)
    if low < 0:
        raise DataError(f"{path}: SliceTiming holds {low:g} s; a slice cannot be earlier than its volume", hint=hint)
    if high >= tr_s:
        message = f"{path}: SliceTiming reaches {high:g} s, and a volume takes {tr_s:g} s"
        if high > 10 * tr_s and high / 1000 < tr_s:
            raise DataError(f"{message}: the times are in ms", hint="BIDS asks for seconds: divide them by 1000")
        raise DataError(message, hint=hint)
    n_slices = _count_slices(path, axis)
    if n_slices is not None and n_slices != len(times):
        raise DataError(
            f"{path}: SliceTiming has {len(times)} times, and the image {n_slices} slices along {axis[0]}", hint=hint
        )
    return times


def _count_slices(path: Path, axis: str) -> int | None:
    """Slices along an axis; ``None`` where the header cannot be read, which reading the image will report."""
    try:
        shape = load_header(path).shape
    except DataError as error:
        _logger.warning("the slices are not counted: %s", error.message)
        return None
    place = "ijk".index(axis[0])
    return int(shape[place]) if len(shape) > place else None
