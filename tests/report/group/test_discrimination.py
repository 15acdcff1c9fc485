"""The curves are those of the scores."""

import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bidsml.records import Result
from bidsml.report.blocks import Figure
from bidsml.report.group import discrimination


def figure(result: Result, name: str) -> Figure:
    return next(b for b in discrimination.section(result).blocks if isinstance(b, Figure) and b.name == name)


def test_the_area_in_words_is_that_of_the_scores(binary: Result) -> None:
    cv = binary.cv[0]
    expected = np.mean([roc_auc_score(binary.cohort.target, repeat[:, 0]) for repeat in cv.scores])
    said = re.search(r"patient: area (\d\.\d+)", figure(binary, "roc").alt)
    assert float(said[1]) == pytest.approx(expected, abs=6e-4)
    assert f"AUC {said[1]}" in figure(binary, "roc").svg


def test_the_drawn_mean_curve_has_the_area_in_words(binary: Result) -> None:
    repeats = discrimination._curves(binary, binary.cv[0], 0, 1)
    assert len(repeats) == 2
    x, y = discrimination._average(repeats)
    assert np.trapezoid(y, x) == pytest.approx(np.mean([np.trapezoid(b, a) for a, b in repeats]), abs=1e-12)
    assert (np.diff(x) >= 0).all() and (np.diff(y) >= -1e-12).all()


def test_every_class_has_its_curve_against_the_rest(three_classes: Result) -> None:
    drawn = figure(three_classes, "roc")
    for code, name in enumerate(three_classes.cohort.classes):
        scores = three_classes.cv[0].scores[0][:, code]
        expected = roc_auc_score(three_classes.cohort.target == code, scores)
        said = re.search(rf"{name} against the rest: area (\d\.\d+)", drawn.alt)
        assert float(said[1]) == pytest.approx(expected, abs=6e-4)


def test_swapping_the_positive_class_mirrors_nothing_by_itself(binary: Result) -> None:
    """Scores stand for ``positive``; the curve must be drawn for that class."""
    from dataclasses import replace

    mirrored = replace(binary, cohort=replace(binary.cohort, positive="control"))
    first = float(re.search(r"area (\d\.\d+)", figure(binary, "roc").alt)[1])
    second = float(re.search(r"area (\d\.\d+)", figure(mirrored, "roc").alt)[1])
    assert second == pytest.approx(1 - first, abs=1.1e-3)


def test_regression_shows_groups_of_at_least_five_people(regression: Result) -> None:
    drawn = figure(regression, "observed-predicted")
    sizes = [int(row[1]) for row in drawn.table.rows]
    assert sum(sizes) == len(regression.cohort.target) and min(sizes) >= 5
    predicted = np.nanmean(regression.cv[0].predictions, axis=0)
    expected = np.abs(predicted - regression.cohort.target).mean()
    assert float(re.search(r"truth (\d+\.\d+)", drawn.alt)[1]) == pytest.approx(expected, rel=0.01)


def test_every_fold_has_its_row(binary: Result) -> None:
    drawn = figure(binary, "folds")
    assert len(drawn.table.rows) == 10
    assert [row[3] for row in drawn.table.rows] == [f"{v:.3f}" for v in binary.cv[0].fold_metrics["roc_auc"]]
