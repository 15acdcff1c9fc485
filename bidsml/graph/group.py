"""The group graph: assemble, audit and split; cross-validate and permute in parallel; gather; publish."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nipype import Node, Workflow

from bidsml.bids.derivative import dataset_name
from bidsml.bids.references import resolve_atlas
from bidsml.extension import ESTIMATORS, used_plugins
from bidsml.graph.inputs import GroupInputs
from bidsml.graph.node import connect_list, make_node
from bidsml.learn.ablation import plan_arms
from bidsml.spec import AnalysisSpec
from bidsml.steps.ablation import cross_validate_blocks
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
    learning
        The analysis as JSON without the number of draws, so that more draws leave the folds, the
        cross-validation and what it rests on as they are.
    study
        The effective study.toml; empty where nothing is told.
    history
        JSON of what the input's own files say of how they were made, for the audit.
    n_chunks
        Into how many nodes the permutations of one estimator and design are divided; the result does not
        depend on it.
    shards
        Folder in which jobs leave the chunks that they drew for each other; empty where one job draws all.
    """

    inputs: GroupInputs
    designs: tuple[str, ...]
    learning: Path
    study: Path
    history: Path
    n_chunks: int
    shards: str = ""

    @property
    def learn_gb(self) -> float:
        """Peak memory of a node that learns."""
        return 0.5 + 6 * self.inputs.feature_gb

    @property
    def light_gb(self) -> float:
        """Peak memory of a node that holds the features once."""
        return 1.0 + self.inputs.feature_gb


class _Trunk:
    """What every node that learns stands on: the study, its folds, and an audit that has passed."""

    def __init__(self, workflow: Workflow, plan: GroupPlan, spec: AnalysisSpec) -> None:
        self.workflow, self.plan = workflow, plan
        self.plugins = used_plugins({ESTIMATORS: {estimator.kind for estimator in spec.estimators}})
        inputs, learning = plan.inputs, str(plan.learning)
        files = [*inputs.manifests, *inputs.tables]
        self.study = make_node(assemble_study, "assemble", mem_gb=plan.learn_gb, depends_on=files)
        self.study.inputs.trait_set(analysis=learning, atlases=_atlases(inputs, spec), **inputs.sources())
        self.folds = make_node(split, "split", mem_gb=0.5 + inputs.feature_gb)
        self.folds.inputs.trait_set(analysis=learning, seed=inputs.seed)
        self.audit = make_node(audit, "audit", mem_gb=plan.learn_gb)
        self.audit.inputs.history = str(plan.history)
        workflow.connect(self.study, "out", self.folds, "study")
        workflow.connect(self.study, "out", self.audit, "study")
        workflow.connect(self.folds, "out", self.audit, "folds")

    def carry(self, node: Node) -> Node:
        """Connect a node. Nothing learns before the audit has passed, although only study and folds are handed on."""
        for source, name in ((self.study, "study"), (self.folds, "folds"), (self.audit, "depends_on")):
            self.workflow.connect(source, "out", node, name)
        return node

    def add_learner(self, step: Callable[..., Path], name: str, **settings: Any) -> Node:
        """Make and connect a node that learns with the seed and the threads of the run."""
        inputs = self.plan.inputs
        node = make_node(step, name, mem_gb=self.plan.learn_gb, n_threads=inputs.n_threads, plugins=self.plugins)
        node.inputs.trait_set(analysis=str(self.plan.learning), seed=inputs.seed, **settings)
        return self.carry(node)


def init_group_wf(plan: GroupPlan, spec: AnalysisSpec) -> Workflow:
    """Build the group graph."""
    inputs = plan.inputs
    workflow = inputs.init_workflow("group", spec.name)
    trunk = _Trunk(workflow, plan, spec)
    cv = _cross_validations(trunk, spec)
    nulls = _permutations(trunk, spec)
    gather = trunk.carry(make_node(gather_result, "gather", mem_gb=plan.learn_gb))
    gather.inputs.trait_set(
        analysis=str(inputs.analysis),
        provenance=str(inputs.provenance),
        seed=inputs.seed,
        atlases=_atlases(inputs, spec),
    )
    workflow.connect(trunk.audit, "out", gather, "audited")
    connect_list(workflow, cv, gather, "cv")
    connect_list(workflow, nulls, gather, "nulls")
    # Fitted on everyone beside the cross-validation, and on less and less of everyone behind it.
    frozen = trunk.add_learner(freeze_model, "freeze", dataset=dataset_name(inputs.bids_dir))
    curve = trunk.add_learner(learning_curve_step, "learning_curve")
    workflow.connect(cv[0], "out", curve, "cv")
    evaluated = make_node(evaluate, "evaluate", mem_gb=plan.light_gb)
    evaluated.inputs.trait_set(analysis=str(plan.learning), seed=inputs.seed)
    workflow.connect(gather, "out", evaluated, "result")
    workflow.connect(curve, "out", evaluated, "curve")
    connect_list(workflow, _ablations(trunk, spec), evaluated, "arms")
    publish = make_node(publish_group, "publish", mem_gb=plan.light_gb, always=True)
    publish.inputs.trait_set(**inputs.destination(), study_toml=str(plan.study))
    workflow.connect(evaluated, "out", publish, "result")
    workflow.connect(frozen, "out", publish, "frozen")
    return workflow


def init_shard_wf(plan: GroupPlan, spec: AnalysisSpec, shard: int) -> Workflow:
    """Build the graph of one job among ``plan.n_chunks`` that draw permutations: ``shard`` counts from 1."""
    workflow = plan.inputs.init_workflow("group", spec.name)
    _permutations(_Trunk(workflow, plan, spec), spec, shard=shard)
    return workflow


def _atlases(inputs: GroupInputs, spec: AnalysisSpec) -> str:
    names = dict.fromkeys(feature.atlas for feature in spec.features if feature.atlas)
    found = {name: resolve_atlas(name, bids_dir=inputs.bids_dir, derivatives=inputs.derivatives) for name in names}
    return json.dumps(found)


def _validations(plan: GroupPlan, spec: AnalysisSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every estimator on every design: the name's part for it, and the settings; the first on the default first."""
    for index, estimator in enumerate(spec.estimators):
        for number, design in enumerate(plan.designs):
            name = "_".join([estimator.kind, *estimator.features]).replace("-", "_")
            yield f"{name}_{number}", {"estimator": index, "design": design}


def _cross_validations(trunk: _Trunk, spec: AnalysisSpec) -> list[Node]:
    """One node per estimator, design and model; the first estimator's biomarker on the default design first."""
    models = [model for model in MODELS if spec.nuisance.baseline or "nuisance" not in model]
    return [
        trunk.add_learner(cross_validate_model, f"cv_{name}_{model.replace('+', '_')}", model=model, **settings)
        for name, settings in _validations(trunk.plan, spec)
        for model in models
    ]


def _ablations(trunk: _Trunk, spec: AnalysisSpec) -> list[Node]:
    """One node per set of blocks that the first estimator is evaluated on beside all of them."""
    design = trunk.plan.designs[0]
    return [
        trunk.add_learner(cross_validate_blocks, f"blocks_{number:02d}", blocks=json.dumps(blocks), design=design)
        for number, blocks in enumerate(plan_arms(spec))
    ]


def _permutations(trunk: _Trunk, spec: AnalysisSpec, *, shard: int | None = None) -> list[Node]:
    """One node per estimator, design and chunk of draws, or only those of the chunk ``shard``, counted from 1."""
    parts = list(enumerate(chunks(spec.inference.permutations, trunk.plan.n_chunks), start=1))
    return [
        trunk.add_learner(
            permute_chunk,
            f"permute_{name}_{number:03d}",
            draws=json.dumps(draws),
            shards=trunk.plan.shards,
            # Weights are shown for the default design only.
            patterns=spec.inference.patterns and settings["design"] == trunk.plan.designs[0],
            **settings,
        )
        for name, settings in _validations(trunk.plan, spec)
        for number, draws in parts
        if shard in (None, number)
    ]


def chunks(n_draws: int, n_chunks: int) -> list[tuple[int, int]]:
    """Divide draws ``0 … n_draws − 1`` into at most ``n_chunks`` contiguous runs: ``(first, count)`` each."""
    n_chunks = min(n_draws, n_chunks)
    bounds = [n_draws * i // n_chunks for i in range(n_chunks + 1)] if n_chunks else [0]
    return [(low, high - low) for low, high in pairwise(bounds)]
