"""Whether the predicted probabilities mean what they say."""

import math

from bidsml.records import CalibrationCurve, Result
from bidsml.report.blocks import Block, Facts, Figure, Paragraph, Section, Table
from bidsml.report.curves import calibration_plot
from bidsml.report.disclosure import protect_count
from bidsml.report.lookup import read_spec
from bidsml.report.wording import estimate, interval, number, percent

_EVEN = 0.05
"""Classes whose shares are nearer to a half than this are called even."""


def section(result: Result) -> Section | None:
    """Draw the calibration of the headline's model; nothing for a regression."""
    headline = result.headline
    mine = (c for c in result.calibration if (c.estimator, c.design) == (headline.estimator, headline.design))
    curve = next(mine, None)
    if curve is None:
        return None
    blocks: tuple[Block, ...] = (Paragraph(f"There is no calibration curve: {curve.note}."),)
    if curve.n.size:
        blocks = (_figure(result, curve), _facts(curve), *_balanced(result, curve))
    return Section(
        anchor="calibration",
        title="Calibration",
        lead="Whether a predicted probability of 70 % comes true for 70 of 100 people. A model may rank people well "
        "and still be wrong about the probabilities.",
        blocks=blocks,
    )


def _figure(result: Result, curve: CalibrationCurve) -> Figure:
    name, positive = "calibration", result.cohort.positive
    alt = (
        f"Of people with predicted probabilities of {positive} around {percent(float(curve.predicted[0]))}, "
        f"{percent(float(curve.observed[0]))} were so; around {percent(float(curve.predicted[-1]))}, "
        f"{percent(float(curve.observed[-1]))}. Slope {number(curve.slope)} (1 is perfect), "
        f"expected calibration error {estimate(curve.ece)}."
    )
    rows = tuple(
        (
            str(part + 1),
            str(curve.n[part]),
            protect_count(int(curve.positives[part])),
            estimate(float(curve.predicted[part])),
            estimate(float(curve.observed[part])),
            interval(float(curve.low[part]), float(curve.high[part])),
        )
        for part in range(curve.n.size)
    )
    columns = ("Part", "People", positive, "Mean predicted", "Observed share", "95 % interval (Wilson)")
    return Figure(
        name=name,
        svg=calibration_plot(curve, positive=positive, name=name, alt=alt),
        alt=alt,
        table=Table("calibration by equal parts of the people", columns, rows),
    )


def _facts(curve: CalibrationCurve) -> Facts:
    return Facts(
        (
            ("Slope", f"{number(curve.slope)}: 1 is perfect, below 1 the probabilities are too extreme"),
            ("Intercept", f"{number(curve.intercept)}: 0 is perfect, above 0 they are too low on the whole"),
            (
                "Expected calibration error",
                f"{estimate(curve.ece)}: mean distance of predicted and observed over the parts; by chance alone not 0",
            ),
        )
    )


def _balanced(result: Result, curve: CalibrationCurve) -> tuple[Paragraph, ...]:
    """Say where a shift comes from that balanced class weights make; nothing where there are none, or none is seen."""
    share = float(curve.positives.sum() / curve.n.sum())
    given = next((one for one in read_spec(result).estimators if one.name == curve.estimator), None)
    if given is None or given.class_weight != "balanced" or abs(share - 0.5) < _EVEN:
        return ()
    expected = math.log(share / (1 - share))
    towards = "high" if expected < 0 else "low"
    return (
        Paragraph(
            f"The model was trained with balanced class weights, as if {percent(0.5)} of the people were "
            f"{result.cohort.positive}; here {percent(share)} are. Its probabilities are therefore too {towards} by "
            f"about {number(abs(expected), 2)} on the scale of log odds, and an intercept near {number(expected, 2)} "
            "is what this choice makes, not a fault of the features. It changes neither the order of people nor the "
            'AUC. Where probabilities are to be used, set class_weight = "none" or recalibrate on people like those it '
            "is meant for."
        ),
    )
