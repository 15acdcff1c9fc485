"""The participant graph: for each participant, scans to signals, signals to features, features to disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nipype import Merge, Node, Workflow

from bidsml.bids.references import atlas_files, resolve_atlas
from bidsml.bids.store import write_record
from bidsml.extension import FEATURES, used_plugins
from bidsml.features import modality_of, reads_anatomy, reads_tables, reads_task, reads_voxels
from bidsml.graph.modality import make_modality_readers, what_is_read
from bidsml.graph.node import connect_list, make_node, nth
from bidsml.graph.raw import Preprocessed, RawGraph
from bidsml.records import Provenance, RawSession, Scan
from bidsml.spec import AnalysisSpec, FeatureSpec, column_name, features_digest
from bidsml.steps.anatomical import read_anatomy
from bidsml.steps.participant import extract_features, publish_participant, read_row, read_scan
from bidsml.steps.task import fit_task, publish_task
from bidsml.steps.voxels import map_voxels, publish_maps
from bidsml.templates import ChosenTemplate

READ_GB = 2.0
TASK_GB = 3.0
# 4 bytes x voxels x volumes, and blocks: a 2 mm brain and 1,200 volumes.
VOXELS_GB = 2.0
LIGHT_GB = 0.5


@dataclass(frozen=True)
class ParticipantPlan:
    """What one participant brings to the graph.

    Attributes
    ----------
    scans
        Imaging scans, all of one kind; empty when only tables are used.
    table
        The scan of kind ``table`` that stands for the participant's rows.
    table_files
        For each table block of the analysis, by block name, the files that its row comes from.
    sessions
        Raw images to be preprocessed; empty where none are needed.
    modality_scans
        For each block that reads files of its own, by block name, its scans.
    """

    participant_id: str
    scans: tuple[Scan, ...]
    table: Scan
    provenance: Provenance
    table_files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    sessions: tuple[RawSession, ...] = ()
    modality_scans: Mapping[str, tuple[Scan, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Places:
    """Where a participant graph reads and writes, and how.

    Attributes
    ----------
    derivatives
        Folders by the names that ``--derivatives`` gave them.
    template
        Where raw images go; ``None`` where no participant has any.
    n_threads
        Threads of a registration.
    """

    bids_dir: Path
    output_dir: Path
    work_dir: Path
    derivatives: Mapping[str, Path]
    template: ChosenTemplate | None = None
    n_threads: int = 1


def init_participants_wf(plans: Sequence[ParticipantPlan], spec: AnalysisSpec, places: Places) -> Workflow:
    """Build the graph of all selected participants; each is a workflow of its own."""
    workflow = Workflow(name=f"participant_{spec.name.replace('-', '_')}", base_dir=str(places.work_dir))
    for plan in plans:
        workflow.add_nodes([init_participant_wf(plan, spec, places)])
    return workflow


def init_participant_wf(plan: ParticipantPlan, spec: AnalysisSpec, places: Places) -> Workflow:
    """Build the graph of one participant: ``(preprocessing ->) read_* -> extract_* -> publish``."""
    workflow = Workflow(name=workflow_name(plan.participant_id))
    # A folder per analysis: two that run at once on one work folder must not change each other's inputs.
    inputs = places.work_dir / "inputs" / f"participant_{spec.name}" / f"sub-{plan.participant_id}"
    publish = make_node(publish_participant, "publish", mem_gb=LIGHT_GB, always=True)
    publish.inputs.analysis = spec.name
    publish.inputs.settings = spec.model_dump_json(include={"preprocess", "denoise", "task"})
    publish.inputs.features_digest = features_digest(spec)
    publish.inputs.provenance = write_record(inputs / "provenance.npz", plan.provenance)
    publish.inputs.output = str(places.output_dir)
    preprocessed = None
    if plan.sessions and places.template:
        preprocessed = RawGraph(
            workflow,
            spec.preprocess,
            places.template,
            inputs,
            bids_dir=places.bids_dir,
            output_dir=places.output_dir,
            n_threads=places.n_threads,
        ).add(plan.sessions)
    readers = _Readers(workflow, plan, spec, places, inputs, preprocessed)
    extracted: list[Node] = []
    for block, feature in zip(spec.block_names, spec.features, strict=True):
        plugins = used_plugins({FEATURES: {feature.kind}})
        name = f"extract_{block.replace('-', '_')}"
        extract = make_node(extract_features, name, mem_gb=LIGHT_GB, plugins=plugins)
        extract.inputs.feature = feature.model_dump_json()
        extract.inputs.block = block
        # Anatomies of several sessions, and maps of several runs, have nothing to concatenate.
        averaged = reads_anatomy(feature) or reads_voxels(feature) or modality_of(feature)
        extract.inputs.combine = "average" if averaged else spec.input.combine
        connect_list(workflow, readers.find(block, feature), extract, "scan_data")
        extracted.append(extract)
    connect_list(workflow, readers.nodes, publish, "scan_data")
    connect_list(workflow, extracted, publish, "features")
    gathered = [preprocessed.gathered] if preprocessed else []
    connect_list(workflow, [*gathered, *readers.published], publish, "preprocessing")
    return workflow


class _Readers:
    """Nodes that give blocks what they are extracted from; each source is read once."""

    def __init__(
        self,
        workflow: Workflow,
        plan: ParticipantPlan,
        spec: AnalysisSpec,
        places: Places,
        inputs: Path,
        preprocessed: Preprocessed | None,
    ) -> None:
        self.workflow, self.plan, self.spec, self.places, self.inputs = workflow, plan, spec, places, inputs
        self.preprocessed = preprocessed
        self.by_source: dict[tuple[str, str], list[Node]] = {}
        self.published: list[Node] = []

    @property
    def nodes(self) -> list[Node]:
        """All nodes so far."""
        return [node for nodes in self.by_source.values() for node in nodes]

    def find(self, block: str, feature: FeatureSpec) -> list[Node]:
        """Find or make the nodes for a block."""
        places = self.places
        if modality_of(feature):
            source = ("modality", what_is_read(feature).model_dump_json())
        elif reads_tables(feature):
            source = ("row", block)
        elif reads_anatomy(feature):
            source = ("anatomy", feature.atlas or "")
        elif reads_voxels(feature):
            source = ("voxels", block)
        else:
            source = ("task" if reads_task(feature) else "signals", feature.atlas or "ready")
        if source not in self.by_source:
            number = len(self.by_source)
            atlas = resolve_atlas(feature.atlas or "", bids_dir=places.bids_dir, derivatives=places.derivatives)
            if source[0] == "modality":
                scans = self.plan.modality_scans[block]
                made = make_modality_readers(scans, feature, atlas=atlas, inputs=self.inputs, number=number)
            elif source[0] == "row":
                made = [
                    _row_reader(self.plan, self.spec, block, feature, self.inputs, places.bids_dir, places.derivatives)
                ]
            elif source[0] == "anatomy":
                made = self._read_anatomies(atlas, number)
            elif source[0] == "task":
                made = [self._fit_task(atlas, number)]
            elif source[0] == "voxels":
                made = self._map_voxels(atlas, number, block, feature)
            else:
                made = self._read_scans(atlas, number)
            self.by_source[source] = made
        return self.by_source[source]

    def _read_scans(self, atlas: str, number: int) -> list[Node]:
        nodes = []
        for index, scan in enumerate(self._scans()):
            node = make_node(read_scan, f"read_{number}_{index}", mem_gb=READ_GB)
            node.inputs.denoise = self.spec.denoise.model_dump_json()
            node.inputs.atlas = atlas
            self._connect_scans([scan], node, "scan", atlas)
            nodes.append(node)
        return nodes

    def _fit_task(self, atlas: str, number: int) -> Node:
        node = make_node(fit_task, f"task_{number}", mem_gb=TASK_GB)
        node.inputs.task = self.spec.task.model_dump_json()
        node.inputs.denoise = self.spec.denoise.model_dump_json()
        node.inputs.atlas = atlas
        self._connect_scans(self._scans(), node, "scans", atlas)
        publish = make_node(publish_task, f"publish_task_{number}", mem_gb=LIGHT_GB, always=True)
        publish.inputs.trait_set(bids_dir=str(self.places.bids_dir), output=str(self.places.output_dir))
        self.workflow.connect(node, "out", publish, "scan_data")
        self.published.append(publish)
        return node

    def _map_voxels(self, atlas: str, number: int, block: str, feature: FeatureSpec) -> list[Node]:
        nodes = []
        for index, scan in enumerate(self._scans()):
            node = make_node(map_voxels, f"voxels_{number}_{index}", mem_gb=VOXELS_GB)
            node.inputs.feature = feature.model_dump_json()
            node.inputs.denoise = self.spec.denoise.model_dump_json()
            node.inputs.atlas = atlas
            self._connect_scans([scan], node, "scan", atlas)
            publish = make_node(publish_maps, f"publish_voxels_{number}_{index}", mem_gb=LIGHT_GB, always=True)
            publish.inputs.trait_set(feature=feature.model_dump_json(), block=block)
            publish.inputs.trait_set(bids_dir=str(self.places.bids_dir), output=str(self.places.output_dir))
            self.workflow.connect(node, "out", publish, "scan_data")
            self.published.append(publish)
            nodes.append(node)
        return nodes

    def _scans(self) -> Sequence[Scan | Node]:
        """Return scans of derivatives, or nodes that give those of preprocessed runs."""
        raw = self.preprocessed.scans if self.preprocessed else ()
        return self.plan.scans or raw

    def _connect_scans(self, scans: Sequence[Scan | Node], target: Node, field: str, atlas: str) -> None:
        """Hand records of scans to a node, and let the content of their files decide whether it runs again."""
        ready = [scan for scan in scans if isinstance(scan, Scan)]
        if ready:
            self._set_scans(ready, target, field, atlas)
            return
        files = Node(Merge(len(scans) + 1), name=f"{target.name}_files", run_without_submitting=True)
        records = Node(Merge(len(scans)), name=f"{target.name}_scans", run_without_submitting=True)
        for number, scan in enumerate(scans, start=1):
            self.workflow.connect(scan, "out", files, f"in{number}")
            self.workflow.connect(scan, ("out", nth, 0), records, f"in{number}")
        setattr(files.inputs, f"in{len(scans) + 1}", [str(path) for path in atlas_files(atlas)])
        self.workflow.connect(files, "out", target, "depends_on")
        self.workflow.connect(records, "out" if field == "scans" else ("out", nth, 0), target, field)

    def _set_scans(self, scans: Sequence[Scan], target: Node, field: str, atlas: str) -> None:
        paths, files = [], atlas_files(atlas)
        for scan in scans:
            files += scan.files
            number = self.plan.scans.index(scan)
            paths.append(str(write_record(self.inputs / f"scan-{number}.npz", scan)))
        target.inputs.trait_set(**{field: paths if field == "scans" else paths[0]})
        target.inputs.depends_on = [str(path) for path in files]

    def _read_anatomies(self, atlas: str, number: int) -> list[Node]:
        nodes = []
        sessions = {session.t1w: session for session in reversed(self.plan.sessions) if session.t1w}
        anatomies = self.preprocessed.anatomies if self.preprocessed else ()
        for index, (session, anatomy) in enumerate(zip(reversed(sessions.values()), anatomies, strict=True)):
            node = make_node(
                read_anatomy, f"read_anatomy_{number}_{index}", mem_gb=LIGHT_GB, depends_on=atlas_files(atlas)
            )
            entities = {"ses": session.session} if session.session else {}
            scan = Scan(self.plan.participant_id, "t1w", session.t1w[0], entities=entities)
            node.inputs.scan = str(write_record(self.inputs / f"t1w-{index}.npz", scan))
            node.inputs.atlas = atlas
            self.workflow.connect(anatomy, "outputnode.density", node, "density")
            self.workflow.connect(anatomy, "outputnode.qc", node, "qc")
            nodes.append(node)
        return nodes


def workflow_name(participant_id: str) -> str:
    """Nipype's name of one participant's graph: letters, digits and underscore."""
    return f"sub_{participant_id}"


def _row_reader(
    plan: ParticipantPlan,
    spec: AnalysisSpec,
    block: str,
    feature: FeatureSpec,
    inputs: Path,
    bids_dir: Path,
    derivatives: Mapping[str, Path],
) -> Node:
    name = f"read_row_{block.replace('-', '_')}"
    node = make_node(read_row, name, mem_gb=LIGHT_GB, depends_on=plan.table_files[block])
    node.inputs.scan = write_record(inputs / "table.npz", plan.table)
    node.inputs.feature = feature.model_dump_json()
    node.inputs.bids_dir = str(bids_dir)
    node.inputs.derivatives = json.dumps({name: str(path) for name, path in sorted(derivatives.items())})
    node.inputs.exclude = json.dumps([column_name(spec.target.column)])
    return node
