"""Curves are scikit-learn's; bands hold them and shrink with people."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from bidsml.learn.ranking import rank_curves
from bidsml.records import Cohort, CVResult, Fold, RankingCurve


def curves(scores: np.ndarray, target: np.ndarray, *, classes=("control", "patient")) -> tuple[RankingCurve, ...]:
    """Curves of scores ``(n_repeats, n, n_outputs)``, all tested by two folds a repeat."""
    n = len(target)
    halves = np.array_split(np.arange(n), 2)
    folds = [
        Fold("stratified", repeat, i, f"fold {i}", np.setdiff1d(np.arange(n), half), half, np.zeros(n - len(half), int))
        for repeat in range(len(scores))
        for i, half in enumerate(halves)
    ]
    cv = CVResult("ridge", "biomarker", "stratified", scores, scores[:, :, 0] > 0, None, {})
    cohort: Cohort = SimpleNamespace(  # type: ignore[assignment]
        target=target.astype(float), classes=classes, positive=classes[-1] if classes else "",
        unit=tuple(map(str, range(n))),
    )  # fmt: skip
    return rank_curves((cv,), folds, cohort, seed=3)


def sample(n: int, *, effect: float = 1.0, repeats: int = 1, digits: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    target = (np.arange(n) % 3 == 0).astype(int)
    scores = np.round(rng.normal(size=(repeats, n, 1)) + effect * target[:, None], digits)
    return scores, target


@pytest.mark.parametrize("digits", [9, 0])
def test_areas_and_curves_are_those_of_scikit_learn(digits: int) -> None:
    scores, target = sample(90, repeats=2, digits=digits)
    (made,) = curves(scores, target)
    each = [one[:, 0] for one in scores]
    assert made.roc_auc == pytest.approx(np.mean([roc_auc_score(target, s) for s in each]), abs=1e-12)
    average = np.mean([average_precision_score(target, s) for s in each])
    assert made.average_precision == pytest.approx(average, abs=1e-12)
    rates = []
    for s in each:
        false, true, _ = roc_curve(target, s, drop_intermediate=False)
        rates.append([np.interp(x, false, true) for x in made.grid])
    assert made.true_positive_rate == pytest.approx(np.mean(rates, axis=0), abs=1e-12)
    assert made.prevalence == pytest.approx(1 / 3)


def test_precision_is_that_of_the_first_threshold_that_reaches_a_recall() -> None:
    scores, target = sample(60)
    (made,) = curves(scores, target)
    precision, recall, _ = precision_recall_curve(target, scores[0, :, 0])
    for at, value in list(zip(made.grid, made.precision, strict=True))[1:]:
        # scikit-learn's recalls fall: the last that is high enough is the first threshold.
        assert value == pytest.approx(precision[np.flatnonzero(recall >= at - 1e-9)[-1]])


def test_the_band_holds_the_curve_and_shrinks_with_people() -> None:
    widths = []
    for n in (60, 600):
        (made,) = curves(*sample(n))
        inner = slice(5, -5)
        assert (made.rate_low <= made.true_positive_rate + 0.02)[inner].all()
        assert (made.rate_high >= made.true_positive_rate - 0.02)[inner].all()
        assert made.rate_low.min() >= 0 and made.rate_high.max() <= 1
        widths.append((made.rate_high - made.rate_low)[inner].mean())
    # Like 1/√n.
    assert widths[1] < 0.5 * widths[0]


def test_perfect_scores_have_the_whole_area() -> None:
    target = np.arange(40) % 2
    (made,) = curves(target[None, :, None] * 2.0 - 1, target)
    assert made.roc_auc == made.average_precision == 1
    assert (made.true_positive_rate == 1).all() and (made.precision == 1).all()


def test_every_class_is_ranked_against_the_rest_and_a_regression_not_at_all() -> None:
    rng = np.random.default_rng(0)
    target = np.arange(90) % 3
    scores = rng.normal(size=(1, 90, 3)) + 2 * np.eye(3)[target]
    made = curves(scores, target, classes=("a", "b", "c"))
    assert [one.output for one in made] == ["a", "b", "c"]
    for code, one in enumerate(made):
        assert one.roc_auc == pytest.approx(roc_auc_score(target == code, scores[0, :, code]))
    assert curves(scores[:, :, :1], target, classes=()) == ()
