"""Whether two files of one kind say the same: numbers within a tolerance, pages by their text, the rest by bytes."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bidsml.bids.arrays import read_arrays
from bidsml.bids.images import open_image
from bidsml.bids.textfiles import read_json, read_text

Place = tuple[str, ...]
"""Keys that lead to an entry of a JSON file; ``*`` stands for any key."""

MANIFESTS = "participant manifests"
"""Name among a run's inputs of all that comes from the participants' manifests: files that are compared themselves.

Within a tolerance of another's, a file has another digest.
"""
_IN_RECORDS: tuple[Place, ...] = (("record", "provenance", "inputs", MANIFESTS),)
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_UNSEEN = frozenset({"script", "style", "template"})


@dataclass(frozen=True)
class Tolerance:
    """Two numbers are alike when ``|a - b| <= atol + rtol * |a|``; two missing ones always are."""

    rtol: float = 1e-6
    atol: float = 1e-8


@dataclass(frozen=True)
class Likeness:
    """``differs`` says what is not alike, and where; empty when all is. ``largest`` is the largest difference found."""

    differs: str = ""
    largest: float = 0.0


def compare_tables(first: Path, second: Path, tolerance: Tolerance) -> Likeness:
    """Compare tab-separated cells, those of a header among them."""
    rows = [[line.split("\t") for line in read_text(path).splitlines()] for path in (first, second)]
    if len(rows[0]) != len(rows[1]):
        return Likeness(f"{len(rows[0])} and {len(rows[1])} lines")
    largest = 0.0
    for number, (one, other) in enumerate(zip(*rows, strict=True), start=1):
        if len(one) != len(other):
            return Likeness(f"line {number} has {len(one)} and {len(other)} cells")
        if one == other:
            continue
        for column, (cell, twin) in enumerate(zip(one, other, strict=True), start=1):
            distance = _distance(cell, twin, tolerance)
            if distance is None:
                name = rows[0][0][column - 1] if number > 1 and column <= len(rows[0][0]) else str(column)
                return Likeness(f"line {number}, column {name}: {_short(cell)} and {_short(twin)}")
            largest = max(largest, distance)
    return Likeness(largest=largest)


def _distance(first: str, second: str, tolerance: Tolerance) -> float | None:
    """Difference of two cells; ``None`` where they are not alike."""
    if first == second:
        return 0.0
    try:
        a, b = float(first), float(second)
    except ValueError:
        return None
    return _number_distance(a, b, tolerance)


def _number_distance(a: float, b: float, tolerance: Tolerance) -> float | None:
    if isnan(a) and isnan(b):
        return 0.0
    distance = 0.0 if a == b else abs(a - b)
    return distance if distance <= tolerance.atol + tolerance.rtol * abs(a) else None


def compare_json(first: Path, second: Path, tolerance: Tolerance, *, aside: Sequence[Place] = ()) -> Likeness:
    """Compare JSON entry by entry; of the places ``aside``, only that they are there."""
    return _compare_entries(read_json(first), read_json(second), tolerance, aside=aside)


def _compare_entries(
    first: Any, second: Any, tolerance: Tolerance, *, aside: Sequence[Place] = (), place: Place = ()
) -> Likeness:
    if any(_matches(place, pattern) for pattern in aside):
        return Likeness()
    where = ".".join(place) or "the whole"
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        only = sorted(set(first) ^ set(second))
        if only:
            return Likeness(f"{where}: {', '.join(only[:3])} only in {'A' if only[0] in first else 'B'}")
        pairs: list[tuple[str, Any, Any]] = [(str(key), first[key], second[key]) for key in sorted(first)]
    elif isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return Likeness(f"{where}: {len(first)} and {len(second)} entries")
        pairs = [(str(number), a, b) for number, (a, b) in enumerate(zip(first, second, strict=True))]
    else:
        return _compare_values(first, second, tolerance, where)
    largest = 0.0
    for key, a, b in pairs:
        found = _compare_entries(a, b, tolerance, aside=aside, place=(*place, key))
        if found.differs:
            return found
        largest = max(largest, found.largest)
    return Likeness(largest=largest)


def _compare_values(first: Any, second: Any, tolerance: Tolerance, where: str) -> Likeness:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (first, second))
    if numbers:
        distance = _number_distance(float(first), float(second), tolerance)
        if distance is not None:
            return Likeness(largest=distance)
    elif first == second and type(first) is type(second):
        return Likeness()
    return Likeness(f"{where}: {_short(first)} and {_short(second)}")


def _matches(place: Place, pattern: Place) -> bool:
    return len(place) == len(pattern) and all(key in ("*", part) for part, key in zip(place, pattern, strict=True))


def compare_arrays(first: Path, second: Path, tolerance: Tolerance) -> Likeness:
    """Compare ``.npz`` files array by array; a text that is JSON (a record's header) entry by entry."""
    a, b = read_arrays(first), read_arrays(second)
    if set(a) != set(b):
        return Likeness(f"arrays {', '.join(sorted(set(a) ^ set(b))[:3])} are in one only")
    largest = 0.0
    for name in sorted(a):
        found = _compare_array(a[name], b[name], tolerance, name)
        if found.differs:
            return found
        largest = max(largest, found.largest)
    return Likeness(largest=largest)


def _compare_array(first: NDArray[Any], second: NDArray[Any], tolerance: Tolerance, name: str) -> Likeness:
    if first.shape != second.shape or first.dtype.kind != second.dtype.kind:
        return Likeness(f"{name}: {first.dtype}{first.shape} and {second.dtype}{second.shape}")
    if first.dtype.kind not in "biuf":
        return _compare_text(first, second, tolerance, name)
    a, b = first.astype(float), second.astype(float)
    close = np.isclose(b, a, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)
    with np.errstate(invalid="ignore"):
        distances = np.abs(a - b)
    if not close.all():
        worst = distances[~close & np.isfinite(distances)]
        by = f", by at most {worst.max():.3g}" if worst.size else ""
        return Likeness(f"{name}: {int((~close).sum())} of {close.size} values{by}")
    finite = distances[np.isfinite(distances)]
    return Likeness(largest=float(finite.max()) if finite.size else 0.0)


def _compare_text(first: NDArray[Any], second: NDArray[Any], tolerance: Tolerance, name: str) -> Likeness:
    if first.ndim == 0:
        try:
            a, b = json.loads(str(first)), json.loads(str(second))
            return _compare_entries(a, b, tolerance, aside=_IN_RECORDS, place=(name,))
        except (ValueError, RecursionError):
            pass  # plain text, compared as such
    return Likeness() if (first == second).all() else Likeness(f"{name}: another text")


def compare_images(first: Path, second: Path, tolerance: Tolerance) -> Likeness:
    """Compare two NIfTI images: shape, affine, zooms, then values volume by volume."""
    a, b = open_image(first), open_image(second)
    if a.shape != b.shape:
        return Likeness(f"shapes {a.shape} and {b.shape}")
    for what, one, other in (
        ("affine", a.affine, b.affine),
        ("voxel sizes", np.array(a.header.get_zooms(), float), np.array(b.header.get_zooms(), float)),
    ):
        found = _compare_array(one, other, tolerance, what)
        if found.differs:
            return found
    largest = 0.0
    n_volumes = a.shape[3] if len(a.shape) == 4 else 1
    for number in range(n_volumes):
        part = (..., number) if len(a.shape) == 4 else (...,)
        found = _compare_array(np.asarray(a.dataobj[part]), np.asarray(b.dataobj[part]), tolerance, f"volume {number}")
        if found.differs:
            return found
        largest = max(largest, found.largest)
    return Likeness(largest=largest)


def compare_pages(first: Path, second: Path, _tolerance: Tolerance) -> Likeness:
    """Compare the text that a reader of two HTML pages sees; digests of files stand in them and are left out."""
    texts, others = _visible_text(first), _visible_text(second)
    for a, b in zip(texts, others, strict=False):
        if a != b:
            return Likeness(f"text: {_short(a)} and {_short(b)}")
    return Likeness() if len(texts) == len(others) else Likeness(f"{len(texts)} and {len(others)} pieces of text")


def _visible_text(path: Path) -> list[str]:
    reader = _VisibleText()
    reader.feed(read_text(path))
    reader.close()
    return reader.pieces


class _VisibleText(HTMLParser):
    """Gathers text outside of scripts and styles, one piece between two tags, spaces made one."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element; what an image says instead of itself is text too."""
        self._hidden += tag in _UNSEEN
        self.pieces += [value for name, value in attrs if name == "alt" and value]

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._hidden = max(0, self._hidden - (tag in _UNSEEN))

    def handle_data(self, data: str) -> None:
        """Keep what is seen."""
        text = _SHA256.sub("(digest)", " ".join(data.split()))
        if text and not self._hidden:
            self.pieces.append(text)


def _short(value: Any, limit: int = 60) -> str:
    text = str(value)
    return repr(text if len(text) <= limit else text[:limit] + "…")


COMPARERS: Mapping[str, Callable[[Path, Path, Tolerance], Likeness]] = {
    ".tsv": compare_tables,
    ".npz": compare_arrays,
    ".nii": compare_images,
    ".nii.gz": compare_images,
    ".html": compare_pages,
}
"""By extension; JSON has rules by name too, see :mod:`bidsml.bids.comparison`."""
