"""Where a column or a table lies: references in an analysis, resolved to files inside the dataset."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bidsml.bids.names import check_label
from bidsml.errors import AnalysisFileError, near_names
from bidsml.surfaces import LABELS, hemispheres, is_surface

_REFERENCE = re.compile(r"(?P<file>[^:]*(?:/[^:]*|\.[A-Za-z]+)):(?P<column>.+)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class ColumnReference:
    """A column of a table; ``file`` is ``None`` for participants.tsv, else as the analysis spells it."""

    file: str | None
    column: str


def parse_reference(text: str) -> ColumnReference:
    """Read ``column`` or ``FILE:column``.

    What stands before the colon is a file only when it has a slash or a suffix, so that a column may hold a colon.

    Raises
    ------
    AnalysisFileError
        Nothing stands on one side of the colon, or FILE is absolute or climbs with ``..``.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        if not text.strip() or text.endswith(":") or text.startswith(":"):
            raise AnalysisFileError(
                f"{text!r} names no column", hint="write column, or FILE:column as in phenotype/asrs.tsv:total"
            )
        return ColumnReference(None, text)
    _check_relative(match["file"])
    return ColumnReference(match["file"], match["column"])


def _check_relative(file: str) -> None:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or "\\" in file or "\0" in file or file.startswith("~"):
        raise AnalysisFileError(
            f"the file {file!r} must lie inside the dataset or a --derivatives folder",
            hint="give a path relative to the dataset, or -d NAME=PATH and {NAME}/file in the analysis",
        )


def resolve_file(
    template: str, *, bids_dir: Path, derivatives: Mapping[str, Path], participant_id: str | None = None
) -> Path:
    """Path of the file that an analysis names, which need not exist.

    Parameters
    ----------
    template
        Relative to the dataset; ``{NAME}`` at its start is a derivatives folder, ``{participant}`` the label.
    participant_id
        Label without ``sub-``; ``None`` where a file for all is wanted.

    Raises
    ------
    AnalysisFileError
        The path leaves its folder (absolute, ``..`` or by a symbolic link), or a placeholder is unknown.
    """
    _check_relative(template)
    root, rest = _root(template, bids_dir=bids_dir, derivatives=derivatives)
    for name in _PLACEHOLDER.findall(rest):
        if name != "participant":
            raise _unknown_placeholder(name, template, derivatives)
        if participant_id is None:
            raise AnalysisFileError(
                f"{template!r} is one file per participant; a table of all participants was expected here",
                hint="name a table with a row per participant",
            )
    if participant_id is not None:
        rest = rest.replace("{participant}", check_label(participant_id, what="a participant label"))
    path = root / rest
    _check_link(path, template=template, roots=(root, bids_dir, *derivatives.values()))
    return path


def _root(template: str, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> tuple[Path, str]:
    match = _PLACEHOLDER.match(template)
    if match is None or match[1] == "participant":
        return bids_dir, template
    if match[1] not in derivatives:
        raise _unknown_placeholder(match[1], template, derivatives)
    return derivatives[match[1]], template[match.end() :].lstrip("/")


def _unknown_placeholder(name: str, template: str, derivatives: Mapping[str, Path]) -> AnalysisFileError:
    known = ("participant", *derivatives)
    return AnalysisFileError(
        f"{template!r}: there is no --derivatives folder named {name!r}",
        hint=f"{near_names(name, known)} (a derivatives name stands at the start; give it with -d {name}=PATH)",
    )


def _check_link(path: Path, *, template: str, roots: tuple[Path, ...]) -> None:
    target = path.resolve()
    if ".git" in target.parts and "annex" in target.parts:
        return  # git-annex keeps content in .git/annex/objects, which may lie in an enclosing dataset
    if not any(target.is_relative_to(root.resolve()) for root in roots):
        raise AnalysisFileError(
            f"{template!r} is a link that leaves the dataset: {path} points to {target}",
            hint="copy the file into the dataset, or give its folder with -d NAME=PATH",
        )


def resolve_atlas(name: str, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> str:
    """Atlas name as it is, or, where the analysis gives a place (``{NAME}…`` or a path), the path as text."""
    if "/" not in name and not name.startswith("{") and not name.endswith((".nii", ".nii.gz", *LABELS)):
        return name
    return str(resolve_file(name, bids_dir=bids_dir, derivatives=derivatives))


def atlas_files(atlas: str) -> list[Path]:
    """Files of an atlas that is given by its place: a folder's, or the image and what has its stem; none by a name."""
    place = Path(atlas)
    if not atlas or not place.exists():
        return []
    if place.is_dir():
        return sorted(path for path in place.iterdir() if path.is_file())
    if is_surface(place):
        return list(hemispheres(place))
    stem = place.name.partition(".")[0]
    return sorted(path for path in place.parent.glob(f"{stem}.*") if path.is_file())


def is_per_participant(template: str) -> bool:
    """Whether a file template stands for one file per participant."""
    return "{participant}" in template


def reference_files(
    references: Iterable[str], *, bids_dir: Path, derivatives: Mapping[str, Path], participants: Iterable[str] = ()
) -> tuple[Path, ...]:
    """Files that column references read, those that exist: what a node must hash.

    Parameters
    ----------
    participants
        Labels without ``sub-``: whose files to list where a reference names one file per participant.

    Returns
    -------
    tuple of Path
        participants.tsv, then the others in the order of the references and of ``participants``, each once.

    Raises
    ------
    AnalysisFileError
        As :func:`parse_reference` and :func:`resolve_file`.
    """
    labels = tuple(participants)
    templates = dict.fromkeys(r.file for r in map(parse_reference, references) if r.file is not None)
    files = [bids_dir / "participants.tsv"]
    for template in templates:
        whose: tuple[str | None, ...] = labels if is_per_participant(template) else (None,)
        files += [
            resolve_file(template, bids_dir=bids_dir, derivatives=derivatives, participant_id=one) for one in whose
        ]
    return tuple(path for path in dict.fromkeys(files) if path.exists())
