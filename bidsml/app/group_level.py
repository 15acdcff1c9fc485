"""The group level: check who is there, show or run the graph, record what became of it."""

from collections.abc import Mapping
from pathlib import Path

from bidsml.app.check import check_run
from bidsml.app.execution import execute, planning_folder, show_plan
from bidsml.app.provenance import combined_digest, effective_toml, make_provenance, run_record
from bidsml.app.readiness import Say, account_for, usable_manifests
from bidsml.app.status import RunStatus, write_run_status
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.history import read_history
from bidsml.bids.manifest import manifest_path
from bidsml.bids.references import reference_files
from bidsml.bids.store import write_json, write_record, write_text
from bidsml.graph.group import GroupPlan, init_group_wf
from bidsml.graph.run import Progress, RunOutcome
from bidsml.learn.splits import plan_folds
from bidsml.spec import AnalysisSpec, RunOptions, referenced_columns
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
    report = f"group-{spec.name}.html"
    with planning_folder(options) as work_dir:
        plan = plan_group(spec, options, say, work_dir=work_dir)
        graph = init_group_wf(
            plan,
            spec,
            bids_dir=options.bids_dir,
            output_dir=options.output_dir,
            work_dir=work_dir,
            derivatives=options.derivatives,
            seed=options.random_seed,
            n_chunks=options.nprocs,
            n_threads=min(options.omp_nthreads, options.nprocs),
        )
        if options.dry_run:
            show_plan(graph, options, inputs=plan.manifests, outputs=[f"group/{spec.name}/", report], say=say)
            return RunStatus("group", spec.name, 0, notes=("dry run: nothing was computed",))
    write_dataset_files(options.output_dir, bids_dir=options.bids_dir, derivatives=options.derivatives)
    outcome = execute(graph, options, name=f"group_{spec.name}", progress=progress)
    return conclude(outcome, spec, options, failed=plan.failed, report=report)


def conclude(
    outcome: RunOutcome, spec: AnalysisSpec, options: RunOptions, *, failed: Mapping[str, str], report: str
) -> RunStatus:
    """Write down what became of a graph of the group level; raise what its first failed node raised.

    Parameters
    ----------
    failed
        Why a participant has no features, by label.
    report
        The page to open, relative to the output folder.
    """
    if outcome.failures:
        first = outcome.failures[0]
        write_run_status(
            options.output_dir,
            RunStatus("group", spec.name, first.error.exit_code, failed={first.node: str(first.error)}),
        )
        raise first.error
    status = RunStatus("group", spec.name, 0, done=(spec.name,), failed=failed, report=report)
    write_run_status(options.output_dir, status)
    return status


def plan_group(spec: AnalysisSpec, options: RunOptions, say: Say, *, work_dir: Path) -> GroupPlan:
    """Check the participants' manifests, the cohort and the folds; write what the graph starts from."""
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
    counts = {name: int((cohort.target == code).sum()) for code, name in enumerate(cohort.classes)}
    say(f"cohort: {len(cohort.target)} of {cohort.considered} participants {counts or ''}".rstrip())
    for gate in dict.fromkeys(one.gate for one in cohort.attrition):
        say(f"  left at gate '{gate}': {sum(one.gate == gate for one in cohort.attrition)}")
    paths = [manifest_path(options.output_dir, label) for label in manifests]
    inputs = {"participant manifests": combined_digest(paths)}
    provenance = make_provenance(spec, options, inputs=inputs)
    start = work_dir / "inputs" / f"group_{spec.name}"
    tables = reference_files(
        referenced_columns(spec),
        bids_dir=options.bids_dir,
        derivatives=options.derivatives,
        participants=participants,
    )
    texts = read_history(spec, bids_dir=options.bids_dir, derivatives=options.derivatives, participants=participants)
    first = next(iter(manifests.values())).analyses[spec.name]
    size = sum((options.output_dir / record).stat().st_size for record in first.features.values())
    return GroupPlan(
        designs=tuple(dict.fromkeys(fold.design for fold in folds)),
        participants=participants,
        manifests=tuple(paths),
        tables=tables,
        failed=failed,
        analysis=write_text(start / "analysis.json", spec.model_dump_json()),
        learning=write_text(start / "learning.json", _without_draws(spec).model_dump_json()),
        analysis_toml=write_text(start / "analysis.toml", effective_toml(spec)),
        provenance=write_record(start / "provenance.npz", provenance),
        run=write_json(start / "run.json", run_record(spec, options, provenance)),
        history=write_json(start / "history.json", {"texts": texts}),
        feature_gb=size * len(manifests) / 1e9,
    )


def _without_draws(spec: AnalysisSpec) -> AnalysisSpec:
    inference = spec.inference.model_copy(update={"permutations": 0})
    return spec.model_copy(update={"inference": inference})
