from dataclasses import replace

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.learn.leakage import refuse_leakage


def with_column(data, column):
    values = data.features.values.copy()
    values[:, 3] = column
    return replace(data.features, values=values)


@pytest.mark.parametrize("make", [lambda y: y, lambda y: 5 - 3 * y, lambda y: np.where(y == 1, -2.5, 7)])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_copy_of_the_label_is_refused_and_named(simulate, make, classes):
    data = simulate(classes=classes)
    column = make(data.cohort.target) if classes == 2 else (data.cohort.target + 1) % 3
    with pytest.raises(DataError, match="'f3'"):
        refuse_leakage(with_column(data, column), data.cohort)


@pytest.mark.parametrize("make", [lambda y: y, lambda y: -y, np.exp, lambda y: y**3 + 2])
@pytest.mark.parametrize("gaps", [0, 5])
def test_a_monotone_function_of_the_outcome_is_refused(simulate, make, gaps):
    data = simulate(classes=0)
    column = make(data.cohort.target)
    column[:gaps] = np.nan
    with pytest.raises(DataError, match="'f3'"):
        refuse_leakage(with_column(data, column), data.cohort)


def test_a_strong_but_honest_feature_passes(simulate):
    data = simulate(classes=0, effect=20)
    assert refuse_leakage(data.features, data.cohort) == ()
    almost = data.cohort.target.copy()
    low, high = np.argsort(almost)[[10, 12]]
    almost[[low, high]] = almost[[high, low]]
    refuse_leakage(with_column(data, almost), data.cohort)


def test_tied_outcomes_are_no_copy_of_a_feature_that_tells_them_apart(simulate):
    data = simulate(classes=0)
    cohort = replace(data.cohort, target=np.round(data.cohort.target))
    refuse_leakage(with_column(data, cohort.target + np.linspace(0, 0.1, 60)), cohort)
    with pytest.raises(DataError):
        refuse_leakage(with_column(data, 2 * cohort.target), cohort)


def test_a_feature_without_overlap_is_a_warning(simulate):
    data = simulate()
    column = data.cohort.target * 10 + np.random.default_rng(0).random(60)
    (warning,) = refuse_leakage(with_column(data, column), data.cohort)
    assert "f3" in warning and "without overlap" in warning


def test_one_scan_under_two_labels_is_refused_and_both_named(simulate):
    data = simulate(p=20)
    values = data.features.values.copy()
    values[17] = values[4]
    values[[4, 17], 2] = np.nan
    with pytest.raises(DataError, match="p004 and p017"):
        refuse_leakage(replace(data.features, values=values), data.cohort)


def test_two_people_of_one_age_and_sex_are_no_twins(simulate):
    data = simulate(p=12)
    values = np.round(data.features.values)
    values[17] = values[4]
    values[[4, 17], 0] = 0.5
    refuse_leakage(replace(data.features, values=values), data.cohort)


def test_ties_of_the_label_to_site_and_nuisance_are_said(simulate):
    data = simulate(n_sites=2, nuisance={"columns": ["age"]})
    assert refuse_leakage(data.features, data.cohort) == ()
    site = tuple(f"s{int(code)}" for code in data.cohort.target)
    tied = replace(data.cohort, site=site, nuisance=data.cohort.target[:, None] + 0.1)
    said = refuse_leakage(data.features, tied)
    assert any("Cramér's V = 1.00" in warning or "site" in warning for warning in said)
    assert any(warning.startswith("age alone") for warning in said)
    regression = simulate(classes=0, nuisance={"columns": ["age"]})
    tied = replace(regression.cohort, nuisance=regression.cohort.target[:, None])
    assert any("Spearman" in warning for warning in refuse_leakage(regression.features, tied))
