"""Methods text of an analysis that has not run: from the analysis and its inputs, for ``--boilerplate-only``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bidsml.report.citation import MethodsText
from bidsml.report.group.methods import Plan, describe_models, describe_preparation
from bidsml.report.methods_text import (
    OF_SIGNALS,
    Sentence,
    describe_cleaning,
    describe_features,
    describe_inputs,
    describe_software,
)
from bidsml.report.preprocessing_text import describe_anatomy, describe_runs
from bidsml.report.references import PHIPSON, WINKLER
from bidsml.report.task_text import describe_task
from bidsml.report.wording import name_metric, plural, spell_metric
from bidsml.spec import AnalysisSpec, column_name

_NOTE = (
    "Made from the analysis and its inputs before it ran, and for all participants: how many people there were, and "
    "what became of each run, stands in the reports."
)
_EXCHANGED = {
    "free": "the labels of all people",
    "within-site": "labels within sites",
    "whole": "the labels of whole units of equal size",
}


@dataclass(frozen=True)
class PlannedInputs:
    """What an analysis will start from.

    Attributes
    ----------
    kinds
        Kinds of inputs, ``raw bold`` for what will be preprocessed.
    blocks
        ``(kind, measure, atlas)`` of every block of features.
    space
        Template of raw images; empty where none are used.
    plugins
        Versions of other packages that offer a part of the analysis.
    """

    version: str
    packages: Mapping[str, str]
    kinds: tuple[str, ...]
    blocks: tuple[tuple[str, str, str], ...]
    space: str = ""
    plugins: Mapping[str, str] = field(default_factory=dict)


def plan_participant(spec: AnalysisSpec, inputs: PlannedInputs) -> MethodsText:
    """Say what the participant level does."""
    paragraphs = (_software(inputs), *_prepared(_images(spec, inputs)), _features(spec, inputs))
    return MethodsText(f"Methods of the features of {spec.name}", _NOTE, paragraphs)


def plan_group(spec: AnalysisSpec, inputs: PlannedInputs) -> MethodsText:
    """Say what both levels do."""
    return MethodsText(
        f"Methods of the analysis {spec.name}",
        _NOTE,
        (
            _software(inputs),
            *_prepared(_images(spec, inputs)),
            (*_features(spec, inputs), *_people(spec)),
            (*describe_preparation(spec), *describe_models(spec, _plan(spec))),
            tuple(_figures(spec)),
        ),
    )


def _software(inputs: PlannedInputs) -> tuple[Sentence, ...]:
    return (*describe_software(inputs.version, inputs.packages, plugins=inputs.plugins), *describe_inputs(inputs.kinds))


def _prepared(sentences: Sequence[Sentence]) -> tuple[tuple[Sentence, ...], ...]:
    return (tuple(sentences),) if sentences else ()


def _images(spec: AnalysisSpec, inputs: PlannedInputs) -> list[Sentence]:
    sentences: list[Sentence] = []
    has_t1w = "t1w" in inputs.kinds
    if has_t1w:
        averaged = spec.preprocess.t1w == "average"
        sentences += describe_anatomy(spec.preprocess, space=inputs.space, is_averaged=averaged)
    if "raw bold" in inputs.kinds:
        sentences += describe_runs((), spec.preprocess, space=inputs.space, has_t1w=has_t1w)
    return sentences


def _features(spec: AnalysisSpec, inputs: PlannedInputs) -> tuple[Sentence, ...]:
    made = {kind for kind, _, _ in inputs.blocks}
    sentences: list[Sentence] = []
    if made & OF_SIGNALS and {"bold", "raw bold"} & set(inputs.kinds):
        sentences += describe_cleaning(spec.denoise.model_dump(), made)
    if "task_contrast" in made:
        sentences += describe_task(spec.task, spec.denoise)
    smoothing = spec.preprocess.gray_matter_fwhm_mm
    return (*sentences, *describe_features(inputs.blocks, options=spec.features, density_fwhm_mm=smoothing))


def _people(spec: AnalysisSpec) -> list[Sentence]:
    column = column_name(spec.target.column)
    sentences = [Sentence(f"What was predicted was the column {column}.")]
    if spec.cohort.include:
        sentences.append(Sentence(f"People were included on the condition: {spec.cohort.include}."))
    return sentences


def _plan(spec: AnalysisSpec) -> Plan:
    outer = spec.cv.outer
    counted = outer.kind == "stratified"
    return Plan(outer.kind, outer.folds if counted else 0, outer.repeats if counted else 1, bool(spec.cohort.site))


def _figures(spec: AnalysisSpec) -> list[Sentence]:
    inference = spec.inference
    sentences = [Sentence(f"Performance was measured by the {spell_metric(name_metric(spec.primary_metric))}.")]
    if not inference.permutations:
        return sentences
    exchange = inference.exchange
    if exchange == "auto":
        grouped = spec.cohort.group != "participant_id"
        exchange = "within-site" if spec.cohort.site else "whole" if grouped else "free"
    words = (
        f"Significance was assessed by a permutation test that exchanged {_EXCHANGED[exchange]} within test folds "
        f"(Winkler et al., 2015), with at most {plural(inference.permutations, 'random draw')}; the whole pipeline, "
        "tuning included, was fitted anew to each."
    )
    formula = (
        "With b of the m draws giving a value at least as good as the observed one, p = (1 + b) / (1 + m) "
        "(Phipson & Smyth, 2010), unless the report states another formula."
    )
    return [*sentences, Sentence(words, (WINKLER,)), Sentence(formula, (PHIPSON,))]
