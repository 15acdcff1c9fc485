"""How the features were made, as text for a paper."""

from bidsml.records import ParticipantResult
from bidsml.report.blocks import References, Section
from bidsml.report.lookup import read_section
from bidsml.report.methods_text import (
    OF_SIGNALS,
    Sentence,
    describe_cleaning,
    describe_features,
    describe_inputs,
    describe_software,
    paragraph,
    sources_of,
)
from bidsml.report.preprocessing_text import describe_preprocessing
from bidsml.report.task_text import describe_task
from bidsml.spec import DenoiseSpec, FeatureSpec, PreprocessSpec, TaskSpec


def section(result: ParticipantResult) -> Section:
    """Write the methods of the participant level, with sources."""
    ran = result.provenance
    paragraphs = (
        [*describe_software(ran.version, ran.packages, plugins=ran.plugins), *describe_inputs(_inputs(result))],
        describe_preprocessing(result),
        _features(result),
    )
    written = [sentences for sentences in paragraphs if sentences]
    sources = sources_of([sentence for sentences in written for sentence in sentences])
    return Section(
        anchor="methods",
        title="Methods",
        lead="How the numbers on this page were made; the text may be copied into a paper.",
        blocks=(*(paragraph(sentences) for sentences in written), References(sources)),
    )


def _inputs(result: ParticipantResult) -> list[str]:
    """Kinds of inputs; BOLD that was preprocessed here was raw."""
    kinds = ["t1w"] if result.anatomical else []
    return [*kinds, *("raw bold" if scan.kind == "bold" and result.functional else scan.kind for scan in result.scans)]


def _features(result: ParticipantResult) -> list[Sentence]:
    made = {vector.kind for vector in result.features}
    sentences: list[Sentence] = []
    if made & OF_SIGNALS and any(scan.kind == "bold" for scan in result.scans):
        sentences += describe_cleaning(result.denoise, made)
    if "task_contrast" in made and result.task:
        task = read_section(TaskSpec, result.task)
        sentences += describe_task(task, read_section(DenoiseSpec, result.denoise))
    preprocess = read_section(PreprocessSpec, result.preprocess)
    blocks = [(vector.kind, vector.measure, vector.atlas) for vector in result.features]
    options = [read_section(FeatureSpec, given) for given in result.provenance.analysis.get("features", ())]
    smoothing = preprocess.gray_matter_fwhm_mm
    return [*sentences, *describe_features(blocks, options=options, density_fwhm_mm=smoothing)]
