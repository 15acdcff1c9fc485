"""Each participant once, where they came out; the worst first; small sites unnamed."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.records import Result, Utility
from bidsml.report.blocks import Bullets, Link, Paragraph, Table
from bidsml.report.group import failures, people
from bidsml.report.individuals import SMALL_SITES, judge_individuals, name_sites
from bidsml.report.viewers import Strip

KINDS = ("binary", "three_classes", "regression")


def strip(result: Result) -> Strip:
    return next(b for b in people.section(result).blocks if isinstance(b, Strip))


def worst(result: Result) -> Table:
    return next(b for b in failures.section(result).blocks if isinstance(b, Table))


@pytest.mark.parametrize("kind", KINDS)
def test_everyone_has_a_dot_and_a_row_that_lead_to_their_report(kind: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(kind)
    made = strip(result)
    pages = {f"sub-{label}.html" for label in result.cohort.participant_id}
    assert {dot.href for dot in made.dots} == pages and len(made.dots) == len(pages)
    assert {row[0].href for row in made.table.rows if isinstance(row[0], Link)} == pages
    assert all(len(row) == len(made.table.columns) for row in made.table.rows)


def test_a_dot_is_the_mean_of_its_repeats_on_the_line_of_its_class(binary: Result) -> None:
    made, cv = strip(binary), binary.cv[0]
    for dot, score, code in zip(made.dots, cv.scores.mean(axis=0)[:, 0], binary.cohort.target, strict=True):
        assert dot.value == pytest.approx(score) and made.bands[dot.band] == binary.cohort.classes[int(code)]
    wrong = (cv.predictions != binary.cohort.target).all(axis=0)
    assert [dot.is_wrong for dot in made.dots] == wrong.tolist()


def test_probabilities_are_shown_where_the_threshold_is_one(binary: Result) -> None:
    share = 1 / (1 + np.exp(-binary.cv[0].scores))
    cv = replace(binary.cv[0], probabilities=np.concatenate([1 - share, share], axis=2))
    none = np.empty(0)
    told = Utility(cv.estimator, "biomarker", cv.design, "probability", 0.5, np.zeros((2, 2), int), *[none] * 6)
    made = strip(replace(binary, cv=(cv, *binary.cv[1:]), utility=(told,)))
    assert made.reference == 0.5 and "Probability of patient" in made.label
    assert all(0 < dot.value < 1 for dot in made.dots)


def test_filters_know_who_was_tested_where(binary: Result) -> None:
    made = strip(binary)
    folds = [fold for fold in binary.folds if fold.design == "stratified"]
    assert len(made.filters["Tested in"]) == len(folds) and len(made.filters["Site"]) == 3
    for row, dot in enumerate(made.dots):
        site, tested = dot.groups
        assert made.filters["Site"][site[0]] == binary.cohort.site[row]
        assert tested == tuple(i for i, fold in enumerate(folds) if row in fold.test)


def test_sites_of_few_people_are_not_named(binary: Result) -> None:
    site = ("Tiny",) * 3 + binary.cohort.site[3:]
    result = replace(binary, cohort=replace(binary.cohort, site=site))
    assert name_sites(result.cohort)[:3] == (SMALL_SITES,) * 3
    made = strip(result)
    assert "Tiny" not in str(made.filters) + made.svg + str(made.table) + str(worst(result))


def test_few_wrong_predictions_are_not_counted_out(binary: Result) -> None:
    cv = binary.cv[0]
    predictions = np.tile(binary.cohort.target, (cv.predictions.shape[0], 1))
    predictions[:, 0] = 1 - predictions[:, 0]
    made = strip(replace(binary, cv=(replace(cv, predictions=predictions), *binary.cv[1:])))
    assert "<5 of them predicted wrongly" in made.alt and "0 of them predicted wrongly" in made.alt


@pytest.mark.parametrize("kind", KINDS)
def test_the_worst_are_the_furthest_on_the_wrong_side(kind: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(kind)
    standing = judge_individuals(result)
    table = worst(result)
    bad = {
        f"sub-{result.cohort.participant_id[row]}": value
        for row, value in zip(standing.rows, standing.badness, strict=True)
    }
    shown = [bad[row[0].text] for row in table.rows if isinstance(row[0], Link)]
    assert shown == sorted(bad.values(), reverse=True)[: len(shown)] and 0 < len(shown) <= 10
    if result.cohort.classes:
        assert min(shown) > 0


def test_error_of_a_regression_is_predicted_minus_observed(regression: Result) -> None:
    made = strip(regression)
    expected = regression.cv[0].predictions.mean(axis=0) - regression.cohort.target
    assert [dot.value for dot in made.dots] == pytest.approx(expected.tolist())
    thirds = [np.mean([dot.value for dot in made.dots if dot.band == band]) for band in range(3)]
    # Predictions that are not perfect lie nearer to the mean than the truth does.
    assert thirds[0] > thirds[1] > thirds[2]


def test_bad_data_behind_failures_is_found(binary: Result) -> None:
    standing = judge_individuals(binary)
    table = binary.cohort.table.copy()
    table["mean_fd"] = np.linspace(0.1, 0.5, len(table))[np.argsort(np.argsort(standing.badness))]
    moved = failures.section(replace(binary, cohort=replace(binary.cohort, table=table)))
    said = next(b for b in moved.blocks if isinstance(b, Bullets)).items[0]
    assert "differ in it (rank correlation" in said and "no sign" not in said and "1.0" in said
    table["mean_fd"] = np.random.default_rng(1).random(len(table))
    still = failures.section(replace(binary, cohort=replace(binary.cohort, table=table)))
    assert "no sign" in next(b for b in still.blocks if isinstance(b, Bullets)).items[0]


def test_nobody_is_told_to_relabel(binary: Result) -> None:
    text = next(b for b in failures.section(binary).blocks if isinstance(b, Paragraph)).text
    assert "no evidence that the label is wrong" in text and "rules that are fixed without the prediction" in text
