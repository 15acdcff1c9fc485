"""The graph of one BOLD run: its wiring, its memory, and one run through Nipype itself."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nipype import Node, Workflow

from bidsml.bids.store import read_record, write_record
from bidsml.graph.functional import INPUTS, OUTPUTS, init_functional_wf, workflow_name
from bidsml.graph.node import make_node
from bidsml.graph.run import describe_nodes, run_workflow
from bidsml.records import FunctionalQC, RawBold
from bidsml.simulate.bold import simulate_bold
from bidsml.simulate.head import simulate_head
from bidsml.spec import PreprocessSpec
from bidsml.templates import ChosenTemplate

N_VOLUMES = 14
SPEC = PreprocessSpec(resolution_mm=4.0)


def show(
    bold: Path,
    boldref: Path,
    mask: Path,
    confounds: Path,
    confounds_json: Path,
    coreg: Path,
    qc: Path,
    *,
    out_dir: Path,
) -> Path:
    """Hand on what the graph's outputs are: their names, in order."""
    paths = (bold, boldref, mask, confounds, confounds_json, coreg, qc)
    text = "\n".join(str(path) for path in paths)
    path = out_dir / "shown.txt"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    folder = tmp_path_factory.mktemp("head")
    head = simulate_head(seed=3, voxel_mm=4.0)
    images = {"t1w": head.t1w, "mask": head.brain, **head.tissues}
    for name, image in images.items():
        nib.save(image, folder / f"{name}.nii.gz")
    bold = simulate_bold(head, seed=4, n_volumes=N_VOLUMES, voxel_mm=5.0, motion_mm=0.5)
    nib.save(bold.image, folder / "bold.nii.gz")
    return folder


@pytest.fixture
def template(head) -> ChosenTemplate:
    """The head's own T1w space."""
    priors = tuple(head / f"{name}.nii.gz" for name in ("GM", "WM", "CSF"))
    return ChosenTemplate("own", head / "t1w.nii.gz", head / "mask.nii.gz", priors, True)


def _build(head, template, folder, *, has_t1w=True, n_threads=1) -> Workflow:
    bold = RawBold("01", head / "bold.nii.gz", 2.0, entities={"ses": "a-b", "task": "rest", "run": "1"})
    record = write_record(folder / "raw.npz", bold)
    return init_functional_wf(bold, SPEC, record=record, template=template, has_t1w=has_t1w, n_threads=n_threads)


def test_a_run_s_name_is_one_that_nipype_takes():
    bold = RawBold("01", Path("x"), 2.0, entities={"ses": "a+b", "task": "rest"})
    assert workflow_name(bold) == "bold_ses_a_b_task_rest"


@pytest.mark.parametrize("has_t1w", [True, False])
def test_wiring(head, template, tmp_path, has_t1w):
    workflow = _build(head, template, tmp_path, has_t1w=has_t1w, n_threads=2)
    names = set(workflow.list_node_names())
    register = "register_to_t1w" if has_t1w else "register_to_template"
    assert {
        "inputnode", "outputnode", "prepare_bold", "correct_slice_timing", "estimate_motion", register,
        "resample_to_template", "make_confounds", "measure_bold",
    } == names  # fmt: skip
    assert set(workflow.get_node("inputnode").inputs.copyable_trait_names()) == set(INPUTS)
    assert set(workflow.get_node("outputnode").inputs.copyable_trait_names()) == set(OUTPUTS)
    assert workflow.get_node(register).n_procs == 2
    graph = workflow._graph
    fed = {node.name for node in graph.successors(workflow.get_node("inputnode"))}
    assert fed == ({register, "resample_to_template", "make_confounds"} if has_t1w else set())


def test_memory_grows_with_the_file(head, template, tmp_path):
    small = dict(describe_nodes(_build(head, template, tmp_path)))
    header = nib.Nifti1Header()
    header.set_data_shape((104, 104, 72, 1200))
    header.set_data_dtype(np.int16)
    large = tmp_path / "bold.nii"
    large.write_bytes(header.binaryblock + bytes(8))  # the estimate reads nothing but the header
    bold = RawBold("01", large, 0.72)
    record = write_record(tmp_path / "large.npz", bold)
    workflow = init_functional_wf(bold, SPEC, record=record, template=template, has_t1w=True, n_threads=1)
    needs = {name.split(".")[-1]: gb for name, gb in describe_nodes(workflow)}
    before = {name.split(".")[-1]: gb for name, gb in small.items()}
    assert needs["make_confounds"] > before["make_confounds"] + 1
    assert needs["resample_to_template"] == before["resample_to_template"]


def test_nipype_runs_it(head, template, tmp_path):
    functional = _build(head, template, tmp_path)
    # An affine that changes nothing stands for the way to the template.
    identity = tmp_path / "identity.txt"
    identity.write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        "Parameters: 1 0 0 0 1 0 0 0 1 0 0 0\nFixedParameters: 0 0 0\n"
    )
    given = functional.get_node("inputnode").inputs
    given.t1w, given.mask = str(template.t1w), str(template.mask)
    given.probseg = [str(path) for path in template.priors]
    given.forward = str(identity)
    whole = Workflow(name="whole", base_dir=str(tmp_path / "work"))
    last: Node = make_node(show, "show", mem_gb=0.1)
    whole.connect([(functional, last, [(f"outputnode.{name}", name) for name in OUTPUTS])])
    outcome = run_workflow(whole, plugin="Linear", plugin_args={}, crash_dir=tmp_path / "crash")
    assert not outcome.failures
    shown = (tmp_path / "work" / "whole" / "show" / "shown.txt").read_text().splitlines()
    assert [Path(path).name for path in shown] == [
        "desc-preproc_bold.nii.gz", "boldref.nii.gz", "desc-brain_mask.nii.gz", "desc-confounds_timeseries.tsv",
        "desc-confounds_timeseries.json", "from-boldref_to-T1w_xfm.mat", "functional_qc.npz",
    ]  # fmt: skip
    qc = read_record(FunctionalQC, Path(shown[-1]))
    assert qc.label == "sub-01 ses-a-b task-rest run-1"
    assert qc.coverage > 0.9
