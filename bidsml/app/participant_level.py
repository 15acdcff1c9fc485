"""The participant level: select inputs, show or run the graph, record what became of each participant."""

import logging
from collections.abc import Sequence
from pathlib import Path

from bidsml.app.boilerplate import kinds_of, write_boilerplate
from bidsml.app.check import check_run
from bidsml.app.execution import execute, show_plan, work_folder
from bidsml.app.overview import rebuild_index
from bidsml.app.readiness import Say
from bidsml.app.rendering import write_failed_page
from bidsml.app.repeat import repeat_command
from bidsml.app.selection import Selection, select_inputs
from bidsml.app.status import (
    ParticipantStatus,
    RunStatus,
    of_analysis,
    read_statuses,
    write_run_status,
    write_status,
)
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.participants import read_participants
from bidsml.errors import EXIT_BUG, InterruptedRunError, NothingSelectedError, PartialFailureError
from bidsml.features import reads_tables
from bidsml.graph.participant import Places, init_participants_wf, workflow_name
from bidsml.graph.run import Graph, NodeFailure, Progress, RunOutcome
from bidsml.spec import AnalysisSpec, RunOptions
from bidsml.templates import choose_template, fetch_template

logger = logging.getLogger(__name__)


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
    try:
        selection = select_inputs(spec, options, say)
    except NothingSelectedError:
        _note_no_input(spec, options)
        raise
    labels = [plan.participant_id for plan in selection.plans]
    with work_folder(spec, options, graph=f"participant_{spec.name}", participants=labels) as work_dir:
        workflow = _init_workflow(spec, options, selection, work_dir, say)
        if options.dry_run:
            return _show(workflow, selection, spec=spec, options=options, say=say)
        write_dataset_files(options.output_dir, bids_dir=options.bids_dir, derivatives=options.derivatives)
        _write_methods(spec, options, selection)
        for plan in selection.plans:
            write_status(options.output_dir, ParticipantStatus(plan.participant_id, spec.name, "selected"))
        for label, reason in selection.without.items():
            write_status(options.output_dir, ParticipantStatus(label, spec.name, "no-input", reason))
        outcome = execute(workflow, options, name=f"participant_{spec.name}", progress=progress)
        return _conclude(spec, options, selection, outcome)


def _note_no_input(spec: AnalysisSpec, options: RunOptions) -> None:
    """Record that the one participant of a job has no input, so that the group level does not wait for them."""
    if options.dry_run or len(options.participant_labels) != 1:
        return
    (label,) = options.participant_labels
    before = of_analysis(read_statuses(options.output_dir), spec.name).get(label)
    known = label in set(read_participants(options.bids_dir)["participant_id"])
    if known and (before is None or before.state != "done"):
        write_status(options.output_dir, ParticipantStatus(label, spec.name, "no-input", "no matching input"))


def _init_workflow(spec: AnalysisSpec, options: RunOptions, selection: Selection, work_dir: Path, say: Say) -> Graph:
    template = None
    if any(plan.sessions for plan in selection.plans):
        if options.fetch_templates:
            fetch_template(spec.preprocess.space)
        template = choose_template(spec.preprocess.space, cache_dir=work_dir / "templates")
        say(f"raw images go to {template.space}")
    places = Places(
        bids_dir=options.bids_dir,
        output_dir=options.output_dir,
        work_dir=work_dir,
        derivatives=options.derivatives,
        template=template,
        n_threads=options.node_threads,
    )
    return init_participants_wf(selection.plans, spec, places)


def _write_methods(spec: AnalysisSpec, options: RunOptions, selection: Selection) -> None:
    """Write how everyone's features are made; each participant's report says what became of their own images."""
    scans = [scan for plan in selection.plans for scan in (*plan.scans, plan.table)]
    scans += [scan for plan in selection.plans for own in plan.modality_scans.values() for scan in own]
    sessions = [session for plan in selection.plans for session in plan.sessions]
    kinds = [kind for kind in kinds_of(scans, sessions) if kind != "table" or _reads_tables(spec)]
    write_boilerplate(spec, options, kinds=kinds, raw=bool(sessions))


def _reads_tables(spec: AnalysisSpec) -> bool:
    return any(reads_tables(feature) for feature in spec.features)


def _show(workflow: Graph, selection: Selection, *, spec: AnalysisSpec, options: RunOptions, say: Say) -> RunStatus:
    inputs = [scan.path for plan in selection.plans for scan in plan.scans]
    inputs += [path for plan in selection.plans for session in plan.sessions for path in session.files]
    inputs += [path for plan in selection.plans for paths in plan.table_files.values() for path in paths]
    own = [scan for plan in selection.plans for scans in plan.modality_scans.values() for scan in scans]
    inputs += dict.fromkeys(path for scan in own for path in scan.files)
    outputs = [f"sub-{plan.participant_id}/, sub-{plan.participant_id}.html" for plan in selection.plans]
    show_plan(workflow, options, inputs=inputs, outputs=outputs, say=say)
    return RunStatus("participant", spec.name, 0, notes=("dry run: nothing was computed",))


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
        command = repeat_command(spec, options, participant_id=label)
        one = _participant_status(label, spec.name, failures.get(label), command)
        if one.state == "failed":
            write_failed_page(options.output_dir, one)
        write_status(options.output_dir, one)
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
    rebuild_index(options.output_dir, bids_dir=options.bids_dir)
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


def _participant_status(
    label: str, analysis: str, failure: NodeFailure | None, command: tuple[str, ...]
) -> ParticipantStatus:
    if failure is None:
        return ParticipantStatus(label, analysis, "done")
    error = failure.error
    return ParticipantStatus(label, analysis, "failed", error.message, error.hint, error.exit_code, command)
