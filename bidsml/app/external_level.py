"""The group level with ``--apply``: judge a frozen biomarker on this dataset; nothing of it is fitted again."""

from pathlib import Path

from bidsml.app.check import check_run
from bidsml.app.execution import execute, planning_folder, show_plan
from bidsml.app.group_level import conclude
from bidsml.app.provenance import combined_digest, effective_toml, make_provenance, run_record
from bidsml.app.readiness import Say, account_for, usable_manifests
from bidsml.app.status import RunStatus
from bidsml.bids.derivative import write_dataset_files
from bidsml.bids.manifest import manifest_path
from bidsml.bids.modelfiles import MODEL_JSON, read_model
from bidsml.bids.references import reference_files
from bidsml.bids.store import write_json, write_record, write_text
from bidsml.errors import UsageError
from bidsml.graph.application import ApplyPlan, init_apply_wf
from bidsml.graph.run import Progress
from bidsml.spec import AnalysisSpec, RunOptions, referenced_columns
from bidsml.steps.application import check_features


def run_external(spec: AnalysisSpec, options: RunOptions, *, say: Say, progress: Progress | None) -> RunStatus:
    """Apply the model of ``options.apply`` to what the participant level has published.

    Raises
    ------
    DataError
        The model is damaged, a pickle, made from other features, or was trained on some of the participants.
    BidsmlError
        Anything else that keeps the model from being judged.
    """
    if options.apply is None:
        raise UsageError("no model was named", hint="give its folder with --apply")
    check_run(spec, options)
    report = f"group-{spec.name}_desc-external.html"
    with planning_folder(options) as work_dir:
        plan = plan_application(spec, options, options.apply, say, work_dir=work_dir)
        graph = init_apply_wf(
            plan,
            spec,
            bids_dir=options.bids_dir,
            output_dir=options.output_dir,
            work_dir=work_dir,
            derivatives=options.derivatives,
            seed=options.random_seed,
            n_threads=min(options.omp_nthreads, options.nprocs),
        )
        if options.dry_run:
            outputs = [f"group/{spec.name}/external/", report]
            show_plan(graph, options, inputs=[*plan.model, *plan.manifests], outputs=outputs, say=say)
            return RunStatus("group", spec.name, 0, notes=("dry run: nothing was computed",))
    write_dataset_files(options.output_dir, bids_dir=options.bids_dir, derivatives=options.derivatives)
    outcome = execute(graph, options, name=f"apply_{spec.name}", progress=progress)
    return conclude(outcome, spec, options, failed=plan.failed, report=report)


def plan_application(spec: AnalysisSpec, options: RunOptions, model: Path, say: Say, *, work_dir: Path) -> ApplyPlan:
    """Check the model and the participants' manifests; write what the graph starts from."""
    frozen, digest = read_model(model)
    check_features(frozen.card, spec)
    say(f"model: {frozen.card.estimator} of analysis {frozen.card.analysis}, bidsml {frozen.card.version}")
    manifests = usable_manifests(spec, options)
    participants, failed = account_for(spec, options, manifests, say)
    paths = [manifest_path(options.output_dir, label) for label in manifests]
    inputs = {"model": digest, "participant manifests": combined_digest(paths)}
    provenance = make_provenance(spec, options, inputs=inputs)
    start = work_dir / "inputs" / f"apply_{spec.name}"
    tables = reference_files(
        referenced_columns(spec),
        bids_dir=options.bids_dir,
        derivatives=options.derivatives,
        participants=participants,
    )
    first = next(iter(manifests.values())).analyses[spec.name]
    size = sum((options.output_dir / record).stat().st_size for record in first.features.values())
    files = sorted(path for path in model.iterdir() if path.is_file() and path.name != MODEL_JSON)
    return ApplyPlan(
        model=(model / MODEL_JSON, *files),
        participants=participants,
        manifests=tuple(paths),
        tables=tables,
        failed=failed,
        analysis=write_text(start / "analysis.json", spec.model_dump_json()),
        analysis_toml=write_text(start / "analysis.toml", effective_toml(spec)),
        provenance=write_record(start / "provenance.npz", provenance),
        run=write_json(start / "run.json", run_record(spec, options, provenance)),
        feature_gb=size * len(manifests) / 1e9,
    )
