"""The anatomical graph is wired as the steps need it."""

from pathlib import Path

import networkx as nx
import nibabel as nib
import pytest

from bidsml.bids.store import read_record
from bidsml.graph.anatomical import MEMORY_GB, OUTPUTS, init_anatomical_wf
from bidsml.records import AnatomicalQC, RawSession
from bidsml.simulate.head import simulate_head
from bidsml.spec import PreprocessSpec
from bidsml.templates import ChosenTemplate, choose_template


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ChosenTemplate:
    return choose_template("MNI152NLin2009aSym", cache_dir=tmp_path_factory.mktemp("templates"))


@pytest.fixture
def session(tmp_path: Path, template: ChosenTemplate) -> RawSession:
    paths = [tmp_path / f"sub-01_run-{run}_T1w.nii.gz" for run in (1, 2)]
    for path in paths:
        path.write_bytes(template.t1w.read_bytes())
    return RawSession("01", t1w=tuple(paths))


def test_every_step_is_a_node_with_its_needs(session, template):
    workflow = init_anatomical_wf(session, PreprocessSpec(), template=template, n_threads=2)
    nodes = {node.name: node for node in workflow._graph.nodes}
    assert set(nodes) == {*MEMORY_GB, "outputnode"}
    for name, needed in MEMORY_GB.items():
        assert nodes[name].mem_gb == needed
        assert nodes[name].n_procs == (1 if name == "measure_anatomy" else 2)
    assert nx.is_directed_acyclic_graph(workflow._graph)


def test_every_input_is_set_or_connected(session, template):
    workflow = init_anatomical_wf(session, PreprocessSpec(), template=template, n_threads=1)
    connected: dict[str, set[str]] = {}
    for _, target, edge in workflow._graph.edges(data=True):
        connected.setdefault(target.name, set()).update(field for _, field in edge["connect"])
    assert connected["outputnode"] == set(OUTPUTS)
    for node in workflow._graph.nodes:
        if node.name == "outputnode":
            continue
        given = {name for name, value in node.inputs.get().items() if str(value) != "<undefined>"}
        assert set(node.interface._names) <= given | connected.get(node.name, set()), node.name
        assert not given & connected.get(node.name, set())


def test_the_spec_reaches_its_steps(session, template):
    spec = PreprocessSpec(t1w="average", registration="precise", gray_matter_fwhm_mm=4.0)
    workflow = init_anatomical_wf(session, spec, template=template, n_threads=1)
    assert workflow.get_node("register_to_template").inputs.registration == "precise"
    assert workflow.get_node("warp_density").inputs.fwhm_mm == 4.0
    assert workflow.get_node("measure_anatomy").inputs.n_t1w == 2
    assert workflow.get_node("measure_anatomy").inputs.space == "MNI152NLin2009aSym"


@pytest.mark.slow
def test_the_graph_runs_and_hands_out_every_file(tmp_path, template):
    head = simulate_head(seed=31, voxel_mm=4.0)
    path = tmp_path / "sub-01_T1w.nii.gz"
    nib.save(head.t1w, path)
    session = RawSession("01", t1w=(path,))
    workflow = init_anatomical_wf(session, PreprocessSpec(), template=template, n_threads=1)
    workflow.base_dir = str(tmp_path / "work")
    graph = workflow.run(plugin="Linear")
    made = {node.name: node.result.outputs.out for node in graph.nodes if node.name in MEMORY_GB}
    assert set(made) == set(MEMORY_GB)
    qc = read_record(AnatomicalQC, Path(made["measure_anatomy"]))
    assert qc.label == "sub-01"
    assert qc.template_dice > 0.9
    assert 800 < qc.brain_ml < 2300
    forward, inverse, warped = (Path(name) for name in made["register_to_template"])
    assert (forward.suffix, inverse.suffix) == (".h5", ".h5")
    assert nib.load(warped).shape == nib.load(template.t1w).shape
    assert [Path(name).name for name in made["segment_tissues"]] == ["GM.nii.gz", "WM.nii.gz", "CSF.nii.gz"]
    assert not list((tmp_path / "work").rglob("ants-*"))
