"""The participant graph: for each participant, scans to signals, signals to features, features to disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nipype import Node, Workflow

from bidsml.bids.references import resolve_atlas
from bidsml.bids.store import write_record
from bidsml.features import CATALOG
from bidsml.graph.node import connect_list, make_node
from bidsml.records import Provenance, Scan
from bidsml.spec import AnalysisSpec, FeatureSpec, features_digest
from bidsml.spec.analysis import column_name
from bidsml.steps.participant import extract_features, publish_participant, read_row, read_scan

READ_GB = 2.0
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
    """

    participant_id: str
    scans: tuple[Scan, ...]
    table: Scan
    provenance: Provenance
    table_files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


def reads_tables(feature: FeatureSpec) -> bool:
    """Whether a block's kind takes table rows rather than scans."""
    return "table" in CATALOG[feature.kind].needs


def init_participants_wf(
    plans: Sequence[ParticipantPlan],
    spec: AnalysisSpec,
    *,
    bids_dir: Path,
    output_dir: Path,
    work_dir: Path,
    derivatives: Mapping[str, Path],
) -> Workflow:
    """Build the graph of all selected participants; each is a workflow of its own."""
    workflow = Workflow(name=f"participant_{spec.name.replace('-', '_')}", base_dir=str(work_dir))
    for plan in plans:
        one = init_participant_wf(
            plan, spec, bids_dir=bids_dir, output_dir=output_dir, work_dir=work_dir, derivatives=derivatives
        )
        workflow.add_nodes([one])
    return workflow


def init_participant_wf(
    plan: ParticipantPlan,
    spec: AnalysisSpec,
    *,
    bids_dir: Path,
    output_dir: Path,
    work_dir: Path,
    derivatives: Mapping[str, Path],
) -> Workflow:
    """Build the graph of one participant: ``read_* -> extract_* -> publish``."""
    workflow = Workflow(name=workflow_name(plan.participant_id))
    # A folder per analysis: two that run at once on one work folder must not change each other's inputs.
    inputs = work_dir / "inputs" / f"participant_{spec.name}" / f"sub-{plan.participant_id}"
    denoise = spec.denoise.model_dump_json()
    publish = make_node(publish_participant, "publish", mem_gb=LIGHT_GB, always=True)
    publish.inputs.analysis = spec.name
    publish.inputs.denoise = denoise
    publish.inputs.features_digest = features_digest(spec)
    publish.inputs.provenance = write_record(inputs / "provenance.npz", plan.provenance)
    publish.inputs.output = str(output_dir)
    readers: dict[str, list[Node]] = {}
    extracted: list[Node] = []
    for block, feature in zip(spec.block_names, spec.features, strict=True):
        extract = make_node(extract_features, f"extract_{block.replace('-', '_')}", mem_gb=LIGHT_GB)
        extract.inputs.feature = feature.model_dump_json()
        extract.inputs.block = block
        extract.inputs.combine = spec.input.combine
        source = f"row_{block}" if reads_tables(feature) else feature.atlas or "ready"
        if source not in readers and reads_tables(feature):
            readers[source] = [_row_reader(plan, spec, block, feature, inputs, bids_dir, derivatives)]
        elif source not in readers:
            atlas = resolve_atlas(feature.atlas or "", bids_dir=bids_dir, derivatives=derivatives)
            readers[source] = _scan_readers(plan, atlas, denoise, inputs, len(readers))
        connect_list(workflow, readers[source], extract, "scan_data")
        extracted.append(extract)
    connect_list(workflow, [node for nodes in readers.values() for node in nodes], publish, "scan_data")
    connect_list(workflow, extracted, publish, "features")
    return workflow


def workflow_name(participant_id: str) -> str:
    """Nipype's name of one participant's graph: letters, digits and underscore."""
    return f"sub_{participant_id}"


def _scan_readers(plan: ParticipantPlan, atlas: str, denoise: str, inputs: Path, offset: int) -> list[Node]:
    nodes = []
    for number, scan in enumerate(plan.scans):
        files = [p for p in (scan.path, scan.mask, scan.confounds, scan.nodes, *scan.sidecars) if p is not None]
        files += _atlas_files(atlas)
        node = make_node(read_scan, f"read_{offset}_{number}", mem_gb=READ_GB, depends_on=files)
        node.inputs.scan = write_record(inputs / f"scan-{number}.npz", scan)
        node.inputs.denoise = denoise
        node.inputs.atlas = atlas
        nodes.append(node)
    return nodes


def _atlas_files(atlas: str) -> list[Path]:
    """Files of an atlas that is given by its place: a folder's, or the image and what has its stem."""
    place = Path(atlas)
    if not atlas or not place.exists():
        return []
    if place.is_dir():
        return sorted(path for path in place.iterdir() if path.is_file())
    stem = place.name.partition(".")[0]
    return sorted(path for path in place.parent.glob(f"{stem}.*") if path.is_file())


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
