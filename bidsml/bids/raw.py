"""Find the raw images that the built-in preprocessing starts from: T1w and BOLD of each session."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bidsml.bids.candidates import rank_entities
from bidsml.bids.images import refuse_absurd_header
from bidsml.bids.index import list_raw_files
from bidsml.bids.inheritance import SidecarFinder
from bidsml.bids.names import order_entities, split_name
from bidsml.bids.participants import known_participants, require_participants
from bidsml.bids.selection import apply_filters, plan_filters
from bidsml.bids.slicetiming import slice_axis, slice_times_s
from bidsml.bids.textfiles import require_content
from bidsml.bids.timing import header_tr_s, reconcile_tr, sidecar_tr_s
from bidsml.errors import DataError, NothingSelectedError
from bidsml.records import RawBold, RawSession
from bidsml.spec import AnalysisSpec, RunOptions

_logger = logging.getLogger(__name__)

# Entities of derivatives; a file with one of them is no raw image, wherever it lies.
_DERIVED = ("space", "res", "den", "label", "desc", "atlas", "seg")
_KINDS = {"T1w": ("t1w", "anat"), "bold": ("bold", "func")}
# Phase, real and imaginary parts are no magnitude image.
_MAGNITUDE = ("", "mag")


@dataclass(frozen=True)
class RawFile:
    """A T1w or BOLD image by its name; ``entities`` without ``sub``, in the specification's order."""

    kind: str
    participant_id: str
    path: Path
    entities: Mapping[str, str]
    suffix: str
    extension: str

    @property
    def session(self) -> str:
        """Label of the session without ``ses-``, empty without one."""
        return self.entities.get("ses", "")


def find_raw(spec: AnalysisSpec, options: RunOptions, *, bold: bool = True) -> dict[str, tuple[RawSession, ...]]:
    """Find the raw images of every participant, session by session.

    A session is there when it has a T1w or a BOLD image that passes the filters. Without a T1w of its own it takes
    those of the participant's first session that has one, inside the selection or not.

    Parameters
    ----------
    spec
        Its ``input.task``, ``input.tr_s`` and ``preprocess.slice_timing`` count.
    bold
        Whether BOLD is wanted; features of the anatomy alone don't need it.

    Returns
    -------
    dict
        Participants without ``sub-``, sorted; each one's sessions in order. A participant whose only images are T1w
        has sessions without BOLD; one without any image is not listed.

    Raises
    ------
    NothingSelectedError
        The dataset has no such image, or a filter removed the last one.
    DataError
        Several echoes or reconstructions of one run, one image twice, or metadata that contradict each other or
        the image. Damaged images are not found here, see :func:`bidsml.bids.images.check_images`.
    MissingInputError
        The content of a selected image, or of its events, is not on this machine.
    """
    anatomical, functional = _list_images(options, bold=bold)
    anatomical = list(apply_filters(anatomical, plan_filters(spec, options, kind="t1w", raw=True)))
    functional = list(apply_filters(functional, plan_filters(spec, options, kind="bold", raw=True)))
    _refuse_versions(functional)
    _refuse_doubles([*anatomical, *functional])
    metadata = _Metadata(spec, options.bids_dir)
    found: dict[str, tuple[RawSession, ...]] = {}
    for label in sorted({file.participant_id for file in (*anatomical, *functional)}):
        sessions = _sessions(
            label,
            [file for file in anatomical if file.participant_id == label],
            [file for file in functional if file.participant_id == label],
            wanted=options.session_labels,
        )
        if sessions:
            found[label] = tuple(metadata.complete(label, *session) for session in sessions)
    metadata.warn_of_malformed()
    if not found:
        raise NothingSelectedError(
            f"--session-label {' '.join(options.session_labels)} leaves none of the T1w images",
            hint="change or leave out that filter",
        )
    return found


def _list_images(options: RunOptions, *, bold: bool) -> tuple[list[RawFile], list[RawFile]]:
    """T1w and BOLD images of the participants asked for."""
    known = known_participants(options.bids_dir)
    labels = options.participant_labels
    require_participants(labels, known=known, bids_dir=options.bids_dir, folders=(options.bids_dir,))
    paths = list_raw_files(options.bids_dir, labels=labels, database_dir=options.bids_database_dir)
    files = recognise_raw(paths, root=options.bids_dir.absolute())
    anatomical = [file for file in files if file.kind == "t1w"]
    functional = [file for file in files if file.kind == "bold"] if bold else []
    if not anatomical and not functional:
        raise NothingSelectedError(
            f"no {'T1w or BOLD' if bold else 'T1w'} image in {options.bids_dir}",
            hint="raw images lie in sub-*/[ses-*/]anat and func as *_T1w.nii.gz and *_bold.nii.gz",
        )
    return anatomical, functional


def describe_raw(found: Mapping[str, Sequence[RawSession]]) -> tuple[str, ...]:
    """Say in two lines what :func:`find_raw` found: how many images of how many participants."""
    sessions = [session for several in found.values() for session in several]
    t1w = {path for session in sessions for path in session.t1w}
    runs = [run for session in sessions for run in session.bold]
    tasks = sorted({run.entities.get("task", "") for run in runs})
    lines = [f"T1w: {len(t1w)} of {sum(any(s.t1w for s in several) for several in found.values())} participants"]
    if runs:
        people = len({run.participant_id for run in runs})
        lines.append(f"raw BOLD: {len(runs)} of {people} participants (task {', '.join(tasks)})")
    return tuple(lines)


def recognise_raw(paths: Sequence[Path], *, root: Path) -> tuple[RawFile, ...]:
    """Raw T1w and magnitude BOLD images among the files of a dataset, in their order.

    Phase images, and files of derivatives or outside of their participant's folder, are left out.
    """
    found = []
    for path in paths:
        parts = split_name(path)
        entities = dict(parts.entities)
        label = entities.pop("sub", "")
        kind, datatype = _KINDS.get(parts.suffix, ("", ""))
        session = f"ses-{entities['ses']}" if "ses" in entities else ""
        derived = any(key in entities for key in _DERIVED)
        in_place = path.parent == root / f"sub-{label}" / session / datatype
        if kind and in_place and not derived and entities.get("part", "") in _MAGNITUDE:
            found.append(RawFile(kind, label, path, order_entities(entities), parts.suffix, parts.extension))
    return tuple(found)


def _refuse_versions(functional: Sequence[RawFile]) -> None:
    """Refuse several echoes or reconstructions of one run: they are not independent recordings."""
    for key, long in (("echo", "echo"), ("rec", "reconstruction")):
        groups: dict[tuple[object, ...], list[RawFile]] = defaultdict(list)
        for file in functional:
            rest = tuple(sorted((k, v) for k, v in file.entities.items() if k not in (key, "part")))
            groups[file.participant_id, rest].append(file)
        for members in groups.values():
            values = sorted({file.entities.get(key, "none") for file in members})
            if len(values) > 1:
                advice = "; echoes are not combined here" if key == "echo" else ""
                raise DataError(
                    f"{members[0].path} and {len(members) - 1} more files are one run with several values of {key}: "
                    f"{', '.join(values)}{advice}",
                    hint=f'say which one in a --bids-filter-file: {{"bold": {{"{long}": "{values[-1]}"}}}}',
                )


def _refuse_doubles(files: Sequence[RawFile]) -> None:
    seen: dict[tuple[object, ...], RawFile] = {}
    for file in files:
        entities = {key: value for key, value in file.entities.items() if key != "part"}
        other = seen.setdefault((file.kind, file.participant_id, *sorted(entities.items())), file)
        if other is not file:
            raise DataError(
                f"one image of sub-{file.participant_id} is there twice: {other.path} and {file.path}",
                hint="keep one of them",
            )


def _sessions(
    label: str, anatomical: Sequence[RawFile], functional: Sequence[RawFile], *, wanted: Sequence[str]
) -> list[tuple[str, list[RawFile], list[RawFile]]]:
    """Sessions of one participant in order, each with its T1w and its BOLD images."""
    t1w: dict[str, list[RawFile]] = defaultdict(list)
    bold: dict[str, list[RawFile]] = defaultdict(list)
    for file in sorted(anatomical, key=lambda f: rank_entities(f.entities)):
        t1w[file.session].append(file)
    for file in sorted(functional, key=lambda f: rank_entities(f.entities)):
        bold[file.session].append(file)
    own = {session for session in t1w if not wanted or session in wanted}
    names = sorted(own | set(bold), key=lambda name: rank_entities({"ses": name}))
    borrowed = next(iter(t1w.values()), [])
    lacking = [name for name in names if name not in t1w]
    if lacking and borrowed:
        _logger.info(
            "sub-%s: %s takes the T1w of %s", label, ", ".join(f"ses-{n}" for n in lacking), borrowed[0].path.name
        )
    return [(name, t1w.get(name, borrowed), bold.get(name, [])) for name in names]


class _Metadata:
    """Completes raw images with what their sidecars say, reading each sidecar once."""

    def __init__(self, spec: AnalysisSpec, bids_dir: Path) -> None:
        self._finder = SidecarFinder(bids_dir.absolute())
        self._tr_s = spec.input.tr_s
        self._slice_timing = spec.preprocess.slice_timing

    def complete(self, label: str, session: str, t1w: Sequence[RawFile], bold: Sequence[RawFile]) -> RawSession:
        images = tuple(refuse_absurd_header(require_content(file.path, what="the T1w image")) for file in t1w)
        return RawSession(label, session, images, tuple(self._run(file) for file in bold))

    def warn_of_malformed(self) -> None:
        """Log a warning for each malformed sidecar that was not needed."""
        self._finder.warn_of_malformed()

    def _run(self, file: RawFile) -> RawBold:
        refuse_absurd_header(require_content(file.path, what="the BOLD image"))
        entities = {"sub": file.participant_id, **file.entities}
        metadata, sidecars = self._finder.metadata(file.path.parent, entities, suffix="bold")
        tr_s = self._tr(metadata, file.path)
        axis = slice_axis(metadata, path=file.path)
        events = self._finder.find(file.path.parent, entities, suffix="events", extensions=(".tsv",))
        return RawBold(
            participant_id=file.participant_id,
            path=file.path,
            tr_s=tr_s,
            entities=file.entities,
            slice_times_s=slice_times_s(metadata, tr_s=tr_s, axis=axis, path=file.path) if self._slice_timing else (),
            slice_axis=axis,
            events=require_content(events[-1], what="the events file") if events else None,
            sidecars=sidecars,
        )

    def _tr(self, metadata: Mapping[str, Any], path: Path) -> float:
        if self._tr_s is not None:
            return self._tr_s
        if "VolumeTiming" in metadata and "RepetitionTime" not in metadata:
            raise DataError(
                f"{path}: VolumeTiming says that volumes are not equally spaced, which cannot be preprocessed here",
                hint="leave this run out with --task-id or a --bids-filter-file",
            )
        return reconcile_tr(sidecar_tr_s(metadata, path=path), header_tr_s(path), path=path)
