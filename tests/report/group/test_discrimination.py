"""The curves are those of the scores."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bidsml.records import Result
from bidsml.report.blocks import Figure, Paragraph, Table
from bidsml.report.group import discrimination


def figure(result: Result, name: str) -> Figure:
    return next(b for b in discrimination.section(result).blocks if isinstance(b, Figure) and b.name == name)


def area(words: str) -> float:
    return float(re.search(r"AUC (\d\.\d+)", words)[1])


def test_the_area_in_words_is_that_of_the_scores(binary: Result) -> None:
    cv = binary.cv[0]
    expected = np.mean([roc_auc_score(binary.cohort.target, repeat[:, 0]) for repeat in cv.scores])
    assert area(figure(binary, "roc").alt) == pytest.approx(expected, abs=6e-4)
    assert f"AUC {expected:.3f}" in figure(binary, "roc").svg


def test_every_class_has_its_curve_against_the_rest(three_classes: Result) -> None:
    drawn = figure(three_classes, "roc")
    for code, name in enumerate(three_classes.cohort.classes):
        scores = three_classes.cv[0].scores[0][:, code]
        expected = roc_auc_score(three_classes.cohort.target == code, scores)
        said = re.search(rf"{name} against the rest, AUC (\d\.\d+)", drawn.alt)
        assert float(said[1]) == pytest.approx(expected, abs=6e-4)


def test_two_classes_are_drawn_beside_the_confounds(binary: Result) -> None:
    for name in ("roc", "precision-recall"):
        drawn = figure(binary, name)
        assert "confounds alone" in drawn.alt and "95 % band" in drawn.svg
        assert len(drawn.table.rows) == 21 and len(drawn.table.columns) == 5


def test_the_ways_to_say_one_auc_stand_side_by_side(binary: Result) -> None:
    headline = binary.headline
    pooled = replace(headline, note="pooled", estimate=headline.estimate - 0.05)
    left_out = next(
        r for r in binary.performance if (r.model, r.design, r.metric) == ("biomarker", "leave-site-out", "roc_auc")
    )
    others = tuple(row for row in binary.performance if row is not left_out)
    worse = replace(left_out, estimate=headline.estimate - 0.1)
    blocks = discrimination.section(replace(binary, performance=(*others, pooled, worse))).blocks
    table = next(b for b in blocks if isinstance(b, Table))
    assert [row[1] for row in table.rows] == [f"{headline.estimate - gone:.3f}" for gone in (0, 0.05, 0.1)]
    assert "(the headline)" in table.rows[0][0] and "site left out" in table.rows[2][0]
    words = next(b for b in blocks if isinstance(b, Paragraph)).text
    assert "0.050 apart" in words and "0.100 worse" in words
    same = replace(worse, estimate=headline.estimate + 0.001)
    blocks = discrimination.section(replace(binary, performance=(*others, same))).blocks
    assert "about the same" in next(b for b in blocks if isinstance(b, Paragraph)).text


def test_one_way_needs_no_reconciling(bare: Result) -> None:
    assert not [b for b in discrimination.section(bare).blocks if isinstance(b, Table | Paragraph)]


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


def test_a_prediction_drawn_to_the_mean_is_said_to_be_no_gap(regression: Result) -> None:
    observed = regression.cohort.target
    halved = np.broadcast_to(observed.mean() + (observed - observed.mean()) / 2, regression.cv[0].predictions.shape)
    drawn = replace(regression, cv=(replace(regression.cv[0], predictions=halved), *regression.cv[1:]))
    words = " ".join(b.text for b in discrimination.section(drawn).blocks if isinstance(b, Paragraph))
    assert "higher by 0.50" in words and "at −1.0" in words
