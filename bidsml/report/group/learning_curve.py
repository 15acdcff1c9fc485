"""Whether more people would help."""

import math

import numpy as np

from bidsml.records import LearningCurve, Result
from bidsml.report.blocks import Block, Figure, Paragraph, Section, Table
from bidsml.report.curves import learning_plot
from bidsml.report.figures import Curve
from bidsml.report.lookup import name_primary
from bidsml.report.wording import CHANCE, LOWER_IS_BETTER, estimate, interval, start_sentence


def section(result: Result) -> Section | None:
    """Draw the primary metric against the number of training people."""
    curve = next(iter(result.learning_curves), None)
    if curve is None or not np.isfinite(curve.estimate).any():
        return None
    blocks: list[Block] = [_figure(result, curve)]
    if curve.note:
        blocks.append(Paragraph(f"{start_sentence(curve.note)}."))
    return Section(
        anchor="learning-curve",
        title="Sample size",
        lead="The same test people predicted by models that were trained on fewer. Hyper-parameters are those chosen "
        "with all training people, so that small sizes may be drawn a little too low or too high."
        + (" The curve uses the first repeat; the headline averages all." if result.cv[0].scores.shape[0] > 1 else ""),
        blocks=tuple(blocks),
    )


def _say_flat(curve: LearningCurve, metric: str) -> str:
    """Say from which size on more people bring next to nothing."""
    if math.isnan(curve.exponent):
        return ""
    largest = f"{curve.size.max():.0f}"
    further = f"twice {largest} are expected to bring {estimate(curve.gain)}"
    if math.isnan(curve.flat_from):
        return f" The curve does not flatten within the data: {further}."
    least = f"less than {estimate(curve.smallest_gain)} in {metric}"
    return f" It is flat from about {curve.flat_from:.0f} on (twice as many bring {least}); {further}."


def _figure(result: Result, curve: LearningCurve) -> Figure:
    name, metric = "learning-curve", name_primary(result)
    alt = (
        f"{start_sentence(metric)} by training people: {estimate(float(curve.estimate[0]))} with "
        f"{curve.size[0]:.0f}, {estimate(float(curve.estimate[-1]))} with {curve.size[-1]:.0f}."
        f"{_say_flat(curve, metric)}"
    )
    label = f"{metric} (smaller is better)" if result.primary_metric in LOWER_IS_BETTER else metric
    rows = tuple(
        (
            f"{size:.0f}",
            estimate(float(curve.estimate[i])),
            interval(float(curve.low[i]), float(curve.high[i])),
            str(curve.n_subsets[i]),
        )
        for i, size in enumerate(curve.size)
    )
    columns = ("Training people (mean over folds)", metric, "95 % interval", "Random subsets")
    chance = CHANCE.get(result.primary_metric)
    return Figure(
        name=name,
        svg=learning_plot(curve, _law(curve), label=label, chance=chance, name=name, alt=alt),
        alt=alt,
        table=Table("learning curve", columns, rows),
    )


def _law(curve: LearningCurve) -> list[Curve]:
    """Trace the fitted power law over the sizes measured, and on to twice the largest."""
    if math.isnan(curve.exponent):
        return []
    low, high = float(curve.size.min()), float(curve.size.max())
    pieces = (
        ("power law", np.linspace(low, high, 60), False),
        ("its guess beyond", np.linspace(high, 2 * high, 20), True),
    )
    return [
        Curve(label, x, curve.asymptote - curve.scale * x**-curve.exponent, faint=faint) for label, x, faint in pieces
    ]
