"""Who goes into the participant graph, with which scans, raw images and table rows."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from bidsml.app.agreement import folders_of, require_asked, say_disagreement
from bidsml.app.check import check_atlases, scan_kinds
from bidsml.app.provenance import input_digests, make_provenance
from bidsml.app.readiness import Say
from bidsml.bids.modalities import find_modality, require_contents, require_modality
from bidsml.bids.participants import read_participants
from bidsml.bids.raw import describe_raw, find_raw
from bidsml.bids.references import atlas_files, resolve_atlas
from bidsml.bids.scans import find_scans
from bidsml.bids.search import Search
from bidsml.bids.tables import check_columns, check_features, read_row, table_files
from bidsml.bids.textfiles import require_content
from bidsml.errors import AnalysisFileError, MissingInputError, NothingSelectedError, near_names
from bidsml.features import modality_of, reads_anatomy, reads_bold, reads_images, reads_tables
from bidsml.graph.participant import ParticipantPlan
from bidsml.learn.conditions import names_in
from bidsml.records import RawSession, Scan
from bidsml.spec import AnalysisSpec, RunOptions, column_name, referenced_columns
from bidsml.steps.assembly import QC_COLUMNS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """Who goes into the graph with what, and who has no matching input and why."""

    plans: tuple[ParticipantPlan, ...]
    without: Mapping[str, str]


@dataclass(frozen=True)
class _Images:
    """Scans and raw sessions by participant, and why a participant has none."""

    scans: Mapping[str, tuple[Scan, ...]] = field(default_factory=dict)
    sessions: Mapping[str, tuple[RawSession, ...]] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)

    @property
    def participants(self) -> tuple[str, ...]:
        """Labels of those who have what the analysis needs."""
        return tuple(sorted({*self.scans, *self.sessions} - set(self.without)))


def select_inputs(spec: AnalysisSpec, options: RunOptions, say: Say) -> Selection:
    """Find every participant's scans, raw images and table rows.

    Raises
    ------
    NothingSelectedError
        No participant is left, or one that was asked for by name has no input.
    """
    participants = read_participants(options.bids_dir)
    images_needed = any(reads_images(feature) for feature in spec.features)
    folders = folders_of(options)
    require_asked(options, folders, needed=images_needed)
    if not options.participant_labels:
        say_disagreement(options, folders, say=say)
    _check_columns(spec, options, participants)
    if images_needed:
        images = _select_images(spec, options, say)
    else:
        check_atlases(spec, options, "bold")
        images = _Images(scans=dict.fromkeys(options.participant_labels or participants["participant_id"], ()))
    _check_features(spec, options, [*images.participants, *participants["participant_id"]])
    plans, lacking, hint = _plan(spec, options, images)
    without = {**images.without, **lacking}
    if not plans:
        reasons = "; ".join(sorted(set(without.values()))[:3])
        raise NothingSelectedError(
            f"no participant has all that {spec.name} needs: {reasons}", hint=hint or "see --dry-run"
        )
    say(f"{len(plans)} participants selected, {len(without)} without matching input")
    return Selection(tuple(plans), without)


def _plan(
    spec: AnalysisSpec, options: RunOptions, images: _Images
) -> tuple[list[ParticipantPlan], dict[str, str], str]:
    """Plan those who have every table row too; why others have not, and the first hint."""
    plans, without, hint = [], {}, ""
    places = {feature.atlas for feature in spec.features if feature.atlas}
    atlases = [
        path
        for place in sorted(places)
        for path in atlas_files(resolve_atlas(place, bids_dir=options.bids_dir, derivatives=options.derivatives))
    ]
    for label in images.participants:
        table = Scan(label, "table", options.bids_dir / "participants.tsv")
        files = _table_files(spec, options, label)
        try:
            _require_rows(spec, options, label)
            own = _modality_scans(spec, options, label)
        except MissingInputError as error:
            without[label] = error.message
            hint = hint or error.hint
            continue
        require_contents(scan for found in own.values() for scan in found)
        scans, sessions = images.scans.get(label, ()), images.sessions.get(label, ())
        images_used: list[Scan | RawSession] = [*scans, *sessions, *(one for found in own.values() for one in found)]
        read = [path for one in images_used for path in one.files]
        read += [path for paths in (*files.values(), atlases) for path in paths]
        provenance = make_provenance(spec, options, inputs=input_digests(read, options))
        plans.append(ParticipantPlan(label, scans, table, provenance, files, sessions, own))
    return plans, without, hint


def _select_images(spec: AnalysisSpec, options: RunOptions, say: Say) -> _Images:
    """Find BOLD where a feature needs it, from derivatives or raw; and raw T1w where one needs the anatomy."""
    bold = any(reads_bold(feature) for feature in spec.features)
    anatomy = any(reads_anatomy(feature) for feature in spec.features)
    found = _Images()
    if bold and spec.input.kind != "raw":
        try:
            found = _select_scans(spec, options, say)
        except NothingSelectedError as error:
            # Derivatives that were given and don't match are an error; a raw dataset has none to match.
            if spec.input.kind != "auto" or options.derivatives:
                raise
            say(f"raw images will be preprocessed; to use what is preprocessed already, {error.hint}")
    raw_bold = bold and not found.scans
    if not found.scans:
        check_atlases(spec, options, "bold")
    if raw_bold or anatomy:
        found = _add_raw(found, spec, options, say, bold=raw_bold, t1w=anatomy)
    _require_asked(options.participant_labels, found)
    return found


def _add_raw(found: _Images, spec: AnalysisSpec, options: RunOptions, say: Say, *, bold: bool, t1w: bool) -> _Images:
    """Add raw sessions; who lacks the BOLD or the T1w that a feature needs is left out and says why."""
    raw = find_raw(spec, options, bold=bold)
    for line in describe_raw(raw):
        say(line)
    without = dict(found.without)
    for label in sorted({*raw, *found.scans}):
        sessions = raw.get(label, ())
        if bold and not any(session.bold for session in sessions):
            without[label] = "no raw BOLD"
        elif t1w and not any(session.t1w for session in sessions):
            without[label] = "no raw T1w"
    return replace(found, sessions=raw, without=without)


def _select_scans(spec: AnalysisSpec, options: RunOptions, say: Say) -> _Images:
    kinds = scan_kinds(spec)
    if not kinds:
        raise AnalysisFileError(
            f"no kind of input serves all features of {spec.name}"
            + (f" with input.kind = {spec.input.kind!r}" if spec.input.kind != "auto" else ""),
            hint="amplitude, roi_signal and task_contrast need BOLD; ready matrices serve connectome only",
        )
    found = find_scans(spec, options, wanted=kinds)
    for line in found.matched:
        say(line)
    check_atlases(spec, options, found.kind)
    without = dict.fromkeys(found.without, f"no matching {found.kind} file")
    return _Images(scans=dict(found.by_participant), without=without)


def _require_asked(asked: Sequence[str], images: _Images) -> None:
    """One who was asked for by name and has no scan is an error."""
    known: Collection[str] = images.participants
    for label in asked:
        if label not in known:
            reason = f": {images.without[label]}" if label in images.without else ""
            raise NothingSelectedError(f"participant {label!r} has no input{reason}", hint=near_names(label, known))


def search_of(spec: AnalysisSpec, options: RunOptions) -> Search:
    """Where files of other modalities are looked for, and which are wanted."""
    tasks = (spec.input.task,) if spec.input.task else options.task_ids
    return Search(options.bids_dir, options.derivatives, options.session_labels, tasks, spec.input.space or "")


def _modality_scans(spec: AnalysisSpec, options: RunOptions, label: str) -> dict[str, tuple[Scan, ...]]:
    """Find the scans of every block that reads files of its own, by block name."""
    search = search_of(spec, options)
    return {
        block: find_modality(modality_of(feature), feature, label, search)
        for block, feature in zip(spec.block_names, spec.features, strict=True)
        if modality_of(feature)
    }


def _table_files(spec: AnalysisSpec, options: RunOptions, label: str) -> dict[str, tuple[Path, ...]]:
    """Files of every table block; raises where one is only a link to content that is elsewhere."""
    files = {}
    for block, feature in zip(spec.block_names, spec.features, strict=True):
        if reads_tables(feature):
            files[block] = table_files(feature, label, bids_dir=options.bids_dir, derivatives=options.derivatives)
            for path in files[block]:
                if path.is_symlink():
                    require_content(path, what=f"the table of participant {label},")
    return files


def _require_rows(spec: AnalysisSpec, options: RunOptions, label: str) -> None:
    """Raise where the participant has no row in one of the tables.

    The message names nobody and no place: it becomes the reason in the group's ledger, which counts alike reasons.
    """
    for block, feature in zip(spec.block_names, spec.features, strict=True):
        if not reads_tables(feature):
            continue
        target = column_name(spec.target.column)
        try:
            read_row(feature, label, bids_dir=options.bids_dir, derivatives=options.derivatives, exclude=(target,))
        except MissingInputError as error:
            logger.info("sub-%s, features %s: %s", label, block, error.message)
            raise MissingInputError(
                f"no values for features {block!r} in {feature.file or 'participants.tsv'}", hint=error.message
            ) from error


def _check_columns(spec: AnalysisSpec, options: RunOptions, participants: pd.DataFrame) -> None:
    """Find an unknown column now, not after hours of work; quality columns come from the work itself."""
    check_columns(
        [r for r in referenced_columns(spec) if r not in QC_COLUMNS or r in participants],
        participants,
        bids_dir=options.bids_dir,
        derivatives=options.derivatives,
        selected=options.participant_labels,
    )
    known = [*map(str, participants.columns), *map(column_name, referenced_columns(spec)), *QC_COLUMNS]
    for name in names_in(spec.cohort.include) if spec.cohort.include else ():
        if name not in known:
            raise AnalysisFileError(
                f"cohort.include names a column {name!r} that the tables do not have", hint=near_names(name, known)
            )


def _check_features(spec: AnalysisSpec, options: RunOptions, labels: Sequence[str]) -> None:
    """Find a misspelt name in a table block; ``labels`` are those whose own files are looked into, in this order."""
    for feature in spec.features:
        if modality_of(feature):
            wanted = options.participant_labels or labels
            require_modality(modality_of(feature), feature, dict.fromkeys(wanted), search_of(spec, options))
        if reads_tables(feature):
            check_features(feature, labels, bids_dir=options.bids_dir, derivatives=options.derivatives)
