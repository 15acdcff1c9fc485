"""Nodes that read files of other modalities: one for each reconstruction, run or recording."""

from collections.abc import Callable, Sequence
from pathlib import Path

from nipype import Node

from bidsml.bids.references import atlas_files
from bidsml.bids.store import write_record
from bidsml.features import modality_of
from bidsml.graph.node import make_node
from bidsml.records import Scan
from bidsml.spec import FeatureSpec
from bidsml.steps.modality import read_named_values, read_recording, read_scalar_map

_STEPS: dict[str, tuple[Callable[..., Path], float]] = {
    "freesurfer": (read_named_values, 0.5),
    "mriqc": (read_named_values, 0.5),
    "diffusion": (read_scalar_map, 1.0),
    # 64 channels, 1,000 Hz and ten minutes are 0.3 GB, held a few times over.
    "recording": (read_recording, 3.0),
}
"""What reads a scan of each modality, and its peak memory in GB."""


_OF_RECORDINGS = frozenset({"derivative", "recording", "columns", "exclude"})


def what_is_read(feature: FeatureSpec) -> FeatureSpec:
    """Take the part of a block that decides what is read of its scans: blocks that share it share their nodes."""
    if modality_of(feature) != "recording":
        return feature.model_copy(update={"name": None})
    # Power and covariance, and any bands, are made of one reading.
    return FeatureSpec(kind="eeg_power", **{key: getattr(feature, key) for key in _OF_RECORDINGS})


def make_modality_readers(
    scans: Sequence[Scan], feature: FeatureSpec, *, atlas: str, inputs: Path, number: int
) -> list[Node]:
    """Make a node for each scan; the content of the scan's files decides whether it runs again.

    Parameters
    ----------
    atlas
        Name or place; empty for kinds that take none.
    inputs
        Folder for the nodes' own input records.
    number
        Of the source among the participant's: part of the nodes' names.
    """
    step, mem_gb = _STEPS[modality_of(feature)]
    nodes = []
    for index, scan in enumerate(scans):
        files = [*scan.files, *atlas_files(atlas)]
        node = make_node(step, f"read_{number}_{index}", mem_gb=mem_gb, depends_on=files)
        node.inputs.scan = str(write_record(inputs / f"modality-{number}-{index}.npz", scan))
        node.inputs.feature = what_is_read(feature).model_dump_json()
        node.inputs.modality = modality_of(feature)
        node.inputs.atlas = atlas
        nodes.append(node)
    return nodes
