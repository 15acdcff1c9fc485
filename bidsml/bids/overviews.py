"""Small JSON files beside the derivatives that the page of the output folder is made from."""

import base64
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from bidsml.bids.store import write_json
from bidsml.bids.textfiles import read_json
from bidsml.errors import DataError
from bidsml.records import AnalysisSummary, Overview

_SUMMARY = TypeAdapter(AnalysisSummary)
_NUMBERS = frozenset(one.name for one in fields(AnalysisSummary) if one.type is float)


def write_overview(path: Path, overview: Overview) -> Path:
    """Write a participant at a glance."""
    height, width = overview.picture.shape
    picture = base64.b64encode(np.ascontiguousarray(overview.picture).tobytes()).decode("ascii")
    return write_json(path, {"fd_mm": overview.fd_mm, "height": height, "width": width, "picture": picture})


def read_overview(path: Path) -> Overview:
    """Read what :func:`write_overview` wrote.

    Raises
    ------
    DataError
        It is damaged.
    """
    content = read_json(path)
    try:
        fd_mm = tuple(float(value) for value in content["fd_mm"])
        return Overview(fd_mm, _pixels(content))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not an overview: {error}", hint="run the participant again") from error


def _pixels(content: Mapping[str, Any]) -> NDArray[np.uint8]:
    grey = np.frombuffer(base64.b64decode(content["picture"], validate=True), dtype=np.uint8)
    return grey.reshape(content["height"], content["width"])


def write_summary(path: Path, summary: AnalysisSummary) -> Path:
    """Write what an analysis found."""
    return write_json(path, _SUMMARY.dump_python(summary))


def read_summary(path: Path) -> AnalysisSummary:
    """Read what :func:`write_summary` wrote.

    Raises
    ------
    DataError
        It is damaged.
    """
    content = read_json(path)
    numbers = {key: float("nan") for key in _NUMBERS if content.get(key) == "n/a"}
    try:
        return _SUMMARY.validate_python({**content, **numbers})
    except ValidationError as error:
        raise DataError(f"{path} is not a summary: {error}", hint="run the group level again") from error
