"""The group level: check who is there, show or run the graph, record what became of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bidsml.app.agreement import require_asked
from bidsml.app.check import check_run
from bidsml.app.execution import execute, planning_folder, show_plan
from bidsml.app.provenance import combined_digest, effective_toml, make_provenance, run_record
from bidsml.app.status import RunStatus, of_analysis, read_statuses, write_run_status
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.history import read_history
from bidsml.bids.manifest import Manifest, list_manifests, manifest_path, verify_manifest
from bidsml.bids.participants import read_participants
from bidsml.bids.references import reference_files
from bidsml.bids.store import write_json, write_record, write_text
from bidsml.errors import DataError, MissingInputError, PartialFailureError
from bidsml.graph.group import GroupPlan, init_group_wf
from bidsml.graph.run import Progress
from bidsml.learn.splits import plan_folds
from bidsml.spec import AnalysisSpec, RunOptions, features_digest, referenced_columns
from bidsml.steps.assembly import load_cohort

Say = Callable[[str], None]
"""Prints one line for the user."""


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
    if outcome.failures:
        first = outcome.failures[0]
        write_run_status(
            options.output_dir,
            RunStatus("group", spec.name, first.error.exit_code, failed={first.node: str(first.error)}),
        )
        raise first.error
    status = RunStatus("group", spec.name, 0, done=(spec.name,), failed=plan.failed, report=report)
    write_run_status(options.output_dir, status)
    return status


def plan_group(spec: AnalysisSpec, options: RunOptions, say: Say, *, work_dir: Path) -> GroupPlan:
    """Check the participants' manifests, the cohort and the folds; write what the graph starts from."""
    manifests = _usable_manifests(spec, options)
    participants, failed = _account(spec, options, manifests, say)
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


def _usable_manifests(spec: AnalysisSpec, options: RunOptions) -> dict[str, Manifest]:
    """Manifests of this analysis, made under the same features and with every file as it was written."""
    found = {label: m for label, m in list_manifests(options.output_dir).items() if spec.name in m.analyses}
    if not found:
        raise MissingInputError(
            f"{options.output_dir} holds no participant of analysis {spec.name}",
            hint="run the participant level first, with the same --analysis",
        )
    digest = features_digest(spec)
    other = [label for label, m in found.items() if m.analyses[spec.name].features_digest != digest]
    if other:
        raise DataError(
            f"features of {len(other)} participants were made with other input, denoise or features settings: "
            + _some(other),
            hint="run the participant level again for them, with this analysis",
        )
    damaged = {label: verify_manifest(options.output_dir, m, spec.name) for label, m in found.items()}
    problems = [f"sub-{label}: {'; '.join(lines)}" for label, lines in damaged.items() if lines]
    if problems:
        raise DataError(
            "published files are not what their manifest says: " + "; ".join(problems[:5]),
            hint="run the participant level again for them",
        )
    return found


def _account(
    spec: AnalysisSpec, options: RunOptions, manifests: Mapping[str, Manifest], say: Say
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Who is considered, and why some of them have no features."""
    require_asked(options, manifests, needed=False)
    listed = read_participants(options.bids_dir)["participant_id"].tolist()
    lost = sorted(set(manifests) - set(listed))
    if lost and not options.participant_labels:
        say(f"finished but not in participants.tsv, so not analysed: {_some(lost)}")
    considered = [label for label in listed if not options.participant_labels or label in options.participant_labels]
    statuses = of_analysis(read_statuses(options.output_dir), spec.name)
    reasons: dict[str, str] = {}
    unfinished: list[str] = []
    for label in considered:
        if label in manifests and (label not in statuses or statuses[label].state != "failed"):
            continue
        status = statuses.get(label)
        if status is not None and status.state == "no-input":
            reasons[label] = f"input: {status.reason}"
        else:
            failed = status is not None and status.state == "failed"
            reasons[label] = f"failed: {status.reason}" if status and failed else "not processed"
            unfinished.append(f"sub-{label} ({reasons[label]})")
    if unfinished and not options.allow_partial:
        raise PartialFailureError(
            f"{len(unfinished)} participants are missing or failed: {_some(unfinished)}",
            hint="finish the participant level, or go on without them with --allow-partial",
        )
    if unfinished:
        say(f"going on without {len(unfinished)} participants (--allow-partial): {_some(unfinished)}")
    return tuple(considered), reasons


def _some(labels: list[str], limit: int = 10) -> str:
    rest = f" and {len(labels) - limit} more" if len(labels) > limit else ""
    return ", ".join(labels[:limit]) + rest
