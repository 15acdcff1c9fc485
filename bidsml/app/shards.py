"""One job among several that draw the permutations of a group analysis."""

from dataclasses import replace

from bidsml.app.check import check_run
from bidsml.app.execution import execute, show_plan, work_folder
from bidsml.app.group_level import dry_status, plan_group
from bidsml.app.readiness import Say
from bidsml.app.status import RunStatus
from bidsml.bids.workfolder import prepare_work_folder
from bidsml.graph.group import init_shard_wf
from bidsml.graph.run import Progress
from bidsml.spec import AnalysisSpec, RunOptions


def run_shard(spec: AnalysisSpec, options: RunOptions, *, say: Say, progress: Progress | None) -> RunStatus:
    """Draw one shard and leave it in the work folder that all share; nothing is published.

    The job's own nodes work in a folder below that one: jobs that run at the same time must not share theirs.

    Raises
    ------
    BidsmlError
        Whatever keeps the shard from being drawn.
    """
    check_run(spec, options)
    shard = options.shard or 1
    own = replace(options, work_dir=options.work_dir / f"shard-{shard}")
    name = f"group_{spec.name}"
    if not options.dry_run:
        prepare_work_folder(options.work_dir, bids_dir=options.bids_dir)
    with work_folder(spec, own, graph=name) as work_dir:
        plan = plan_group(spec, options, say, name=name, work_dir=work_dir)
        graph = init_shard_wf(plan, spec, shard)
        if options.dry_run:
            show_plan(graph, own, inputs=plan.inputs.manifests, outputs=[plan.shards], say=say)
            return dry_status(spec)
        outcome = execute(graph, own, name=name, progress=progress)
    if outcome.failures:
        raise outcome.failures[0].error
    drawn = f"shard {shard} of {options.shards} is drawn; when all are, run the same command without --shard"
    return RunStatus("group", spec.name, 0, notes=(drawn,))
