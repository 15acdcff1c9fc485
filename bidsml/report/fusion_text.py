"""How several blocks of features became one biomarker, for the methods text."""

from bidsml.report.blocks import Reference
from bidsml.report.methods_text import Sentence
from bidsml.spec import AnalysisSpec

FACTOR_ANALYSIS = Reference(
    "Escofier B, Pagès J 1994. Multiple factor analysis (AFMULT package). Computational Statistics & Data Analysis "
    "18:121–140.",
    doi="10.1016/0167-9473(94)90135-X",
)
STACKED_GENERALIZATION = Reference(
    "Wolpert DH 1992. Stacked generalization. Neural Networks 5:241–259.", doi="10.1016/S0893-6080(05)80023-1"
)
STACKED_REGRESSIONS = Reference(
    "Breiman L 1996. Stacked regressions. Machine Learning 24:49–64.", doi="10.1007/BF00117832"
)
HOLM = Reference(
    "Holm S 1979. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6:65–70.",
    url="https://www.jstor.org/stable/4615733",
)


def describe_fusion(spec: AnalysisSpec) -> list[Sentence]:
    """Say how the blocks were fused; nothing where there is one."""
    if len(spec.features) < 2:
        return []
    fused = {"concatenate": _say_concatenated, "kernel_sum": _say_summed, "stacking": _say_stacked}[spec.fusion.kind]
    return [fused(spec)]


def describe_ablation(spec: AnalysisSpec) -> list[Sentence]:
    """Say how the blocks were judged; nothing where they were not."""
    if len(spec.features) < 2 or not spec.fusion.ablation:
        return []
    words = (
        "What each block of features adds was measured by cross-validating the first model on each block alone and "
        "without each block, on the same folds; p values of the differences were corrected over the blocks (Holm, "
        "1979)."
    )
    return [Sentence(words, (HOLM,))]


def _say_concatenated(spec: AnalysisSpec) -> Sentence:
    if not spec.fusion.scale_blocks:
        return Sentence("The blocks of features were put side by side, every feature weighing the same.")
    return Sentence(
        "The blocks of features were put side by side, each scaled to the same total variance among the training "
        "participants (block scaling, as in multiple factor analysis; Escofier & Pagès, 1994).",
        (FACTOR_ANALYSIS,),
    )


def _say_summed(spec: AnalysisSpec) -> Sentence:
    return Sentence(
        "The linear kernels of the blocks of features, each divided by its trace among the training participants, "
        "were added with weights in quarters; the inner folds chose the weights together with the other "
        "hyper-parameters."
    )


def _say_stacked(spec: AnalysisSpec) -> Sentence:
    level = "a ridge regression" if spec.target.task == "regression" else "a logistic regression"
    return Sentence(
        "The blocks of features were fused by stacking (Wolpert, 1992): a model of each block was tuned and scored by "
        f"the inner folds, and {level} with weights that are not negative (Breiman, 1996) was fitted on these "
        "out-of-fold scores of the training participants.",
        (STACKED_GENERALIZATION, STACKED_REGRESSIONS),
    )
