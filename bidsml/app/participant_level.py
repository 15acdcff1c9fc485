"""The participant level: select inputs, show or run the graph, record what became of each participant."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bidsml.app.agreement import folders_of, require_asked, say_disagreement
from bidsml.app.check import check_atlases, check_run, scan_kinds
from bidsml.app.execution import execute, planning_folder, show_plan
from bidsml.app.provenance import make_provenance, scan_digests
from bidsml.app.status import ParticipantStatus, RunStatus, write_run_status, write_status
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.participants import read_participants
from bidsml.bids.scans import find_scans
from bidsml.bids.tables import check_columns, check_features, read_row, table_files
from bidsml.bids.textfiles import require_content
from bidsml.errors import (
    EXIT_BUG,
    AnalysisFileError,
    InterruptedRunError,
    MissingInputError,
    NothingSelectedError,
    PartialFailureError,
    near_names,
)
from bidsml.graph.participant import ParticipantPlan, init_participants_wf, reads_tables, workflow_name
from bidsml.graph.run import Graph, NodeFailure, Progress, RunOutcome
from bidsml.records import Scan
from bidsml.spec import AnalysisSpec, RunOptions, referenced_columns
from bidsml.spec.analysis import column_name
from bidsml.steps.assembly import QC_COLUMNS

logger = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Prints one line for the user."""


@dataclass(frozen=True)
class Selection:
    """Who goes into the graph with what, and who has no matching input and why."""

    plans: tuple[ParticipantPlan, ...]
    without: Mapping[str, str]


def run_participants(spec: AnalysisSpec, options: RunOptions, *, say: Say, progress: Progress | None) -> RunStatus:
    """Run the participant level.

    Returns
    -------
    RunStatus
        Exit code 0 when every selected participant is finished, 1 when some failed.

    Raises
    ------
    BidsmlError
        Something was wrong before any participant ran.
    """
    check_run(spec, options)
    selection = select_inputs(spec, options, say)
    with planning_folder(options) as work_dir:
        workflow = init_participants_wf(
            selection.plans,
            spec,
            bids_dir=options.bids_dir,
            output_dir=options.output_dir,
            work_dir=work_dir,
            derivatives=options.derivatives,
        )
        if options.dry_run:
            return _show(workflow, selection, spec=spec, options=options, say=say)
    write_dataset_files(options.output_dir, bids_dir=options.bids_dir, derivatives=options.derivatives)
    for plan in selection.plans:
        write_status(options.output_dir, ParticipantStatus(plan.participant_id, spec.name, "selected"))
    for label, reason in selection.without.items():
        write_status(options.output_dir, ParticipantStatus(label, spec.name, "no-input", reason))
    outcome = execute(workflow, options, name=f"participant_{spec.name}", progress=progress)
    return _conclude(spec, options, selection, outcome)


def _show(workflow: Graph, selection: Selection, *, spec: AnalysisSpec, options: RunOptions, say: Say) -> RunStatus:
    inputs = [scan.path for plan in selection.plans for scan in plan.scans]
    inputs += [path for plan in selection.plans for paths in plan.table_files.values() for path in paths]
    outputs = [f"sub-{plan.participant_id}/, sub-{plan.participant_id}.html" for plan in selection.plans]
    show_plan(workflow, options, inputs=inputs, outputs=outputs, say=say)
    return RunStatus("participant", spec.name, 0, notes=("dry run: nothing was computed",))


def select_inputs(spec: AnalysisSpec, options: RunOptions, say: Say) -> Selection:
    """Find every participant's scans and table rows.

    Raises
    ------
    NothingSelectedError
        No participant is left, or one that was asked for by name has no input.
    """
    participants = read_participants(options.bids_dir)
    tables_only = all(reads_tables(feature) for feature in spec.features)
    folders = folders_of(options)
    require_asked(options, folders, needed=not tables_only)
    if not options.participant_labels:
        say_disagreement(options, folders, say=say)
    _check_columns(spec, options, participants)
    if tables_only:
        labels = options.participant_labels or tuple(participants["participant_id"])
        scans, without = dict.fromkeys(labels, tuple[Scan, ...]()), dict[str, str]()
    else:
        scans, without = _select_scans(spec, options, say)
    _check_features(spec, options, [*scans, *participants["participant_id"]])
    plans = []
    first_lack = ""
    for label in sorted(scans):
        table = Scan(label, "table", options.bids_dir / "participants.tsv")
        files = _table_files(spec, options, label)
        try:
            _require_rows(spec, options, label)
        except MissingInputError as error:
            without[label] = error.message
            first_lack = first_lack or error.hint
            continue
        provenance = make_provenance(spec, options, inputs=scan_digests(scans[label]))
        plans.append(ParticipantPlan(label, scans[label], table, provenance, files))
    if not plans:
        reasons = "; ".join(sorted(set(without.values()))[:3])
        raise NothingSelectedError(
            f"no participant has all that {spec.name} needs: {reasons}", hint=first_lack or "see --dry-run"
        )
    say(f"{len(plans)} participants selected, {len(without)} without matching input")
    return Selection(tuple(plans), without)


def _select_scans(
    spec: AnalysisSpec, options: RunOptions, say: Say
) -> tuple[dict[str, tuple[Scan, ...]], dict[str, str]]:
    kinds = scan_kinds(spec)
    if not kinds:
        raise AnalysisFileError(
            f"no kind of input serves all features of {spec.name}"
            + (f" with input.kind = {spec.input.kind!r}" if spec.input.kind != "auto" else ""),
            hint="amplitude and roi_signal need preprocessed BOLD; ready matrices serve connectome only",
        )
    found = find_scans(spec, options, wanted=kinds)
    for line in found.matched:
        say(line)
    check_atlases(spec, options, found.kind)
    _require_scans(options.participant_labels, found.by_participant)
    without = dict.fromkeys(found.without, f"no matching {found.kind} file")
    return dict(found.by_participant), without


def _require_scans(asked: Sequence[str], known: Collection[str]) -> None:
    """One who was asked for by name and has no scan is an error."""
    for label in asked:
        if label not in known:
            raise NothingSelectedError(f"participant {label!r} has no input", hint=near_names(label, known))


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


def _check_features(spec: AnalysisSpec, options: RunOptions, labels: Sequence[str]) -> None:
    """Find a misspelt name in a table block; ``labels`` are those whose own files are looked into, in this order."""
    for feature in spec.features:
        if reads_tables(feature):
            check_features(feature, labels, bids_dir=options.bids_dir, derivatives=options.derivatives)


def _conclude(spec: AnalysisSpec, options: RunOptions, selection: Selection, outcome: RunOutcome) -> RunStatus:
    """Turn failed nodes into failed participants, and write down where everyone stands."""
    failures: dict[str, NodeFailure] = {}
    for plan in selection.plans:
        name = workflow_name(plan.participant_id)
        failure = next((f for f in outcome.failures if name in f.node.split(".")), None)
        if failure is None and not any(name in node.split(".") for node in outcome.published):
            failure = NodeFailure(name, InterruptedRunError("not finished", hint="run the same command again"))
        if failure is not None:
            failures[plan.participant_id] = failure
    if outcome.failures and not any(f in failures.values() for f in outcome.failures):
        raise outcome.failures[0].error
    for plan in selection.plans:
        label = plan.participant_id
        write_status(options.output_dir, _participant_status(label, spec.name, failures.get(label)))
    done = tuple(p.participant_id for p in selection.plans if p.participant_id not in failures)
    status = RunStatus(
        level="participant",
        analysis=spec.name,
        exit_code=_exit_code(list(failures.values()), some_done=bool(done)),
        done=done,
        failed={label: str(failure.error) for label, failure in failures.items()},
        without=selection.without,
        report=f"sub-{done[0]}.html" if done else "",
    )
    write_run_status(options.output_dir, status)
    return status


def _exit_code(failures: Sequence[NodeFailure], *, some_done: bool) -> int:
    """0; 75 when the same command can go on where it was cut off; 70 when bugs left nothing; else 1."""
    if not failures:
        return 0
    if all(isinstance(failure.error, InterruptedRunError) for failure in failures):
        return InterruptedRunError.exit_code
    if not some_done and any(failure.is_bug for failure in failures):
        return EXIT_BUG
    return PartialFailureError.exit_code


def _participant_status(label: str, analysis: str, failure: NodeFailure | None) -> ParticipantStatus:
    if failure is None:
        return ParticipantStatus(label, analysis, "done")
    error = failure.error
    return ParticipantStatus(label, analysis, "failed", error.message, error.hint, error.exit_code)
