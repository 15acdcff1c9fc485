"""Drawings of curves with their uncertainty: calibration, net benefit, learning."""

from collections.abc import Sequence
from typing import Any

from bidsml.records import CalibrationCurve, FloatArray, LearningCurve, RankingCurve, Utility
from bidsml.report.canvas import BLUE, CYCLE, GREY, INK, VERMILLION, paint_svg
from bidsml.report.figures import Curve


def calibration_plot(curve: CalibrationCurve, *, positive: str, name: str, alt: str) -> str:
    """Draw observed shares with their intervals against predicted probabilities, and the line of perfection."""

    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", label="perfect")
        spread = [curve.observed - curve.low, curve.high - curve.observed]
        axes.errorbar(
            curve.predicted, curve.observed, yerr=spread, fmt="o-", color=BLUE, linewidth=1.2, markersize=4,
            label="out of fold, 95 % interval",
        )  # fmt: skip
        axes.set(
            xlabel=f"Predicted probability of {positive}", ylabel="Share for whom it was so", aspect="equal",
            xlim=(-0.02, 1.02), ylim=(-0.02, 1.02),
        )  # fmt: skip
        axes.legend(loc="upper left")

    return paint_svg(name, paint, alt=alt, height_in=4.4)


def decision_plot(utility: Utility, *, positive: str, name: str, alt: str) -> str:
    """Draw net benefit against threshold probability: acting on the model, on everyone, on nobody."""

    def paint(axes: Any) -> None:
        x = utility.threshold_probability
        axes.axhline(0, color=INK, linewidth=0.9, label="act on nobody")
        axes.plot(x, utility.treat_all, color=GREY, linewidth=1.2, linestyle="--", label="act on everyone")
        axes.plot(x, utility.net_benefit, color=BLUE, linewidth=1.8, label="act on the biomarker")
        top = max(float(utility.net_benefit.max()), float(utility.treat_all.max()), 0.01)
        # Far below nobody's 0 the curves fall without end and tell nothing.
        axes.set(
            xlabel=f"Probability of {positive} from which one would act", ylabel="Net benefit",
            xlim=(0, 1), ylim=(-0.25 * top, 1.08 * top),
        )  # fmt: skip
        axes.legend(loc="upper right")

    return paint_svg(name, paint, alt=alt, height_in=3.2)


def learning_plot(
    curve: LearningCurve, law: Sequence[Curve], *, label: str, chance: float | None, name: str, alt: str
) -> str:
    """Draw the metric against the training size, with intervals, the fitted law and where it is only a guess."""

    def paint(axes: Any) -> None:
        if chance is not None:
            axes.axhline(chance, color=GREY, linewidth=0.8, linestyle="--")
        spread: list[FloatArray] = [curve.estimate - curve.low, curve.high - curve.estimate]
        axes.errorbar(curve.size, curve.estimate, yerr=spread, fmt="o", color=BLUE, markersize=4, label="95 % interval")
        for part in law:
            style = ":" if part.faint else "-"
            axes.plot(part.x, part.y, color=VERMILLION, linewidth=1.2, linestyle=style, label=part.label)
        axes.set(xlabel="Training people", ylabel=label, xlim=(0, None))
        axes.legend(loc="lower right")

    return paint_svg(name, paint, alt=alt, height_in=3.2)


def roc_plot(curves: Sequence[tuple[str, RankingCurve]], *, name: str, alt: str) -> str:
    """Draw named ROC curves: false positive rate to the right, true positive rate upwards, the band of the first."""

    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", label="guessing")
        for (label, curve), colour in zip(curves, CYCLE * len(curves), strict=False):
            axes.plot(curve.grid, curve.true_positive_rate, color=colour, linewidth=1.8, label=label)
        _band(axes, curves[0][1].grid, curves[0][1].rate_low, curves[0][1].rate_high)
        axes.set(
            xlabel="False positive rate (1 − specificity)", ylabel="True positive rate (sensitivity)", aspect="equal",
            xlim=(-0.01, 1.01), ylim=(-0.01, 1.01),
        )  # fmt: skip
        axes.legend(loc="lower right")

    return paint_svg(name, paint, alt=alt, height_in=4.4)


def precision_plot(curves: Sequence[tuple[str, RankingCurve]], *, name: str, alt: str) -> str:
    """Draw named precision-recall curves, each class's prevalence, and the band of the first."""

    def paint(axes: Any) -> None:
        for level in sorted({curve.prevalence for _, curve in curves}):
            axes.axhline(level, color=GREY, linewidth=0.8, linestyle="--")
        for (label, curve), colour in zip(curves, CYCLE * len(curves), strict=False):
            # Where nobody is found, precision is not defined.
            axes.plot(curve.grid[1:], curve.precision[1:], color=colour, linewidth=1.8, label=label)
        first = curves[0][1]
        _band(axes, first.grid[1:], first.precision_low[1:], first.precision_high[1:])
        axes.set(
            xlabel="Recall (sensitivity)", ylabel="Precision (positive predictive value)", aspect="equal",
            xlim=(-0.01, 1.01), ylim=(-0.01, 1.01),
        )  # fmt: skip
        axes.legend(loc="lower left")

    return paint_svg(name, paint, alt=alt, height_in=4.4)


def _band(axes: Any, x: FloatArray, low: FloatArray, high: FloatArray) -> None:
    axes.fill_between(x, low, high, color=CYCLE[0], alpha=0.18, linewidth=0, label="its 95 % band, point by point")
