"""Sections on calibration, utility, sample size and subgroups."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from bidsml.learn.calibration import calibration_curve
from bidsml.learn.curve import extrapolate
from bidsml.learn.subgroups import judge_subgroups
from bidsml.learn.utility import utility_of
from bidsml.records import LearningCurve, Result
from bidsml.report import render_group
from bidsml.report.blocks import Figure, Paragraph, Section
from bidsml.report.group import calibration, learning_curve, subgroups, utility
from bidsml.report.lookup import read_spec


def learned(loss: float = 0.6, n_sizes: int = 8) -> LearningCurve:
    size = np.geomspace(20, 135, n_sizes)
    values = 0.8 - loss * size**-0.5
    curve = LearningCurve(
        "logistic", "stratified", "roc_auc", size, values, values - 0.1, values + 0.1, np.full(n_sizes, 3)
    )
    return extrapolate(curve, higher_is_better=True)


@pytest.fixture(scope="module")
def evaluated(binary: Result) -> Result:
    scores = binary.cv[0].scores[:, :, 0]
    probable = special.expit(scores)
    cv = replace(binary.cv[0], probabilities=np.stack([1 - probable, probable], axis=2))
    folds = [fold for fold in binary.folds if fold.design == cv.design]
    spec = read_spec(binary)
    return replace(
        binary,
        cv=(cv, *binary.cv[1:]),
        calibration=(calibration_curve(cv, folds, binary.cohort),),
        utility=(utility_of(cv, folds, binary.cohort),),
        learning_curves=(learned(),),
        subgroups=judge_subgroups(cv, folds, binary.cohort, spec=spec, seed=0),
    )


def figure(section: Section | None, name: str) -> Figure:
    return next(b for b in section.blocks if isinstance(b, Figure) and b.name == name)


def text(section: Section | None) -> str:
    return " ".join(b.text for b in section.blocks if isinstance(b, Paragraph))


def test_every_section_stands_on_the_page_once(evaluated: Result) -> None:
    page = render_group(evaluated)
    for anchor in ("calibration", "utility", "learning-curve", "subgroups"):
        assert page.html.count(f'id="{anchor}"') == 1
    assert {"calibration", "decision-curve", "learning-curve", "subgroups"} <= set(page.figures)


def test_a_result_without_them_shows_none(binary: Result, regression: Result) -> None:
    for result in (replace(binary, subgroups=()), replace(regression, subgroups=())):
        for section in (calibration.section, utility.section, learning_curve.section, subgroups.section):
            assert section(result) is None


def test_an_intercept_that_balanced_weights_make_is_explained(evaluated: Result) -> None:
    curve = evaluated.calibration[0]
    rare = replace(curve, positives=np.rint(0.2 * curve.n).astype(int))  # 28 of 150: log odds -1.47
    entry = {"kind": curve.estimator, "class_weight": "balanced"}
    spec = {**evaluated.spec, "estimators": [entry]}
    said = text(calibration.section(replace(evaluated, calibration=(rare,), spec=spec)))
    assert "balanced class weights" in said and "too high by about 1.5" in said and "near −1.5" in said
    assert "balanced" not in text(calibration.section(replace(evaluated, calibration=(rare,))))


def test_a_model_without_probabilities_says_so(evaluated: Result) -> None:
    folds = [fold for fold in evaluated.folds if fold.design == "stratified"]
    blind = replace(evaluated.cv[0], estimator="logistic", probabilities=None)
    made = replace(
        evaluated,
        calibration=(calibration_curve(blind, folds, evaluated.cohort),),
        utility=(utility_of(blind, folds, evaluated.cohort),),
    )
    assert "no probabilities" in text(calibration.section(made))
    assert "no probabilities" in text(utility.section(made))


def test_the_calibration_counts_everyone_once(evaluated: Result) -> None:
    rows = figure(calibration.section(evaluated), "calibration").table.rows
    assert sum(int(row[1]) for row in rows) == len(evaluated.cohort.target)


def test_the_curve_says_whether_it_flattens(evaluated: Result) -> None:
    assert "does not flatten within the data" in figure(learning_curve.section(evaluated), "learning-curve").alt
    flat = replace(evaluated, learning_curves=(learned(loss=0.05),))
    assert "It is flat from about 20 on" in figure(learning_curve.section(flat), "learning-curve").alt
    short = replace(evaluated, learning_curves=(learned(n_sizes=3),))
    assert "no power law" in text(learning_curve.section(short))


def test_a_small_subgroup_has_no_figure_and_no_count(evaluated: Result) -> None:
    table = evaluated.cohort.table.copy()
    table["age"] = np.where(np.arange(len(table)) < 7, 1.0, 2.0)
    made = replace(
        evaluated,
        subgroups=judge_subgroups(
            evaluated.cv[0],
            [fold for fold in evaluated.folds if fold.design == "stratified"],
            replace(evaluated.cohort, table=table),
            spec=read_spec(evaluated),
            seed=0,
        ),
    )
    row = next(row for row in figure(subgroups.section(made), "subgroups").table.rows if row[:2] == ("age", "1"))
    assert "<5" in row and row[-2].startswith("n/a")
    assert "age: 1 " not in figure(subgroups.section(made), "subgroups").svg
    assert "not tested" in text(subgroups.section(made))
