"""The group graph: assemble, audit and split; cross-validate and permute in parallel; gather; publish."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from nipype import Node, Workflow

from bidsml.bids.derivative import dataset_name
from bidsml.bids.references import resolve_atlas
from bidsml.graph.node import connect_list, make_node
from bidsml.spec import AnalysisSpec
from bidsml.steps.assembly import assemble_study
from bidsml.steps.curves import evaluate, learning_curve_step
from bidsml.steps.freezing import freeze_model
from bidsml.steps.group import (
    audit,
    cross_validate_model,
    gather_result,
    permute_chunk,
    split,
)
from bidsml.steps.publication import publish_group

MODELS = ("biomarker", "nuisance", "nuisance+biomarker", "majority")


@dataclass(frozen=True)
class GroupPlan:
    """What the group graph is built from.

    Attributes
    ----------
    designs
        Validation designs, the default first.
    manifests
        Done-manifests of the participants: their content decides whether the cohort is assembled again.
    failed
        Why a participant has no features, by label.
    analysis, analysis_toml, provenance, run
        Files in the work folder: the effective analysis as JSON and as TOML, the provenance record, ``run.json``.
    learning
        The analysis as JSON without the number of draws, so that more draws leave the folds, the
        cross-validation and what it rests on as they are.
    history
        JSON of what the input's own files say of how they were made, for the audit.
    feature_gb
        Size of the feature matrix in memory.
    """

    designs: tuple[str, ...]
    participants: tuple[str, ...]
    manifests: tuple[Path, ...]
    tables: tuple[Path, ...]
    failed: Mapping[str, str]
    analysis: Path
    learning: Path
    analysis_toml: Path
    provenance: Path
    run: Path
    history: Path
    feature_gb: float


def init_group_wf(
    plan: GroupPlan,
    spec: AnalysisSpec,
    *,
    bids_dir: Path,
    output_dir: Path,
    work_dir: Path,
    derivatives: Mapping[str, Path],
    seed: int,
    n_chunks: int,
    n_threads: int,
) -> Workflow:
    """Build the group graph.

    Parameters
    ----------
    n_chunks
        Into how many nodes the permutations of one estimator and design are divided; the result does not
        depend on it.
    n_threads
        Threads of the linear algebra in one learning node.
    """
    workflow = Workflow(name=f"group_{spec.name.replace('-', '_')}", base_dir=str(work_dir))
    learn_gb = 0.5 + 6 * plan.feature_gb
    assemble = make_node(assemble_study, "assemble", mem_gb=learn_gb, depends_on=[*plan.manifests, *plan.tables])
    assemble.inputs.analysis = plan.learning
    assemble.inputs.output = str(output_dir)
    assemble.inputs.bids_dir = str(bids_dir)
    assemble.inputs.derivatives = json.dumps({name: str(path) for name, path in sorted(derivatives.items())})
    assemble.inputs.participants = json.dumps(sorted(plan.participants))
    assemble.inputs.failed = json.dumps(dict(sorted(plan.failed.items())))
    folds = make_node(split, "split", mem_gb=0.5 + plan.feature_gb)
    folds.inputs.trait_set(analysis=str(plan.learning), seed=seed)
    audited = make_node(audit, "audit", mem_gb=learn_gb)
    workflow.connect(assemble, "out", folds, "study")
    audited.inputs.history = str(plan.history)
    workflow.connect(assemble, "out", audited, "study")
    workflow.connect(folds, "out", audited, "folds")
    trunk = (assemble, folds, audited)
    cv = _cross_validations(workflow, trunk, plan, spec, learn_gb=learn_gb, n_threads=n_threads, seed=seed)
    nulls = _permutations(
        workflow, trunk, plan, spec, learn_gb=learn_gb, n_threads=n_threads, seed=seed, n_chunks=n_chunks
    )
    gather = make_node(gather_result, "gather", mem_gb=learn_gb)
    gather.inputs.trait_set(analysis=str(plan.analysis), provenance=str(plan.provenance), seed=seed)
    names = dict.fromkeys(feature.atlas for feature in spec.features if feature.atlas)
    gather.inputs.atlases = json.dumps([resolve_atlas(n, bids_dir=bids_dir, derivatives=derivatives) for n in names])
    _connect_trunk(workflow, trunk, gather)
    workflow.connect(audited, "out", gather, "audited")
    connect_list(workflow, cv, gather, "cv")
    connect_list(workflow, nulls, gather, "nulls")
    publish = make_node(publish_group, "publish", mem_gb=1.0 + plan.feature_gb, always=True)
    publish.inputs.trait_set(analysis_toml=str(plan.analysis_toml), run=str(plan.run), output=str(output_dir))
    evaluated = _evaluation(
        workflow, trunk, plan, cv=cv[0], gather=gather, learn_gb=learn_gb, n_threads=n_threads, seed=seed
    )
    workflow.connect(evaluated, "out", publish, "result")
    frozen = _frozen(workflow, trunk, plan, bids_dir=bids_dir, learn_gb=learn_gb, n_threads=n_threads, seed=seed)
    workflow.connect(frozen, "out", publish, "frozen")
    return workflow


def _evaluation(
    workflow: Workflow,
    trunk: tuple[Node, Node, Node],
    plan: GroupPlan,
    *,
    cv: Node,
    gather: Node,
    learn_gb: float,
    n_threads: int,
    seed: int,
) -> Node:
    """Learning curve of the first cross-validation; then calibration, utility and subgroups of the gathered result."""
    curve = make_node(learning_curve_step, "learning_curve", mem_gb=learn_gb, n_threads=n_threads)
    curve.inputs.trait_set(analysis=str(plan.learning), seed=seed)
    _connect_trunk(workflow, trunk, curve)
    workflow.connect(cv, "out", curve, "cv")
    evaluated = make_node(evaluate, "evaluate", mem_gb=1.0 + plan.feature_gb)
    evaluated.inputs.trait_set(analysis=str(plan.learning), seed=seed)
    workflow.connect(gather, "out", evaluated, "result")
    workflow.connect(curve, "out", evaluated, "curve")
    return evaluated


def _frozen(
    workflow: Workflow,
    trunk: tuple[Node, Node, Node],
    plan: GroupPlan,
    *,
    bids_dir: Path,
    learn_gb: float,
    n_threads: int,
    seed: int,
) -> Node:
    """Fit the first estimator's biomarker on everyone, beside the cross-validation."""
    node = make_node(freeze_model, "freeze", mem_gb=learn_gb, n_threads=n_threads)
    node.inputs.trait_set(analysis=str(plan.learning), dataset=dataset_name(bids_dir), seed=seed)
    _connect_trunk(workflow, trunk, node)
    return node


def _cross_validations(
    workflow: Workflow,
    trunk: tuple[Node, Node, Node],
    plan: GroupPlan,
    spec: AnalysisSpec,
    *,
    learn_gb: float,
    n_threads: int,
    seed: int,
) -> list[Node]:
    """One node per estimator, model and design; the first estimator's biomarker on the default design first."""
    models = [m for m in MODELS if spec.nuisance.baseline or "nuisance" not in m]
    nodes = []
    for index, estimator in enumerate(spec.estimators):
        for design_number, design in enumerate(plan.designs):
            for model in models:
                name = f"cv_{estimator.kind}_{design_number}_{model.replace('+', '_')}"
                node = make_node(cross_validate_model, name, mem_gb=learn_gb, n_threads=n_threads)
                node.inputs.trait_set(
                    analysis=str(plan.learning), estimator=index, model=model, design=design, seed=seed
                )
                _connect_trunk(workflow, trunk, node)
                nodes.append(node)
    return nodes


def _permutations(
    workflow: Workflow,
    trunk: tuple[Node, Node, Node],
    plan: GroupPlan,
    spec: AnalysisSpec,
    *,
    learn_gb: float,
    n_threads: int,
    seed: int,
    n_chunks: int,
) -> list[Node]:
    """One node per estimator, design and chunk of draws."""
    nodes = []
    for index, estimator in enumerate(spec.estimators):
        for design_number, design in enumerate(plan.designs):
            for chunk, (first, count) in enumerate(chunks(spec.inference.permutations, n_chunks)):
                name = f"permute_{estimator.kind}_{design_number}_{chunk:03d}"
                node = make_node(permute_chunk, name, mem_gb=learn_gb, n_threads=n_threads)
                node.inputs.trait_set(
                    analysis=str(plan.learning),
                    estimator=index,
                    design=design,
                    first_draw=first,
                    n_draws=count,
                    seed=seed,
                )
                _connect_trunk(workflow, trunk, node)
                nodes.append(node)
    return nodes


def chunks(n_draws: int, n_chunks: int) -> list[tuple[int, int]]:
    """Divide draws ``0 … n_draws − 1`` into at most ``n_chunks`` contiguous runs: ``(first, count)`` each."""
    n_chunks = min(n_draws, n_chunks)
    bounds = [n_draws * i // n_chunks for i in range(n_chunks + 1)] if n_chunks else [0]
    return [(low, high - low) for low, high in pairwise(bounds)]


def _connect_trunk(workflow: Workflow, trunk: tuple[Node, Node, Node], node: Node) -> None:
    """Nothing learns before the audit has passed, although only the study and the folds are handed on."""
    for source, name in zip(trunk, ("study", "folds", "depends_on"), strict=True):
        workflow.connect(source, "out", node, name)
