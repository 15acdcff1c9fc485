"""The part of a participant's graph that preprocesses raw images, publishes and shows what came of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nipype import Merge, Node, Workflow

from bidsml.bids.store import write_record
from bidsml.graph.anatomical import init_anatomical_wf
from bidsml.graph.functional import init_functional_wf
from bidsml.graph.functional import workflow_name as run_name
from bidsml.graph.node import connect_list, make_node, nth
from bidsml.records import RawBold, RawSession
from bidsml.spec import PreprocessSpec
from bidsml.steps.anatomical import warp_tissues
from bidsml.steps.preprocessed import check_session, hand_on_scan, publish_anatomy, publish_run
from bidsml.steps.views import gather_preprocessing, view_alignment, view_anatomy
from bidsml.templates import ChosenTemplate

LIGHT_GB = 0.5
IMAGE_GB = 1.0


@dataclass(frozen=True)
class Preprocessed:
    """Nodes that the rest of a participant's graph takes from.

    Attributes
    ----------
    scans
        Each gives the record of a published BOLD run's :class:`~bidsml.records.Scan`.
    anatomies
        Graphs of T1w images, with an ``outputnode``; see :func:`~bidsml.graph.anatomical.init_anatomical_wf`.
    gathered
        Gives the record of :class:`~bidsml.records.Preprocessing`.
    """

    scans: tuple[Node, ...]
    anatomies: tuple[Workflow, ...]
    gathered: Node


@dataclass
class _Reports:
    """Nodes whose records :func:`~bidsml.steps.views.gather_preprocessing` takes, by its inputs."""

    published: list[Node] = field(default_factory=list)
    anatomical: list[tuple[Workflow, str]] = field(default_factory=list)
    anatomy: list[Node] = field(default_factory=list)
    functional: list[tuple[Workflow, str]] = field(default_factory=list)
    alignment: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class RawGraph:
    """Builds the preprocessing of one participant into a workflow.

    Attributes
    ----------
    inputs
        Folder for the records that nodes start from.
    """

    workflow: Workflow
    spec: PreprocessSpec
    template: ChosenTemplate
    inputs: Path
    bids_dir: Path
    output_dir: Path
    n_threads: int

    def add(self, sessions: Sequence[RawSession]) -> Preprocessed:
        """Add all sessions; those that share their T1w images share the anatomical graph."""
        reports = _Reports()
        anatomies: dict[tuple[Path, ...], Workflow] = {}
        scans: list[Node] = []
        for number, session in enumerate(map(self._choose_t1w, sessions)):
            record = write_record(self.inputs / f"session-{number}.npz", session)
            check = make_node(check_session, f"check_{number}", mem_gb=LIGHT_GB, depends_on=session.files)
            check.inputs.session = str(record)
            if session.t1w and session.t1w not in anatomies:
                anatomies[session.t1w] = self._add_anatomy(session, record, check, reports, len(anatomies))
            for run in session.bold:
                scans.append(self._add_run(run, check, anatomies.get(session.t1w), reports))
        return Preprocessed(tuple(scans), tuple(anatomies.values()), self._gather(reports))

    def _choose_t1w(self, session: RawSession) -> RawSession:
        """Leave out the T1w images that nothing is made from."""
        return session if self.spec.t1w == "average" else replace(session, t1w=session.t1w[:1])

    def _add_anatomy(self, session: RawSession, record: Path, check: Node, reports: _Reports, number: int) -> Workflow:
        anatomy = init_anatomical_wf(session, self.spec, template=self.template, n_threads=self.n_threads)
        anatomy.name = f"anatomical_{number}"
        self.workflow.connect(check, "out", anatomy, "conform_t1w.depends_on")
        native = self._merge(f"native_{number}", [(anatomy, f"outputnode.{n}") for n in ("preproc", "mask", "probseg")])
        tissues = make_node(warp_tissues, f"warp_tissues_{number}", mem_gb=IMAGE_GB, n_threads=self.n_threads)
        tissues.inputs.trait_set(template=str(self.template.t1w), n_threads=self.n_threads)
        self.workflow.connect(anatomy, "outputnode.probseg", tissues, "tissues")
        self.workflow.connect(anatomy, "outputnode.forward", tissues, "forward")
        publish = self._publisher(publish_anatomy, f"publish_anatomy_{number}")
        publish.inputs.session = str(record)
        publish.inputs.sources = [str(path) for path in session.t1w]
        self.workflow.connect(native, "out", publish, "native")
        ends = [(anatomy, f"outputnode.{name}") for name in ("forward", "inverse")]
        self.workflow.connect(self._merge(f"transforms_{number}", ends), "out", publish, "transforms")
        normalised = [(anatomy, "outputnode.template_t1w"), (tissues, "out"), (anatomy, ("outputnode.density", nth, 0))]
        self.workflow.connect(self._merge(f"normalised_{number}", normalised), "out", publish, "normalised")
        view = make_node(view_anatomy, f"view_anatomy_{number}", mem_gb=IMAGE_GB)
        view.inputs.session = str(record)
        self.workflow.connect(native, "out", view, "native")
        aligned = self._view(f"view_template_{number}", [session.label, "T1w", self.template.space])
        self.workflow.connect(anatomy, "outputnode.template_t1w", aligned, "moving")
        reports.published.append(publish)
        reports.anatomical.append((anatomy, "outputnode.qc"))
        reports.anatomy.append(view)
        reports.alignment.append(aligned)
        return anatomy

    def _add_run(self, run: RawBold, check: Node, anatomy: Workflow | None, reports: _Reports) -> Node:
        """Preprocess, publish and show one run; returns the node that gives its scan."""
        name = run_name(run)
        record = write_record(self.inputs / f"{name}.npz", run)
        bold = init_functional_wf(
            run,
            self.spec,
            record=record,
            template=self.template,
            has_t1w=anatomy is not None,
            n_threads=self.n_threads,
        )
        self.workflow.connect(check, "out", bold, "prepare_bold.depends_on")
        if anatomy is not None:
            pairs = {"preproc": "t1w", "mask": "mask", "probseg": "probseg", "forward": "forward"}
            for source, target in pairs.items():
                self.workflow.connect(anatomy, f"outputnode.{source}", bold, f"inputnode.{target}")
        publish = self._publisher(publish_run, f"publish_{name}")
        publish.inputs.record = str(record)
        for target, fields in {
            "resampled": ("bold", "boldref", "mask"),
            "confounds": ("confounds", "confounds_json"),
            "transforms": ("coreg",),
        }.items():
            merged = self._merge(f"{target}_{name}", [(bold, f"outputnode.{one}") for one in fields])
            self.workflow.connect(merged, "out", publish, target)
        self.workflow.connect(bold, "outputnode.qc", publish, "qc")
        aligned = self._view(f"view_{name}", [run.label, "BOLD reference", self.template.space])
        self.workflow.connect(bold, "outputnode.boldref", aligned, "moving")
        scan = make_node(hand_on_scan, f"scan_{name}", mem_gb=LIGHT_GB)
        self.workflow.connect(publish, "out", scan, "published")
        reports.published.append(publish)
        reports.functional.append((bold, "outputnode.qc"))
        reports.alignment.append(aligned)
        return scan

    def _publisher(self, step: Any, name: str) -> Node:
        """Make a node that writes into the output folder, changed or not."""
        node = make_node(step, name, mem_gb=IMAGE_GB, always=True)
        node.inputs.trait_set(space=self.template.space, bids_dir=str(self.bids_dir), output=str(self.output_dir))
        return node

    def _view(self, name: str, names: list[str]) -> Node:
        """Make a node that shows an image of template space on the template."""
        node = make_node(view_alignment, name, mem_gb=IMAGE_GB)
        node.inputs.trait_set(
            fixed=str(self.template.t1w),
            brain=str(self.template.mask),
            transforms=[],
            names=json.dumps(names),
            similarity="{}",
        )
        return node

    def _merge(self, name: str, sources: Sequence[tuple[Any, Any]]) -> Node:
        """Join outputs, lists or not, to one list."""
        merge = Node(Merge(len(sources)), name=name, run_without_submitting=True)
        for number, (source, output) in enumerate(sources, start=1):
            self.workflow.connect(source, output, merge, f"in{number}")
        return merge

    def _gather(self, reports: _Reports) -> Node:
        gather = make_node(gather_preprocessing, "gather_preprocessing", mem_gb=LIGHT_GB)
        for name in ("published", "anatomy", "alignment"):
            connect_list(self.workflow, getattr(reports, name), gather, name)
        for name in ("anatomical", "functional"):
            sources = getattr(reports, name)
            if sources:
                self.workflow.connect(self._merge(f"gather_{name}", sources), "out", gather, name)
        return gather
