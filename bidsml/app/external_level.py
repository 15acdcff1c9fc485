"""The group level with ``--apply``: judge a frozen biomarker on this dataset; nothing of it is fitted again."""

from pathlib import Path

from bidsml.app.check import check_run
from bidsml.app.execution import show_plan, work_folder
from bidsml.app.group_level import dry_status, run_and_conclude
from bidsml.app.inputs import gather_inputs
from bidsml.app.readiness import Say, account_for, usable_manifests
from bidsml.app.status import RunStatus
from bidsml.bids.modelfiles import MODEL_JSON, read_model
from bidsml.errors import UsageError
from bidsml.graph.application import ApplyPlan, init_apply_wf
from bidsml.graph.run import Progress
from bidsml.spec import AnalysisSpec, RunOptions
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
    name, report = f"apply_{spec.name}", f"group-{spec.name}_desc-external.html"
    with work_folder(spec, options, graph=name) as work_dir:
        plan = plan_application(spec, options, options.apply, say, name=name, work_dir=work_dir)
        graph = init_apply_wf(plan, spec)
        if options.dry_run:
            outputs = [f"group/{spec.name}/external/", report]
            show_plan(graph, options, inputs=[*plan.model, *plan.inputs.manifests], outputs=outputs, say=say)
            return dry_status(spec)
        failed = plan.inputs.failed
        return run_and_conclude(graph, spec, options, name=name, failed=failed, report=report, progress=progress)


def plan_application(
    spec: AnalysisSpec, options: RunOptions, model: Path, say: Say, *, name: str, work_dir: Path
) -> ApplyPlan:
    """Check the model and the participants' manifests; write what the graph starts from."""
    frozen, digest = read_model(model)
    check_features(frozen.card, spec)
    say(f"model: {frozen.card.estimator} of analysis {frozen.card.analysis}, bidsml {frozen.card.version}")
    manifests = usable_manifests(spec, options)
    participants, failed = account_for(spec, options, manifests, say)
    inputs = gather_inputs(
        spec,
        options,
        manifests,
        participants=participants,
        failed=failed,
        graph=name,
        digests={"model": digest},
        work_dir=work_dir,
    )
    files = sorted(path for path in model.iterdir() if path.is_file() and path.name != MODEL_JSON)
    return ApplyPlan(inputs, (model / MODEL_JSON, *files))
