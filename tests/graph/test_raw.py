"""The graph of a participant with raw images: what is shared, what replaces what, and what feeds the features."""

import json
from pathlib import Path
from typing import get_type_hints

import nibabel as nib
import numpy as np
import pytest
from nipype.interfaces.base import Undefined

from bidsml.graph.node import StepInterface, _load
from bidsml.graph.participant import ParticipantPlan, Places, init_participant_wf
from bidsml.records import Provenance, RawBold, RawSession, Scan
from bidsml.spec import AnalysisSpec
from bidsml.templates import ChosenTemplate

SPEC = """{"name": "raw", "target": {"column": "dx"}, "task": {"contrasts": {"a-b": "a - b"}}, "features": [
    {"kind": "connectome", "atlas": "power2011"}, {"kind": "gray_matter", "atlas": "power2011"},
    {"kind": "morphometry", "atlas": "power2011"}, {"kind": "task_contrast", "atlas": "power2011"}]}"""


@pytest.fixture
def build(tmp_path):
    """Build the graph of one participant from the numbers of T1w and BOLD of each session."""

    def save(name, shape):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), path)
        return path

    def make(*sessions, share_t1w=False, spec=SPEC):
        found = []
        t1w = ()
        for number, (n_t1w, n_bold) in enumerate(sessions):
            if not (share_t1w and t1w):
                t1w = tuple(save(f"ses-{number}_{i}_T1w.nii.gz", (8, 8, 8)) for i in range(n_t1w))
            runs = tuple(
                RawBold(
                    "01", save(f"ses-{number}_{i}_bold.nii.gz", (4, 4, 4, 12)), 2.0, {"ses": str(number), "run": str(i)}
                )
                for i in range(n_bold)
            )
            found.append(RawSession("01", str(number), t1w, runs))
        template = ChosenTemplate("MNI", *(save(f"{n}.nii.gz", (8, 8, 8)) for n in ("t", "m")), (), False)
        plan = ParticipantPlan(
            "01",
            (),
            Scan("01", "table", Path("participants.tsv")),
            Provenance("1", {}, 0, "auto", (), ""),
            sessions=tuple(found),
        )
        places = Places(tmp_path, tmp_path / "out", tmp_path / "work", {}, template)
        return init_participant_wf(plan, AnalysisSpec.model_validate_json(spec), places)

    return make


def count(workflow, step):
    return sum(name.rpartition(".")[2] == step for name in workflow.list_node_names())


def test_runs_share_the_anatomy_of_their_session(build):
    graph = build((1, 2))
    assert count(graph, "conform_t1w") == 1
    assert count(graph, "estimate_motion") == 2
    assert count(graph, "register_to_t1w") == 2


def test_sessions_with_one_t1w_share_its_graph_and_others_do_not(build):
    assert count(build((1, 1), (1, 1), share_t1w=True), "conform_t1w") == 1
    assert count(build((1, 1), (1, 1)), "conform_t1w") == 2


@pytest.mark.parametrize(("combine", "used"), [("first", 1), ("average", 2)])
def test_only_the_t1w_images_asked_for_are_read_and_named_as_sources(build, combine, used):
    spec = json.loads(SPEC)
    spec["preprocess"] = {**spec.get("preprocess", {}), "t1w": combine}
    nodes = {node.name: node for node in build((2, 1), spec=json.dumps(spec))._create_flat_graph().nodes}
    assert len(nodes["conform_t1w"].inputs.t1w) == used
    assert len(nodes["publish_anatomy_0"].inputs.sources) == used
    assert nodes["measure_anatomy"].inputs.n_t1w == used


def test_without_a_t1w_the_run_goes_to_the_template_itself(build):
    spec = SPEC.replace('{"kind": "gray_matter", "atlas": "power2011"},', "")
    spec = spec.replace('{"kind": "morphometry", "atlas": "power2011"},', "")
    graph = build((0, 1), spec=spec)
    assert count(graph, "conform_t1w") == 0
    assert count(graph, "register_to_t1w") == 0
    assert count(graph, "register_to_template") == 1


def test_features_of_one_atlas_share_their_readers(build):
    graph = build((1, 1))
    assert count(graph, "read_anatomy_1_0") == 1 and count(graph, "read_anatomy_2_0") == 0
    assert count(graph, "task_2") == 1 and count(graph, "read_0_0") == 1


def test_every_input_of_every_step_is_given_or_connected(build):
    """Nipype finds a missing input only when the node runs, which here may be after half an hour."""
    graph = build((1, 1))
    flat = graph._create_flat_graph()
    steps = [node for node in flat.nodes if isinstance(node.interface, StepInterface)]
    assert len(steps) > 20
    for node in steps:
        connected = {target for edge in flat.in_edges(node, data=True) for _, target in edge[2]["connect"]}
        hints = get_type_hints(_load(node.interface.step))
        for name in node.interface._names:
            given = hints[name] == list[Path] or getattr(node.inputs, name) is not Undefined
            assert name in connected or given, f"{node}: {name}"
