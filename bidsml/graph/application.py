"""The graph that applies a frozen biomarker: assemble the people, predict and judge, publish."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nipype import Workflow

from bidsml.bids.derivative import dataset_name
from bidsml.graph.node import make_node
from bidsml.spec import AnalysisSpec
from bidsml.steps.application import apply_model, assemble_newcomers, publish_external


@dataclass(frozen=True)
class ApplyPlan:
    """What the graph is built from; see :class:`~bidsml.graph.group.GroupPlan`.

    Attributes
    ----------
    model
        Files of the model's folder, ``model.json`` first.
    """

    model: tuple[Path, ...]
    participants: tuple[str, ...]
    manifests: tuple[Path, ...]
    tables: tuple[Path, ...]
    failed: Mapping[str, str]
    analysis: Path
    analysis_toml: Path
    provenance: Path
    run: Path
    feature_gb: float


def init_apply_wf(
    plan: ApplyPlan,
    spec: AnalysisSpec,
    *,
    bids_dir: Path,
    output_dir: Path,
    work_dir: Path,
    derivatives: Mapping[str, Path],
    seed: int,
    n_threads: int,
) -> Workflow:
    """Build the graph; parameters as :func:`bidsml.graph.group.init_group_wf`."""
    workflow = Workflow(name=f"apply_{spec.name.replace('-', '_')}", base_dir=str(work_dir))
    mem_gb = 0.5 + 4 * plan.feature_gb
    assemble = make_node(
        assemble_newcomers, "assemble", mem_gb=mem_gb, depends_on=[*plan.model, *plan.manifests, *plan.tables]
    )
    assemble.inputs.trait_set(
        model=str(plan.model[0]),
        analysis=str(plan.analysis),
        output=str(output_dir),
        bids_dir=str(bids_dir),
        derivatives=json.dumps({name: str(path) for name, path in sorted(derivatives.items())}),
        participants=json.dumps(sorted(plan.participants)),
        failed=json.dumps(dict(sorted(plan.failed.items()))),
        dataset=dataset_name(bids_dir),
    )
    judge = make_node(apply_model, "apply", mem_gb=mem_gb, n_threads=n_threads, depends_on=plan.model)
    judge.inputs.trait_set(
        model=str(plan.model[0]), analysis=str(plan.analysis), provenance=str(plan.provenance), seed=seed
    )
    workflow.connect(assemble, "out", judge, "newcomers")
    publish = make_node(publish_external, "publish", mem_gb=1.0 + plan.feature_gb, always=True)
    publish.inputs.trait_set(analysis_toml=str(plan.analysis_toml), run=str(plan.run), output=str(output_dir))
    workflow.connect(judge, "out", publish, "result")
    return workflow
