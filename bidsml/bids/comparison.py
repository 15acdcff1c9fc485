"""Two output folders, file by file: identical, within a tolerance, different, or in one of them only."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Literal

from bidsml.bids.likeness import COMPARERS, MANIFESTS, Likeness, Place, Tolerance, compare_json
from bidsml.bids.store import sha256_file
from bidsml.errors import BidsmlError, MissingInputError

Verdict = Literal["identical", "within tolerance", "different", "only in A", "only in B"]
VERDICTS: tuple[Verdict, ...] = ("identical", "within tolerance", "different", "only in A", "only in B")
ALIKE: frozenset[Verdict] = frozenset({"identical", "within tolerance"})

ASIDE = ("logs",)
"""Top folders that tell of time and machine, and are not compared."""

# Where a run read and wrote, with what words and how many cores: circumstances, which run.json alone tells.
_CIRCUMSTANCES = ("Command", "Platform", "Resources", "BidsDir", "Derivatives", "ModelDir")
_ASIDE_IN: Mapping[str, tuple[Place, ...]] = {
    "run.json": (*((key,) for key in _CIRCUMSTANCES), ("Inputs", MANIFESTS)),
    "dataset_description.json": (("DatasetLinks", "*"),),
    "sub-*_bidsml.json": (("analyses", "*", "files", "*"),),
    "files.json": (("files", "*"),),
    "model.json": (("digest",), ("files", "*")),
}


@dataclass(frozen=True)
class FileComparison:
    """What became of one file. ``path`` is relative to both folders; ``detail`` says what differs, or how little."""

    path: str
    verdict: Verdict
    detail: str = ""


def compare_outputs(first: Path, second: Path, tolerance: Tolerance) -> tuple[FileComparison, ...]:
    """Compare two output folders, ``logs/`` aside.

    Tables, JSON, ``.npz`` and NIfTI are compared by their numbers, pages by the text that a reader sees, everything
    else by its bytes. Of ``run.json`` and ``dataset_description.json``, places and machine are left aside; where a
    file lists digests of others, those others are compared instead.

    Returns
    -------
    tuple of FileComparison
        One per file of either folder, by path.

    Raises
    ------
    MissingInputError
        One of the folders is not there.
    """
    for folder in (first, second):
        if not folder.is_dir():
            raise MissingInputError(f"there is no folder {folder}", hint="give the OUTPUT_DIR of two runs")
    ours, theirs = set(list_files(first)), set(list_files(second))
    found = [FileComparison(path, "only in A") for path in ours - theirs]
    found += [FileComparison(path, "only in B") for path in theirs - ours]
    found += [_compare_file(path, first, second, tolerance) for path in ours & theirs]
    return tuple(sorted(found, key=lambda one: one.path))


def list_files(folder: Path) -> Iterator[str]:
    """List files below a folder, ``logs/`` and unfinished ones aside; links to folders are not followed."""
    for root, folders, names in os.walk(folder):
        place = Path(root).relative_to(folder)
        if place == Path():
            folders[:] = [name for name in folders if name not in ASIDE]
        yield from ((place / name).as_posix() for name in names if not (name[0] == "." and name.endswith(".tmp")))


def count_verdicts(found: Sequence[FileComparison]) -> dict[Verdict, int]:
    """Count files by verdict, every verdict among them."""
    counts = Counter(one.verdict for one in found)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _compare_file(path: str, first: Path, second: Path, tolerance: Tolerance) -> FileComparison:
    a, b = first / path, second / path
    if a.is_symlink() or b.is_symlink():
        # What a link points to may lie anywhere: neither is opened.
        same = a.is_symlink() and b.is_symlink() and os.readlink(a) == os.readlink(b)
        return FileComparison(path, "identical" if same else "different", "" if same else "a link")
    if a.stat().st_size == b.stat().st_size and sha256_file(a) == sha256_file(b):
        return FileComparison(path, "identical")
    try:
        likeness = _compare_contents(PurePosixPath(path), a, b, tolerance)
    except BidsmlError as error:
        return FileComparison(path, "different", f"cannot be read: {error.message}")
    if likeness.differs:
        return FileComparison(path, "different", likeness.differs)
    by = f"by at most {likeness.largest:.3g}" if likeness.largest else "the same but for what is left aside"
    return FileComparison(path, "within tolerance", by)


def _compare_contents(path: PurePosixPath, first: Path, second: Path, tolerance: Tolerance) -> Likeness:
    if path.suffix == ".json":
        aside = next((places for name, places in _ASIDE_IN.items() if fnmatchcase(path.name, name)), ())
        return compare_json(first, second, tolerance, aside=aside)
    comparer = next((COMPARERS[end] for end in COMPARERS if path.name.endswith(end)), None)
    return comparer(first, second, tolerance) if comparer else Likeness("other bytes")
