"""Find the scans an analysis reads: which files, whose, and what must be known to read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from bidsml.bids.candidates import Candidate, rank_entities, recognise
from bidsml.bids.companions import Companions
from bidsml.bids.index import list_files
from bidsml.bids.participants import known_participants, require_participants
from bidsml.bids.selection import apply_filters, check_filters, choose_versions, plan_filters
from bidsml.bids.textfiles import require_content
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, NothingSelectedError, near_names
from bidsml.records import Scan, ScanKind
from bidsml.spec import AnalysisSpec, RunOptions

_ORDER: tuple[ScanKind, ...] = ("bold", "timeseries", "relmat")


@dataclass(frozen=True)
class ScanSelection:
    """What was found.

    ``by_participant`` is sorted by label, each participant's scans by session, task and run. ``matched`` has one line
    per derivative and task, to be printed. ``without`` are known participants who have no scan.
    """

    kind: ScanKind
    by_participant: Mapping[str, tuple[Scan, ...]]
    matched: tuple[str, ...]
    without: tuple[str, ...]


def find_scans(spec: AnalysisSpec, options: RunOptions, *, wanted: frozenset[ScanKind]) -> ScanSelection:
    """Find every participant's scans.

    Parameters
    ----------
    wanted
        Kinds that the features can be made from; of these the first found is taken, in the order BOLD, time series,
        matrices, unless ``input.kind`` names one. With ``table`` alone, each row of the participants table is a scan.

    Raises
    ------
    NothingSelectedError
        No file is left; the message says which filter removed the last one, or what was looked for where.
    DataError
        Several versions of a recording and no word on which; two derivatives with the same recording; repetition
        times that contradict each other.
    MissingInputError
        A derivatives folder, or the content of a selected file, is not there.
    UsageError, AnalysisFileError
        An unknown name in the filters, or in ``input.derivative``.
    """
    check_filters(options.filters)
    known = known_participants(options.bids_dir)
    roots = _roots(spec, options)
    require_participants(options.participant_labels, known=known, bids_dir=options.bids_dir, folders=roots.values())
    kinds = tuple(kind for kind in _ORDER if kind in wanted and spec.input.kind in ("auto", kind))
    if not kinds:
        return _from_table(wanted, known=known, options=options)
    found = (c for name, root in roots.items() for c in _candidates(name, root, options))
    # fMRIPrep writes volumes and surfaces of one run; surfaces are read where their space is asked for.
    candidates = tuple(c for c in found if not c.on_surface or spec.input.space == c.entities.get("space"))
    chosen = _choose(candidates, kinds, spec=spec, options=options, roots=roots)
    _refuse_doubles(chosen)
    companions = Companions(options.bids_dir, tr_s=spec.input.tr_s)
    by_participant: dict[str, tuple[Scan, ...]] = {}
    for candidate in sorted(chosen, key=lambda c: (c.participant_id, rank_entities(c.entities))):
        require_content(candidate.path, what="the scan")
        scan = companions.complete(candidate)
        by_participant[scan.participant_id] = (*by_participant.get(scan.participant_id, ()), scan)
    companions.warn_of_malformed()
    asked = set(options.participant_labels) or known
    return ScanSelection(
        kind=chosen[0].kind,
        by_participant=by_participant,
        matched=_describe(chosen),
        without=tuple(sorted((asked & known | set(options.participant_labels)) - set(by_participant))),
    )


def _roots(spec: AnalysisSpec, options: RunOptions) -> dict[str, Path]:
    """Folders to look in by derivative name; the dataset itself, under no name, when no derivatives are given."""
    name = spec.input.derivative
    if name is None:
        return dict(sorted(options.derivatives.items())) or {"": options.bids_dir}
    if name not in options.derivatives:
        raise AnalysisFileError(
            f"input.derivative = {name!r}, and no --derivatives folder has that name",
            hint=f"give -d {name}=PATH" + (f"; {near_names(name, options.derivatives)}" if options.derivatives else ""),
        )
    return {name: options.derivatives[name]}


def _candidates(name: str, root: Path, options: RunOptions) -> tuple[Candidate, ...]:
    files = list_files(root, name=name, labels=options.participant_labels, database_dir=options.bids_database_dir)
    return recognise(files, derivative=name, root=root.absolute())


def _choose(
    candidates: Sequence[Candidate],
    kinds: Sequence[ScanKind],
    *,
    spec: AnalysisSpec,
    options: RunOptions,
    roots: Mapping[str, Path],
) -> tuple[Candidate, ...]:
    refused: NothingSelectedError | None = None
    for kind in kinds:
        of_kind = [c for c in candidates if c.kind == kind]
        if not of_kind:
            continue
        try:
            passed = apply_filters(of_kind, plan_filters(spec, options, kind=kind))
        except NothingSelectedError as error:
            refused = refused or error
            continue
        return choose_versions(passed, spec)
    if refused is not None:
        raise refused
    raise _nothing(candidates, kinds, roots=roots, bids_dir=options.bids_dir)


def _nothing(
    candidates: Sequence[Candidate], kinds: Sequence[ScanKind], *, roots: Mapping[str, Path], bids_dir: Path
) -> NothingSelectedError:
    looked = ", ".join(f"{name or 'the dataset'} ({root})" for name, root in roots.items())
    others = sorted({c.kind for c in candidates})
    there = f"; there are {', '.join(others)} files" if others else ""
    folders = sorted(p.name for p in (bids_dir / "derivatives").glob("*") if p.is_dir())
    hint = "give the folder of preprocessed data with -d NAME=PATH"
    if folders and "" in roots:
        hint += f"; {bids_dir / 'derivatives'} holds {', '.join(folders)}"
    if "" not in roots:
        hint += '; or set input.kind = "raw" to preprocess raw images'
    return NothingSelectedError(f"no {' or '.join(kinds)} file in {looked}{there}", hint=hint)


def _refuse_doubles(chosen: Sequence[Candidate]) -> None:
    seen: dict[tuple[object, ...], Candidate] = {}
    for candidate in chosen:
        key = (candidate.participant_id, *sorted(candidate.recording))
        other = seen.setdefault(key, candidate)
        if other is not candidate:
            raise DataError(
                f"one recording of sub-{candidate.participant_id} is there twice: {other.path} and {candidate.path}",
                hint="say which derivative is meant: input.derivative, or a --bids-filter-file",
            )


def _describe(chosen: Sequence[Candidate]) -> tuple[str, ...]:
    groups: dict[tuple[str, ...], list[Candidate]] = {}
    for c in chosen:
        groups.setdefault((c.derivative, c.entities.get("task", ""), c.entities.get("space", ""), c.atlas), []).append(
            c
        )
    lines = []
    for (derivative, *values), members in sorted(groups.items()):
        named = [f"{k} {v}" for k, v in zip(("task", "space", "atlas"), values, strict=True) if v]
        people = len({c.participant_id for c in members})
        where = f"in {derivative}" if derivative else "in the dataset"
        scans = "1 scan" if len(members) == 1 else f"{len(members)} scans"
        whom = "1 participant" if people == 1 else f"{people} participants"
        lines.append(f"{members[0].kind}: {scans} of {whom} {where}" + (f" ({', '.join(named)})" if named else ""))
    return tuple(lines)


def _from_table(wanted: frozenset[ScanKind], *, known: set[str], options: RunOptions) -> ScanSelection:
    if "table" not in wanted:
        names = ", ".join(sorted(wanted or get_args(ScanKind)))
        raise NothingSelectedError(
            f"the features are made from {names} files, and input.kind asks for another kind",
            hint="leave input.kind out",
        )
    labels = sorted(set(options.participant_labels) or known)
    if not labels:
        raise NothingSelectedError(f"{options.bids_dir} has no participant", hint="add a participants.tsv")
    path = options.bids_dir / "participants.tsv"
    if not path.exists():
        path = options.bids_dir / "dataset_description.json"
    if not path.exists():
        raise MissingInputError(f"{options.bids_dir} has no participants.tsv", hint="add one")
    scans = {label: (Scan(participant_id=label, kind="table", path=path),) for label in labels}
    line = f"table: {len(scans)} participant{'s' if len(scans) > 1 else ''} in {path.name}"
    return ScanSelection(kind="table", by_participant=scans, matched=(line,), without=())
