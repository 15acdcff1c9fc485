"""The done-manifest: one file per participant, written last, that says what is finished and with which digests."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bidsml import __version__
from bidsml.bids.names import check_label
from bidsml.bids.store import sha256_file, write_json
from bidsml.bids.textfiles import read_json
from bidsml.errors import DataError
from bidsml.records import Provenance

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One finished analysis of one participant.

    Paths are relative to the output folder, with forward slashes.
    """

    features_digest: str
    """Of the settings that the features were made with, see :func:`bidsml.spec.features_digest`."""
    files: Mapping[str, str]
    """SHA-256 of every file by its path."""
    features: Mapping[str, str]
    """Path of each feature block's record by the block's name."""
    qc: Mapping[str, Any] = field(default_factory=dict)
    """``mean_fd`` in mm, ``minutes_kept``, ``coverage`` (0-1), ``verdict``, ``reasons``; ``None`` where not known."""
    provenance: Provenance | None = None
    """What made it, enough to make it again; ``None`` from a bidsml that did not record it."""


@dataclass(frozen=True)
class Manifest:
    """What is finished for one participant, by analysis."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    participant_id: str
    version: str
    """Of the bidsml that wrote last."""
    analyses: Mapping[str, Entry]


_MANIFEST = TypeAdapter(Manifest)


def manifest_path(out: Path, participant_id: str) -> Path:
    """Where a participant's manifest lies; ``participant_id`` without ``sub-``."""
    check_label(participant_id, what="a participant label")
    return out / f"sub-{participant_id}" / f"sub-{participant_id}_bidsml.json"


def write_manifest(out: Path, *, participant_id: str, analysis: str, entry: Entry) -> Path:
    """Record an analysis as finished; the participant's other analyses stay.

    A file belongs to the analysis that wrote it last: where this one has written another's file anew (the report
    is one for all), the other's entry no longer lists it. A manifest that cannot be read is replaced: what it said
    cannot be trusted.
    """
    path = manifest_path(out, participant_id)
    others: dict[str, Entry] = {}
    if path.exists():
        try:
            others = dict(read_manifest(path).analyses)
        except DataError as error:
            _logger.warning("replacing a damaged manifest: %s", error.message)
    others = {name: _without(other, entry.files) for name, other in others.items() if name != analysis}
    manifest = Manifest(participant_id, __version__, others | {analysis: entry})
    return write_json(path, _MANIFEST.dump_python(manifest))


def _without(other: Entry, written: Mapping[str, str]) -> Entry:
    """Leave out the files that have just been written with another content."""
    files = {name: digest for name, digest in other.files.items() if written.get(name, digest) == digest}
    return replace(other, files=files)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    MissingInputError
        There is no such file.
    DataError
        It is not JSON, misses an entry, is another participant's, or names a file outside the output folder.
    """
    try:
        manifest = _MANIFEST.validate_python(_with_none(read_json(path)))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise DataError(
            f"{path} is not a bidsml manifest: {problems}", hint="delete it and run the participant again"
        ) from error
    if path.name != f"sub-{manifest.participant_id}_bidsml.json":
        raise DataError(
            f"{path} is the manifest of participant {manifest.participant_id}", hint="run the participant again"
        )
    for entry in manifest.analyses.values():
        for name in (*entry.files, *entry.features.values()):
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise DataError(f"{path} names a file outside the output folder: {name}", hint="do not trust it")
    return manifest


def _with_none(content: dict[str, Any]) -> dict[str, Any]:
    """Turn the ``n/a`` of missing quality figures back into ``None``."""
    analyses = content.get("analyses")
    for entry in analyses.values() if isinstance(analyses, dict) else ():
        qc = entry.get("qc") if isinstance(entry, dict) else None
        if isinstance(qc, dict):
            entry["qc"] = {key: None if value == "n/a" else value for key, value in qc.items()}
    return content


def list_manifests(out: Path) -> dict[str, Manifest]:
    """All manifests of an output folder by participant label, sorted.

    Raises
    ------
    DataError
        One of them is malformed.
    """
    found = (read_manifest(path) for path in sorted(out.glob("sub-*/sub-*_bidsml.json")))
    return {manifest.participant_id: manifest for manifest in sorted(found, key=lambda m: m.participant_id)}


def verify_manifest(out: Path, manifest: Manifest, analysis: str, *, read: bool = True) -> list[str]:
    """Say what is wrong with the files of a finished analysis; an empty list when all are as they were written.

    Parameters
    ----------
    read
        Compare digests; else only look whether the files are there.
    """
    if analysis not in manifest.analyses:
        return [f"analysis {analysis} is not finished"]
    entry = manifest.analyses[analysis]
    problems = []
    for name, digest in sorted(entry.files.items()):
        if not (out / name).is_file():
            problems.append(f"{name} is missing")
        elif read and sha256_file(out / name) != digest:
            problems.append(f"{name} is not as it was written")
    problems += [f"{name} is not under the files" for name in entry.features.values() if name not in entry.files]
    return problems
