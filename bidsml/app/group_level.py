"""The group level: check who is there, show or run the graph, record what became of it."""

from collections.abc import Mapping
from pathlib import Path

from bidsml.app.check import check_run
from bidsml.app.execution import execute, show_plan, work_folder
from bidsml.app.inputs import gather_inputs, input_folder, shards_folder
from bidsml.app.overview import rebuild_index
from bidsml.app.provenance import effective_study
from bidsml.app.readiness import Say, account_for, usable_manifests
from bidsml.app.repeat import repeat_command
from bidsml.app.status import RunStatus, write_run_status
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.history import read_history
from bidsml.bids.store import write_json, write_text
from bidsml.graph.group import GroupPlan, init_group_wf
from bidsml.graph.run import Graph, NodeFailure, Progress
from bidsml.learn.splits import plan_folds
from bidsml.records import Cohort
from bidsml.spec import AnalysisSpec, RunOptions, StudySpec, load_study
from bidsml.steps.assembly import load_cohort


def run_group(spec: AnalysisSpec, options: RunOptions, *, say: Say, progress: Progress | None) -> RunStatus:
    """Run the group level on what the participant level has published.

    Raises
    ------
    PartialFailureError
        Participants are missing or failed and ``--allow-partial`` is not given.
    BidsmlError
        Anything else that keeps the analysis from its result.
    """
    check_run(spec, options)
    name, report = f"group_{spec.name}", f"group-{spec.name}.html"
    with work_folder(spec, options, graph=name) as work_dir:
        plan = plan_group(spec, options, say, name=name, work_dir=work_dir)
        graph = init_group_wf(plan, spec)
        if options.dry_run:
            outputs = [f"group/{spec.name}/", report]
            show_plan(graph, options, inputs=plan.inputs.manifests, outputs=outputs, say=say)
            return dry_status(spec)
        failed = plan.inputs.failed
        return run_and_conclude(graph, spec, options, name=name, failed=failed, report=report, progress=progress)


def dry_status(spec: AnalysisSpec) -> RunStatus:
    """Say that a graph was only shown."""
    return RunStatus("group", spec.name, 0, notes=("dry run: nothing was computed",))


def run_and_conclude(
    graph: Graph,
    spec: AnalysisSpec,
    options: RunOptions,
    *,
    name: str,
    failed: Mapping[str, str],
    report: str,
    progress: Progress | None,
) -> RunStatus:
    """Run a graph of the group level and write down what became of it; raise what its first failed node raised.

    Parameters
    ----------
    failed
        Why a participant has no features, by label.
    report
        The page to open, relative to the output folder.
    """
    write_dataset_files(options.output_dir, bids_dir=options.bids_dir, derivatives=options.derivatives)
    outcome = execute(graph, options, name=name, progress=progress)
    if outcome.failures:
        write_run_status(options.output_dir, _failed_status(outcome.failures[0], spec, options))
        rebuild_index(options.output_dir, bids_dir=options.bids_dir)
        raise outcome.failures[0].error
    applied = options.apply is not None
    status = RunStatus("group", spec.name, 0, done=(spec.name,), failed=failed, report=report, applied=applied)
    write_run_status(options.output_dir, status)
    rebuild_index(options.output_dir, bids_dir=options.bids_dir)
    return status


def _failed_status(failure: NodeFailure, spec: AnalysisSpec, options: RunOptions) -> RunStatus:
    error = failure.error
    return RunStatus(
        "group",
        spec.name,
        error.exit_code,
        failed={failure.node: error.message},
        hint=error.hint,
        command=repeat_command(spec, options),
        applied=options.apply is not None,
    )


def plan_group(spec: AnalysisSpec, options: RunOptions, say: Say, *, name: str, work_dir: Path) -> GroupPlan:
    """Check the participants' manifests, the cohort and the folds; write what the graph starts from."""
    study = load_study(options.study) if options.study else StudySpec()
    manifests = usable_manifests(spec, options)
    participants, failed = account_for(spec, options, manifests, say)
    cohort = load_cohort(
        spec,
        output=options.output_dir,
        bids_dir=options.bids_dir,
        derivatives=options.derivatives,
        participants=participants,
        failed=failed,
    )
    folds = plan_folds(cohort, spec, seed=options.random_seed)
    _describe(cohort, say)
    inputs = gather_inputs(
        spec,
        options,
        manifests,
        participants=participants,
        failed=failed,
        graph=name,
        digests={},
        work_dir=work_dir,
    )
    texts = read_history(spec, bids_dir=options.bids_dir, derivatives=options.derivatives, participants=participants)
    folder = input_folder(work_dir, name)
    shards = shards_folder(options)
    return GroupPlan(
        inputs=inputs,
        designs=tuple(dict.fromkeys(fold.design for fold in folds)),
        learning=write_text(folder / "learning.json", _without_draws(spec).model_dump_json()),
        study=write_text(folder / "study.toml", effective_study(study)),
        history=write_json(folder / "history.json", {"texts": texts}),
        n_chunks=options.nprocs if shards is None else options.shards,
        shards="" if shards is None else str(shards),
    )


def _describe(cohort: Cohort, say: Say) -> None:
    counts = {name: int((cohort.target == code).sum()) for code, name in enumerate(cohort.classes)}
    say(f"cohort: {len(cohort.target)} of {cohort.considered} participants {counts or ''}".rstrip())
    for gate in dict.fromkeys(one.gate for one in cohort.attrition):
        say(f"  left at gate '{gate}': {sum(one.gate == gate for one in cohort.attrition)}")


def _without_draws(spec: AnalysisSpec) -> AnalysisSpec:
    inference = spec.inference.model_copy(update={"permutations": 0})
    return spec.model_copy(update={"inference": inference})
