from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bidsml.errors import DataError
from bidsml.learn.leakage.targets import check_separating_features, check_target_copies


@pytest.mark.parametrize("make", [lambda y: y, lambda y: 5 - 3 * y, lambda y: np.where(y == 1, -2.5, 7)])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_copy_of_the_label_is_refused_and_named(gather, with_column, make, classes):
    material = gather(classes=classes)
    target = material.cohort.target
    column = make(target) if classes == 2 else (target + 1) % 3
    with pytest.raises(DataError, match="'f3'"):
        check_target_copies(with_column(material, column))


@pytest.mark.parametrize("make", [lambda y: y, lambda y: -y, np.exp, lambda y: y**3 + 2])
@pytest.mark.parametrize("gaps", [0, 5])
def test_a_monotone_function_of_the_outcome_is_refused(gather, with_column, make, gaps):
    material = gather(classes=0)
    column = make(material.cohort.target)
    column[:gaps] = np.nan
    with pytest.raises(DataError, match="'f3'"):
        check_target_copies(with_column(material, column))


def test_a_code_of_a_graded_outcome_is_refused_although_it_is_not_monotone(gather, with_column):
    material = gather(classes=0)
    grades = np.arange(60) % 4.0
    graded = replace(material, cohort=replace(material.cohort, target=grades))
    check_target_copies(with_column(graded, np.arange(60) % 3.0))
    with pytest.raises(DataError, match="'f3'"):
        check_target_copies(with_column(graded, np.array([2.0, 9.0, -1.0, 5.0])[grades.astype(int)]))


def test_a_strong_but_honest_feature_passes(gather, with_column):
    material = gather(classes=0, effect=1)
    assert check_target_copies(material).status == check_separating_features(material).status == "passed"
    almost = material.cohort.target.copy()
    low, high = np.argsort(almost)[[10, 12]]
    almost[[low, high]] = almost[[high, low]]
    assert check_target_copies(with_column(material, almost)).status == "passed"


def test_tied_outcomes_are_no_copy_of_a_feature_that_tells_them_apart(gather, with_column):
    material = gather(classes=0)
    rounded = replace(material, cohort=replace(material.cohort, target=np.round(material.cohort.target)))
    target = rounded.cohort.target
    check_target_copies(with_column(rounded, target + np.linspace(0, 0.1, 60)))
    with pytest.raises(DataError):
        check_target_copies(with_column(rounded, 2 * target))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_feature_without_overlap_is_an_alarm(gather, with_column, rng, classes):
    material = gather(classes=classes)
    column = material.cohort.target * 10 + rng.random(60)
    found = check_separating_features(with_column(material, column))
    assert (found.status, found.severity) == ("warned", "alarm")
    assert "f3" in found.evidence and "without overlap" in found.evidence
    column[np.argmax(material.cohort.target)] = 0.5
    assert check_separating_features(with_column(material, column)).status == "passed"


def test_a_noisy_copy_of_the_outcome_is_an_alarm(gather, with_column, rng):
    material = gather(classes=0)
    noise = rng.standard_normal(60) * material.cohort.target.std()
    for size, status in ((0.05, "warned"), (0.5, "passed")):
        column = material.cohort.target + size * noise
        column[:7] = np.nan
        r = abs(stats.pearsonr(column[7:], material.cohort.target[7:]).statistic)
        assert (r > 0.99) == (status == "warned")
        assert check_separating_features(with_column(material, column)).status == status


def test_few_people_and_many_features_separate_by_chance(gather, rng):
    values = rng.standard_normal((12, 4000))
    material = gather(n=12, values=values, cv={"outer": {"kind": "stratified", "folds": 2}})
    target = material.cohort.target
    apart = (values[target == 0].max(axis=0) < values[target == 1].min(axis=0)).sum()
    assert apart > 0
    assert check_separating_features(material).status == "passed"
