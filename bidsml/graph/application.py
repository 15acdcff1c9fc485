"""The graph that applies a frozen biomarker: assemble the people, predict and judge, publish."""

from dataclasses import dataclass
from pathlib import Path

from nipype import Workflow

from bidsml.bids.derivative import dataset_name
from bidsml.extension import ESTIMATORS, used_plugins
from bidsml.graph.inputs import GroupInputs
from bidsml.graph.node import make_node
from bidsml.spec import AnalysisSpec
from bidsml.steps.application import apply_model, assemble_newcomers, publish_external


@dataclass(frozen=True)
class ApplyPlan:
    """What the graph is built from.

    Attributes
    ----------
    model
        Files of the model's folder, ``model.json`` first.
    """

    inputs: GroupInputs
    model: tuple[Path, ...]


def init_apply_wf(plan: ApplyPlan, spec: AnalysisSpec) -> Workflow:
    """Build the graph that applies a frozen biomarker."""
    inputs, model = plan.inputs, str(plan.model[0])
    workflow = inputs.init_workflow("apply", spec.name)
    mem_gb = 0.5 + 4 * inputs.feature_gb
    files = [*plan.model, *inputs.manifests, *inputs.tables]
    assemble = make_node(assemble_newcomers, "assemble", mem_gb=mem_gb, depends_on=files)
    assemble.inputs.trait_set(
        model=model, analysis=str(inputs.analysis), dataset=dataset_name(inputs.bids_dir), **inputs.sources()
    )
    plugins = used_plugins({ESTIMATORS: {estimator.kind for estimator in spec.estimators}})
    judge = make_node(
        apply_model, "apply", mem_gb=mem_gb, n_threads=inputs.n_threads, depends_on=plan.model, plugins=plugins
    )
    judge.inputs.trait_set(
        model=model, analysis=str(inputs.analysis), provenance=str(inputs.provenance), seed=inputs.seed
    )
    workflow.connect(assemble, "out", judge, "newcomers")
    publish = make_node(publish_external, "publish", mem_gb=1.0 + inputs.feature_gb, always=True)
    publish.inputs.trait_set(**inputs.destination())
    workflow.connect(judge, "out", publish, "result")
    return workflow
