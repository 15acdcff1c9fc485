"""What was done, as text for a paper."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bidsml.records import Atlas, Result
from bidsml.report.blocks import Bullets, Link, Reference, References, Section
from bidsml.report.citation import MethodsText
from bidsml.report.fusion_text import describe_ablation, describe_fusion
from bidsml.report.inference_text import describe_chance, describe_evaluation, describe_intervals
from bidsml.report.lookup import LEAVE_SITE_OUT, folds_of, name_target, read_spec, say_counts, set_aside
from bidsml.report.methods_text import (
    OF_SIGNALS,
    Sentence,
    describe_cleaning,
    describe_features,
    describe_software,
    paragraph,
)
from bidsml.report.normative_text import say_normative
from bidsml.report.preprocessing_text import describe_anatomy
from bidsml.report.references import COMBAT, COMBAT_BRAIN, COMBAT_DIFFUSION, SKLEARN, SNOEK
from bidsml.report.task_text import describe_task
from bidsml.report.wording import listing, name_columns, name_estimator, plural, start_sentence
from bidsml.spec import AnalysisSpec, NuisanceSpec


def section(result: Result) -> Section:
    """Write the methods of the group level from what ran, with sources."""
    text = methods_text(result)
    stem = f"group/{result.analysis}/methods"
    features = f"logs/CITATION_participant_analysis-{result.analysis}.md"
    files = [("Markdown with citation keys", ".md"), ("HTML", ".html"), ("BibTeX", ".bib")]
    return Section(
        anchor="methods",
        title="Methods",
        lead=text.note,
        blocks=(
            *(paragraph(sentences) for sentences in text.paragraphs),
            References(text.sources),
            Bullets(tuple(Link(f"{words}: methods{ending}", stem + ending) for words, ending in files), "As files"),
            Bullets((Link("How the participant level made the features", features),), "The other half"),
        ),
    )


def methods_text(result: Result) -> MethodsText:
    """Write what was done, from the analysis that ran and what became of it."""
    return MethodsText(
        title=f"Methods of the analysis {result.analysis}",
        note="What was done, made from the analysis that ran; the text may be copied into a paper.",
        paragraphs=(
            (*_people(result), *_features(result)),
            (*describe_preparation(read_spec(result)), *_models(result)),
            (*describe_intervals(result), *describe_chance(result), *describe_evaluation(result)),
        ),
    )


def _people(result: Result) -> list[Sentence]:
    spec = read_spec(result)
    what = "class labels" if result.task == "classification" else "the outcome"
    sentences = [
        *describe_software(result.provenance.version, result.provenance.packages, plugins=result.provenance.plugins),
        Sentence(f"{_say_analysed(result)} analysed, with {what} from the column {name_target(result)}."),
    ]
    if spec.cohort.include:
        sentences.append(Sentence(f"People were included on the condition: {spec.cohort.include}."))
    return sentences


def _say_analysed(result: Result) -> str:
    considered, aside = result.cohort.considered, len(set_aside(result))
    if considered == len(result.cohort.target):
        return f"All {say_counts(result)} of the dataset were"
    other = f", {aside} of whom were of classes that were not asked for," if aside else ","
    return f"Of {considered} people considered{other} {say_counts(result)} were"


def _features(result: Result) -> list[Sentence]:
    spec = read_spec(result)
    kinds = {block.kind for block in result.blocks}
    denoise = spec.denoise.model_dump()
    sentences: list[Sentence] = []
    if kinds & {"gray_matter", "morphometry"}:  # only ever made from raw images, by the built-in preprocessing
        space = "" if spec.preprocess.space == "auto" else spec.preprocess.space
        sentences += describe_anatomy(spec.preprocess, space=space, is_averaged=spec.preprocess.t1w == "average")
    # Whether BOLD or ready series were read is known only where the analysis asks for one of them alone.
    if spec.input.kind == "bold" and kinds & OF_SIGNALS:
        sentences += [Sentence("The features rest on preprocessed BOLD runs."), *describe_cleaning(denoise, kinds)]
    if spec.input.kind == "raw" and kinds & (OF_SIGNALS | {"task_contrast"}):
        words = "Raw BOLD runs were preprocessed by bidsml itself, as the report of each participant describes."
        sentences.append(Sentence(words))
        sentences += describe_cleaning(denoise, kinds) if kinds & OF_SIGNALS else []
    if "task_contrast" in kinds:
        sentences += describe_task(spec.task, spec.denoise)
    blocks = [(block.kind, block.measure, block.atlas) for block in result.blocks]
    smoothing = spec.preprocess.gray_matter_fwhm_mm
    sentences += describe_features(blocks, options=spec.features, density_fwhm_mm=smoothing)
    total = sum(block.stop - block.start for block in result.blocks)
    return [
        *_cite_atlases(sentences, result.atlases),
        Sentence(f"Each person was thus described by {plural(total, 'feature')}."),
    ]


def _cite_atlases(sentences: list[Sentence], atlases: Sequence[Atlas]) -> list[Sentence]:
    """Add the source of an atlas to the sentences that name it."""
    cited = []
    for sentence in sentences:
        named = [atlas for atlas in atlases if atlas.reference and f"the {atlas.name} atlas" in sentence.text]
        cited.append(Sentence(sentence.text, (*sentence.sources, *map(_atlas_source, named))))
    return cited


def _atlas_source(atlas: Atlas) -> Reference:
    doi = re.search(r"10\.\d{4,}/[^\s,;]+", atlas.reference)
    return Reference(f"{atlas.name}: {atlas.reference}", doi=doi[0].rstrip(".") if doi else "")


def describe_preparation(spec: AnalysisSpec) -> list[Sentence]:
    """Say what was fitted on the training participants, in the order in which it was."""
    sentences = [
        Sentence("In every fold, all preparation was fitted on the training participants alone."),
        Sentence(
            f"Features that were missing in more than {100 * spec.cv.max_missing:g} % of them or did not vary were "
            "dropped, and other gaps filled with the median."
        ),
    ]
    if spec.normative:
        sentences += say_normative(spec.normative, has_sites=bool(spec.cohort.site))
    if spec.nuisance.harmonize == "combat":
        sentences.append(_say_combat(spec.nuisance))
    if spec.nuisance.regress:
        verb = "was" if len(spec.nuisance.regress) == 1 else "were"
        words = f"Of every feature, {name_columns(spec.nuisance.regress)} {verb} regressed out (Snoek et al., 2019)."
        sentences.append(Sentence(words, (SNOEK,)))
    return [*sentences, Sentence("Features were then standardised."), *describe_fusion(spec)]


def _say_combat(nuisance: NuisanceSpec) -> Sentence:
    kept = f", with the effect of {name_columns(nuisance.preserve)} kept" if nuisance.preserve else ""
    unseen = ""
    if nuisance.unseen_site == "pooled":
        unseen = "; people of a site without training participants got the pooled mean and variance"
    return Sentence(
        f"Features were harmonised over sites by ComBat{kept} "
        f"(Johnson et al., 2007; Fortin et al., 2017; Fortin et al., 2018){unseen}.",
        (COMBAT, COMBAT_DIFFUSION, COMBAT_BRAIN),
    )


def _models(result: Result) -> list[Sentence]:
    main = result.cv[0].design
    folds = folds_of(result, main)
    repeats = len({fold.repeat for fold in folds})
    plan = Plan(main, len(folds) // max(1, repeats), repeats, bool(folds_of(result, LEAVE_SITE_OUT)))
    return describe_models(read_spec(result), plan)


@dataclass(frozen=True)
class Plan:
    """How people are split: design, folds (0: as many as there are groups), repeats, and sites left out besides."""

    design: str
    folds: int
    repeats: int
    sites_left_out: bool


def describe_models(spec: AnalysisSpec, plan: Plan) -> list[Sentence]:
    """Say which models were evaluated, how they were tuned, and against what."""
    n_folds = f" with {plural(plan.folds, 'fold')}" if plan.folds else ""
    again = f", repeated {plural(plan.repeats, 'time')}" if plan.repeats > 1 else ""
    kinds = listing([name_estimator(estimator.kind) for estimator in spec.estimators])
    verb = "was" if len(spec.estimators) == 1 else "were"
    sentences = [
        Sentence(
            f"{start_sentence(kinds)} (scikit-learn; Pedregosa et al., 2011) {verb} evaluated by {plan.design} "
            f"cross-validation{n_folds}{again}.",
            (SKLEARN,),
        )
    ]
    if any(estimator.grid != {} for estimator in spec.estimators):
        sentences.append(
            Sentence(
                "Hyper-parameters were tuned by inner cross-validation of the training participants, with at most "
                f"{plural(spec.cv.inner.folds, 'fold')}."
            )
        )
    if spec.nuisance.baseline:
        confounds = name_columns(spec.nuisance.baseline)
        sentences.append(Sentence(f"A model of the confounds alone ({confounds}) was evaluated on the same folds."))
    sentences += describe_ablation(spec)
    if plan.design != LEAVE_SITE_OUT and plan.sites_left_out:
        sentences.append(Sentence("In addition, every site was left out in turn."))
    return sentences
