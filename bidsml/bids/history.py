"""What the input's own files say of how they were made: texts for the leakage audit to judge."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bidsml.bids.references import is_per_participant, resolve_file
from bidsml.bids.textfiles import read_json
from bidsml.errors import DataError, MissingInputError
from bidsml.spec import AnalysisSpec

_logger = logging.getLogger(__name__)

# Whom to thank and cite says nothing of these files; sources are described in datasets of their own.
_CREDITS = frozenset(
    {"Acknowledgements", "Authors", "DatasetLinks", "EthicsApprovals", "Funding", "HowToAcknowledge", "License"}
    | {"ReferencesAndLinks", "SourceDatasets"}
)
# A pipeline writes the same kind of files for everyone: a few participants' tell of it.
_FEW = 3
_MOST_FILES = 1000
_MOST_BYTES = 1_000_000
# Listings of regions and columns of a participants table, not of how images were made.
_OTHER_JSON = frozenset({"participants.json", "sessions.json"})


def read_history(
    spec: AnalysisSpec, *, bids_dir: Path, derivatives: Mapping[str, Path], participants: Sequence[str]
) -> dict[str, str]:
    """Gather texts: descriptions, sidecars and file names of the folders that the features come from.

    The participants' own folders are looked into for the first three participants that a derivative has. A file that
    cannot be read is left out and logged: the audit is no reason to stop.

    Parameters
    ----------
    derivatives
        Folder by name; where there are none, the dataset itself is the input. A folder that the analysis names for
        an atlas alone is left out: an atlas made of other people is no leak.
    participants
        Labels without ``sub-``.

    Returns
    -------
    dict of str to str
        Text by place (``fmriprep: dataset_description.json``); lines are ``key: value`` pairs or file names. Paths
        are relative to their folder.
    """
    texts: dict[str, str] = {}
    for name, root in _sources(spec, bids_dir=bids_dir, derivatives=derivatives).items():
        texts |= _of_folder(name, root, participants)
    for template in dict.fromkeys(feature.file for feature in spec.features if feature.file):
        texts |= _of_table(template, bids_dir=bids_dir, derivatives=derivatives)
    return {place: text for place, text in texts.items() if text}


def _sources(spec: AnalysisSpec, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> dict[str, Path]:
    """Folders that scans or tables come from, by name."""
    atlases = {_root_name(feature.atlas or "") for feature in spec.features}
    tables = {_root_name(feature.file or "") for feature in spec.features}
    wanted = spec.input.derivative
    named = {
        name: root
        for name, root in sorted(derivatives.items())
        if name in tables or (name == wanted if wanted else name not in atlases)
    }
    return named or {"dataset": bids_dir}


def _root_name(place: str) -> str:
    """``NAME`` of a place such as ``{NAME}/file``; empty where it has none."""
    return place[1:].partition("}")[0] if place.startswith("{") else ""


def _of_folder(name: str, root: Path, participants: Sequence[str]) -> dict[str, str]:
    if not root.is_dir():
        return {}
    top = sorted(entry.name for entry in os.scandir(root) if entry.is_file())
    texts = {f"{name}: {file}": _text_of(root / file) for file in top if _is_sidecar(file)}
    own = [root / f"sub-{label}" for label in sorted(participants) if (root / f"sub-{label}").is_dir()][:_FEW]
    inside = [path for folder in own for path in _walk(folder)]
    for path in inside:
        if _is_sidecar(path.name):
            texts[f"{name}: {path.relative_to(root).as_posix()}"] = _text_of(path)
    paths = [*top, *(path.relative_to(root).as_posix() for path in inside)]
    texts[f"{name}: names of files"] = "\n".join(paths)
    return texts


def _of_table(template: str, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> dict[str, str]:
    texts = {f"analysis: {template}": template}
    if not is_per_participant(template):
        table = resolve_file(template, bids_dir=bids_dir, derivatives=derivatives)
        sidecar = table.with_name(table.name.partition(".")[0] + ".json")
        if sidecar.exists() and sidecar != table:
            texts[Path(template).with_name(sidecar.name).as_posix()] = _text_of(sidecar)
    return texts


def _is_sidecar(name: str) -> bool:
    return name.endswith(".json") and name not in _OTHER_JSON


def _walk(folder: Path) -> list[Path]:
    """Files below a folder, sorted, at most a thousand; hidden ones and what reports are made of left out."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in ("figures", "log"))
        found += [Path(place) / file for file in sorted(files) if not file.startswith(".")]
        if len(found) >= _MOST_FILES:
            break
    return found[:_MOST_FILES]


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            _logger.info("%s is too large to be read for the history of the input", path)
            return ""
        return "\n".join(_lines(read_json(path)))
    except (DataError, MissingInputError, OSError) as error:
        _logger.warning("not read for the history of the input: %s", error)
        return ""


def _lines(content: Any, key: str = "") -> Iterator[str]:
    """Every text of a JSON object as ``key: value``, credits left out."""
    if isinstance(content, dict):
        for name, value in content.items():
            if name not in _CREDITS:
                yield from _lines(value, f"{key}.{name}" if key else str(name))
    elif isinstance(content, list):
        for value in content:
            yield from _lines(value, key)
    elif isinstance(content, str) and content:
        yield f"{key}: {' '.join(content.split())}"
    elif content is True:
        # A switch that is on tells by its name.
        yield f"{key}: true"
