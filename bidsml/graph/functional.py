"""The graph of one BOLD run: from the raw file to template space, confounds and quality."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from nipype import IdentityInterface, Node, Workflow

from bidsml.graph.node import make_node, nth
from bidsml.preproc.volumes import load_image
from bidsml.records import RawBold
from bidsml.spec import PreprocessSpec
from bidsml.steps.functional import (
    correct_slice_timing,
    estimate_motion,
    make_confounds,
    measure_bold,
    prepare_bold,
    register_to_t1w,
    register_to_template,
    resample_to_template,
)
from bidsml.templates import ChosenTemplate

INPUTS = ("t1w", "mask", "probseg", "forward")
OUTPUTS = ("bold", "boldref", "mask", "confounds", "confounds_json", "coreg", "qc")
THREADED = ("register", "resample", "confounds")

# Measured: what Python with nibabel and scipy needs by itself, and with ANTs loaded.
PYTHON_GB = 0.35
REGISTRATION_GB = 1.0
TRANSFORM_GB = 1.0


class _Needs(NamedTuple):
    """Peak memory of the steps whose need grows with the run, in GB."""

    prepare: float
    frames: float
    confounds: float
    resample: float


def init_functional_wf(
    bold: RawBold,
    spec: PreprocessSpec,
    *,
    record: Path,
    template: ChosenTemplate,
    has_t1w: bool,
    n_threads: int,
) -> Workflow:
    """Build the graph of one run.

    Parameters
    ----------
    record
        ``bold`` as a record on disk.
    template
        Space that the run is brought to.
    has_t1w
        Whether the ``inputnode`` will be given a T1w; without one the run is warped to the template directly.
    n_threads
        Threads of registration and interpolation.

    Returns
    -------
    Workflow
        ``inputnode``: ``t1w``, ``mask``, ``probseg`` (GM, WM, CSF), ``forward`` (images from T1w to template).
        ``outputnode``: ``bold``, ``boldref``, ``mask`` in template space, ``confounds``,
        ``confounds_json``, ``coreg`` (images from BOLD to T1w, or to the template without one), ``qc``.
    """
    workflow = Workflow(name=workflow_name(bold))
    inputs = Node(IdentityInterface(fields=list(INPUTS)), name="inputnode")
    outputs = Node(IdentityInterface(fields=list(OUTPUTS)), name="outputnode")
    nodes = _nodes(bold, has_t1w=has_t1w, n_threads=n_threads)
    _set_inputs(nodes, spec, record=record, template=template, has_t1w=has_t1w, n_threads=n_threads)
    _connect(workflow, nodes)
    if has_t1w:
        workflow.connect([(inputs, nodes["register"], [("t1w", "t1w"), ("mask", "mask")])])
        workflow.connect(inputs, "forward", nodes["resample"], "to_template")
        workflow.connect(inputs, "probseg", nodes["confounds"], "tissues")
    else:
        workflow.add_nodes([inputs])
    workflow.connect(
        [
            (nodes["resample"], outputs, [(("out", nth, 0), "bold"), (("out", nth, 1), "boldref")]),
            (nodes["resample"], outputs, [(("out", nth, 2), "mask")]),
            (nodes["confounds"], outputs, [(("out", nth, 0), "confounds"), (("out", nth, 1), "confounds_json")]),
            (nodes["register"], outputs, [(("out", nth, 0), "coreg")]),
            (nodes["measure"], outputs, [("out", "qc")]),
        ]
    )
    return workflow


def workflow_name(bold: RawBold) -> str:
    """Nipype's name of one run's graph: letters, digits and underscore."""
    parts = [f"{key}_{value}" for key, value in bold.entities.items()]
    name = "_".join(["bold", *parts])
    return "".join(character if character.isalnum() else "_" for character in name)


def _nodes(bold: RawBold, *, has_t1w: bool, n_threads: int) -> dict[str, Node]:
    needs = _estimate_memory(bold.path)
    register = register_to_t1w if has_t1w else register_to_template
    files = [bold.path]
    return {
        "prepare": make_node(prepare_bold, "prepare_bold", mem_gb=needs.prepare, depends_on=files),
        "slices": make_node(correct_slice_timing, "correct_slice_timing", mem_gb=needs.frames, depends_on=files),
        "motion": make_node(estimate_motion, "estimate_motion", mem_gb=needs.frames, depends_on=files),
        "register": make_node(register, register.__name__, mem_gb=REGISTRATION_GB, n_threads=n_threads),
        "resample": make_node(resample_to_template, "resample_to_template", mem_gb=needs.resample, n_threads=n_threads),
        "confounds": make_node(make_confounds, "make_confounds", mem_gb=needs.confounds, n_threads=n_threads),
        "measure": make_node(measure_bold, "measure_bold", mem_gb=needs.resample),
    }


def _set_inputs(
    nodes: dict[str, Node],
    spec: PreprocessSpec,
    *,
    record: Path,
    template: ChosenTemplate,
    has_t1w: bool,
    n_threads: int,
) -> None:
    for name, node in nodes.items():
        if name != "register":
            node.inputs.record = str(record)
    # Each gets what it uses only: another entry of the section must not make it run again.
    for name, used in {"prepare": "dummy_volumes", "slices": "slice_timing", "resample": "resolution_mm"}.items():
        nodes[name].inputs.spec = spec.model_dump_json(include={used})
    for name in THREADED:
        nodes[name].inputs.n_threads = n_threads
    for name in ("resample", "measure"):
        nodes[name].inputs.template_mask = str(template.mask)
    priors = [str(path) for path in template.priors]
    nodes["measure"].inputs.priors = priors
    if not has_t1w:
        nodes["register"].inputs.template = str(template.t1w)
        nodes["register"].inputs.mask = str(template.mask)
        nodes["resample"].inputs.to_template = []
        nodes["confounds"].inputs.tissues = priors


def _connect(workflow: Workflow, nodes: dict[str, Node]) -> None:
    receivers = {
        "prepare": (("slices", "motion", "register", "resample", "confounds", "measure"), "prepared"),
        "slices": (("resample", "confounds", "measure"), "bold"),
        "motion": (("resample", "confounds", "measure"), "motion"),
        "register": (("resample", "confounds", "measure"), "registered"),
        "resample": (("measure",), "resampled"),
        "confounds": (("measure",), "confounds"),
    }
    for source, (targets, field) in receivers.items():
        for target in targets:
            workflow.connect(nodes[source], "out", nodes[target], field)


def _estimate_memory(bold: Path) -> _Needs:
    """Estimate from the header what the steps need at most.

    A brain fills at most about 40 % of a field of view; confounds hold its float32 series, and a copy of tissues'.
    """
    shape = load_image(bold).shape
    n_voxels = float(np.prod(shape[:3]))
    n_volumes = shape[3] if len(shape) > 3 else 1
    return _Needs(
        prepare=PYTHON_GB + n_voxels * 16 * 4 * 3 / 1e9,
        frames=PYTHON_GB + n_voxels * 200 / 1e9,
        confounds=PYTHON_GB + TRANSFORM_GB / 2 + n_voxels * n_volumes * 0.4 * 4 * 1.6 / 1e9,
        resample=PYTHON_GB + TRANSFORM_GB,
    )
