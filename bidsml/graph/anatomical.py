"""The graph of one session's T1w: from the raw image to template space, tissues and density."""

from nipype import IdentityInterface, Node, Workflow

from bidsml.graph.node import make_node, nth
from bidsml.records import RawSession
from bidsml.spec import PreprocessSpec
from bidsml.steps.anatomical import (
    conform_t1w,
    correct_bias,
    extract_brain,
    measure_anatomy,
    register_to_template,
    segment_tissues,
    warp_density,
)
from bidsml.templates import ChosenTemplate

OUTPUTS = ("preproc", "mask", "probseg", "forward", "inverse", "template_t1w", "density", "qc")

# Measured on a T1w of 288 x 288 x 181 voxels (0.87 mm), template at 2 mm.
MEMORY_GB = {
    "conform_t1w": 1.5,
    "correct_bias": 1.0,
    "extract_brain": 1.6,
    "register_to_template": 1.6,
    "segment_tissues": 1.8,
    "warp_density": 1.2,
    "measure_anatomy": 1.0,
}


def init_anatomical_wf(
    session: RawSession, spec: PreprocessSpec, *, template: ChosenTemplate, n_threads: int
) -> Workflow:
    """Build the graph of one session's T1w.

    Parameters
    ----------
    session
        Has one T1w at least; several are averaged.
    n_threads
        Of ANTs. Only 1 gives the same bytes each time.

    Returns
    -------
    Workflow
        ``outputnode``: ``preproc`` (T1w, bias-corrected, RAS), ``mask``, ``probseg`` (GM, WM, CSF), ``forward`` and
        ``inverse`` (composite transforms; ``forward`` brings images to the template), ``template_t1w`` (brain in
        template space), ``density`` (smoothed modulated grey matter, then the unsmoothed one), ``qc``.
    """
    workflow = Workflow(name="anatomical")
    nodes = _nodes(session, n_threads)
    _set_inputs(nodes, session, spec, template)
    outputs = Node(IdentityInterface(fields=list(OUTPUTS)), name="outputnode")
    _connect(workflow, nodes)
    workflow.connect(
        [
            (nodes["correct_bias"], outputs, [("out", "preproc")]),
            (nodes["extract_brain"], outputs, [("out", "mask")]),
            (nodes["segment_tissues"], outputs, [("out", "probseg")]),
            (nodes["register_to_template"], outputs, [(("out", nth, 0), "forward"), (("out", nth, 1), "inverse")]),
            (nodes["register_to_template"], outputs, [(("out", nth, 2), "template_t1w")]),
            (nodes["warp_density"], outputs, [("out", "density")]),
            (nodes["measure_anatomy"], outputs, [("out", "qc")]),
        ]
    )
    return workflow


def _nodes(session: RawSession, n_threads: int) -> dict[str, Node]:
    steps = (
        conform_t1w,
        correct_bias,
        extract_brain,
        register_to_template,
        segment_tissues,
        warp_density,
        measure_anatomy,
    )
    nodes = {}
    for step in steps:
        name = step.__name__
        single = step is measure_anatomy
        nodes[name] = make_node(step, name, mem_gb=MEMORY_GB[name], n_threads=1 if single else n_threads)
        if not single:
            nodes[name].inputs.n_threads = n_threads
    return nodes


def _set_inputs(nodes: dict[str, Node], session: RawSession, spec: PreprocessSpec, template: ChosenTemplate) -> None:
    nodes["conform_t1w"].inputs.t1w = [str(path) for path in session.t1w]
    for name in ("extract_brain", "register_to_template", "measure_anatomy"):
        nodes[name].inputs.template = str(template.t1w)
        nodes[name].inputs.template_mask = str(template.mask)
    nodes["extract_brain"].inputs.has_head = template.has_head
    nodes["register_to_template"].inputs.registration = spec.registration
    nodes["segment_tissues"].inputs.priors = [str(path) for path in template.priors]
    nodes["warp_density"].inputs.template = str(template.t1w)
    nodes["warp_density"].inputs.fwhm_mm = spec.gray_matter_fwhm_mm
    measure = nodes["measure_anatomy"].inputs
    measure.space, measure.label = template.space, session.label
    measure.n_t1w = len(session.t1w)


def _connect(workflow: Workflow, nodes: dict[str, Node]) -> None:
    conform, bias, brain = nodes["conform_t1w"], nodes["correct_bias"], nodes["extract_brain"]
    register, segment = nodes["register_to_template"], nodes["segment_tissues"]
    density, measure = nodes["warp_density"], nodes["measure_anatomy"]
    workflow.connect(conform, "out", bias, "t1w")
    for target in (brain, register, segment, measure):
        workflow.connect(bias, "out", target, "t1w")
    for target in (register, segment, measure):
        workflow.connect(brain, "out", target, "mask")
    for target in (density, measure):
        workflow.connect(segment, "out", target, "tissues")
    workflow.connect(register, ("out", nth, 0), density, "forward")
    workflow.connect(register, ("out", nth, 1), segment, "inverse")
    workflow.connect(register, "out", measure, "registered")
