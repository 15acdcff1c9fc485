"""What the predictions would be good for."""

import numpy as np

from bidsml.records import Result, Utility
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.curves import decision_plot
from bidsml.report.disclosure import protect_counts
from bidsml.report.wording import estimate, percent, start_sentence

_SHOWN = 10
"""Every tenth threshold goes into the report's table; all are in the published one."""


def section(result: Result) -> Section | None:
    """Count right and wrong predictions, and weigh them; nothing for a regression."""
    headline = result.headline
    mine = (u for u in result.utility if (u.estimator, u.design) == (headline.estimator, headline.design))
    utility = next(mine, None)
    if utility is None:
        return None
    blocks: list[Block] = [_confusion(result, utility)]
    if utility.prevalence.size:
        blocks.append(_predictive_values(result, utility))
    if utility.threshold_probability.size:
        blocks.append(_decision_curve(result, utility))
    if utility.note:
        blocks.append(Paragraph(f"{start_sentence(utility.note)}."))
    return Section(
        anchor="utility",
        title="Utility",
        lead="What acting on the predictions would mean: who is taken for what, how far a prediction can be trusted "
        "where the condition is rarer than in this sample, and whether acting on it beats acting on all or none.",
        blocks=tuple(blocks),
    )


def _confusion(result: Result, utility: Utility) -> Table:
    classes = result.cohort.classes
    cells = protect_counts(utility.confusion)
    rows = tuple((f"is {truth}", *row) for truth, row in zip(classes, cells, strict=True))
    at = (
        f"above a {utility.scale} of {utility.threshold:g}" if len(classes) == 2 else "the class with the highest score"
    )
    words = f"{result.cohort.positive} predicted {at}" if len(classes) == 2 else f"predicted is {at}"
    caption = f"People by true and predicted class, out of fold, first repeat: {words}"
    return Table(caption, ("True class", *classes), rows)


def _predictive_values(result: Result, utility: Utility) -> Table:
    last = utility.prevalence.size - 1
    rows = tuple(
        (
            percent(float(prevalence)) + (" (this sample)" if number == last else ""),
            percent(float(utility.ppv[number])),
            percent(float(utility.npv[number])),
        )
        for number, prevalence in enumerate(utility.prevalence)
    )
    positive = result.cohort.positive
    columns = (f"Share of {positive}", f"Predicted {positive}: right", "Predicted otherwise: right")
    caption = (
        f"Predictive values by prevalence, at sensitivity {percent(utility.sensitivity)} and specificity "
        f"{percent(utility.specificity)} (first repeat), taken to stay the same"
    )
    return Table(caption, columns, rows)


def _decision_curve(result: Result, utility: Utility) -> Figure:
    name, positive = "decision-curve", result.cohort.positive
    threshold = utility.threshold_probability
    better = utility.net_benefit > np.maximum(utility.treat_all, 0) + 1e-12
    said = (
        f"beats acting on everyone and on nobody at {int(better.sum())} of {threshold.size} thresholds, between "
        f"{percent(float(threshold[better].min()))} and {percent(float(threshold[better].max()))}"
        if better.any()
        else f"beats acting on everyone or nobody at none of {threshold.size} thresholds"
    )
    alt = f"Net benefit by the probability of {positive} from which one would act: acting on the biomarker {said}."
    rows = tuple(
        (
            percent(float(threshold[number])),
            estimate(float(utility.net_benefit[number])),
            estimate(float(utility.treat_all[number])),
            "0",
        )
        for number in range(_SHOWN - 1, threshold.size, _SHOWN)
    )
    columns = ("Threshold", "Act on the biomarker", "Act on everyone", "Act on nobody")
    return Figure(
        name=name,
        svg=decision_plot(utility, positive=positive, name=name, alt=alt),
        alt=alt,
        table=Table("net benefit", columns, rows),
    )
