from dataclasses import replace

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.splits import design_names, design_warnings, permutation_blocks, plan_folds

DESIGNS = [
    {"outer": {"kind": "stratified", "folds": 5, "repeats": 2}},
    {"outer": {"kind": "stratified", "folds": 2}},
    {"outer": {"kind": "leave-group-out", "column": "site"}},
    {"outer": {"kind": "leave-one-out"}},
]


def of_design(folds, design, repeat=0):
    return [fold for fold in folds if fold.design == design and fold.repeat == repeat]


@pytest.mark.parametrize("cv", DESIGNS)
@pytest.mark.parametrize("rows_per_unit", [1, 3])
@pytest.mark.parametrize("classes", [2, 3, 0])
def test_every_row_is_tested_once_and_no_unit_is_split(simulate, cv, rows_per_unit, classes):
    data = simulate(n=90, classes=classes, rows_per_unit=rows_per_unit, n_sites=4, cv=cv)
    folds = plan_folds(data.cohort, data.spec, seed=5)
    units = np.array(data.cohort.unit)
    for design in {fold.design for fold in folds}:
        for repeat in {fold.repeat for fold in folds if fold.design == design}:
            mine = of_design(folds, design, repeat)
            assert sorted(np.concatenate([fold.test for fold in mine])) == list(range(90))
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == list(range(90))
        assert not set(units[fold.train]) & set(units[fold.test])
        assert fold.inner.shape == fold.train.shape and fold.inner.min() == 0 and fold.inner.max() >= 1
        for bundle in np.unique(fold.inner):
            inside = set(units[fold.train[fold.inner == bundle]])
            assert not inside & set(units[fold.train[fold.inner != bundle]])


def test_folds_are_balanced_by_label_and_site(simulate):
    data = simulate(n=120, n_sites=3, cv=DESIGNS[0])
    site = np.array(data.cohort.site)
    for fold in of_design(plan_folds(data.cohort, data.spec, seed=1), "stratified"):
        for code in (0, 1):
            assert abs(np.sum(data.cohort.target[fold.test] == code) - 12) <= 1
        for name in set(site):
            assert abs(np.sum(site[fold.test] == name) - 8) <= 2


def test_labels_stay_balanced_when_sites_are_too_small_to_stratify(simulate):
    data = simulate(n=60, n_sites=20, cv=DESIGNS[0])
    for fold in of_design(plan_folds(data.cohort, data.spec, seed=1), "stratified"):
        assert np.sum(data.cohort.target[fold.test] == 1) == 6


def test_regression_folds_have_like_outcomes(simulate):
    data = simulate(n=200, classes=0, cv=DESIGNS[0])
    means = [
        data.cohort.target[fold.test].mean()
        for fold in of_design(plan_folds(data.cohort, data.spec, seed=1), "stratified")
    ]
    # Unstratified means of 40 standard normal values spread by 0.16.
    assert np.std(means) < 0.08


def test_seed_decides_and_repeats_differ(simulate):
    data = simulate(cv=DESIGNS[0])
    once, again, other = (plan_folds(data.cohort, data.spec, seed=seed) for seed in (1, 1, 2))
    for one, two in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.test, two.test)
        np.testing.assert_array_equal(one.inner, two.inner)
    assert any(
        (one.test.size != two.test.size) or (one.test != two.test).any() for one, two in zip(once, other, strict=True)
    )
    assert any(
        (a.test != b.test).any()
        for a, b in zip(of_design(once, "stratified", 0), of_design(once, "stratified", 1), strict=True)
    )


def test_inner_folds_are_whole_outer_folds(simulate):
    data = simulate(n=100, cv={"outer": {"kind": "stratified", "folds": 10}, "inner": {"folds": 4}})
    folds = plan_folds(data.cohort, data.spec, seed=3)
    for fold in folds:
        bundle_of = dict(zip(fold.train.tolist(), fold.inner.tolist(), strict=True))
        assert set(fold.inner) == {0, 1, 2, 3}
        for other in folds:
            if other.fold != fold.fold:
                assert len({bundle_of[row] for row in other.test.tolist()}) == 1


def test_leave_site_out_stands_beside_the_default(simulate):
    data = simulate(n_sites=3, cv=DESIGNS[0])
    assert design_names(data.cohort, data.spec) == ("stratified", "leave-site-out")
    for fold in of_design(plan_folds(data.cohort, data.spec, seed=0), "leave-site-out"):
        assert {data.cohort.site[row] for row in fold.test} == {fold.name}
    assert design_names(simulate(cv=DESIGNS[0]).cohort, data.spec) == ("stratified",)


def test_leave_site_out_is_left_out_where_it_cannot_be_fitted(simulate):
    data = simulate(n_sites=2, cv=DESIGNS[1])
    pure = replace(data.cohort, site=tuple(f"s{int(code)}" for code in data.cohort.target))
    folds = plan_folds(pure, data.spec, seed=0)
    assert {fold.design for fold in folds} == {"stratified"}
    assert any("could not be run" in warning for warning in design_warnings(folds, pure, data.spec))


def test_splits_that_test_unseen_sites_are_refused_or_left_out_where_asked(simulate):
    strict = {"harmonize": "combat", "unseen_site": "error"}
    data = simulate(n_sites=3, cv=DESIGNS[1], nuisance=strict)
    folds = plan_folds(data.cohort, data.spec, seed=0)
    assert {fold.design for fold in folds} == {"stratified"}
    said = design_warnings(folds, data.cohort, data.spec)
    assert said == ("Leave-site-out could not be run: nuisance.unseen_site = 'error'.",)
    lonely = replace(data.cohort, site=("alone", *data.cohort.site[1:]))
    with pytest.raises(DataError, match="hold nobody of site 'alone'"):
        plan_folds(lonely, data.spec, seed=0)


def test_a_training_set_without_a_class_is_refused(simulate):
    data = simulate(n_sites=2, cv={"outer": {"kind": "leave-site-out"}})
    pure = replace(data.cohort, site=tuple(f"s{int(code)}" for code in data.cohort.target))
    with pytest.raises(DataError, match="hold nobody of class"):
        plan_folds(pure, data.spec, seed=0)


def test_a_fixed_split_trains_and_tests_as_told(simulate):
    data = simulate(n=60, cv={"outer": {"kind": "fixed", "column": "sex"}}, target={"column": "dx"})
    table = data.cohort.table.assign(sex=["test" if number % 3 == 0 else "train" for number in range(60)])
    cohort = replace(data.cohort, table=table)
    (fold,) = plan_folds(cohort, data.spec, seed=0)
    np.testing.assert_array_equal(fold.test, np.arange(0, 60, 3))
    for bundle in np.unique(fold.inner):
        assert set(cohort.target[fold.train[fold.inner == bundle]]) == {0, 1}
    blocks = permutation_blocks([fold], 60)
    assert len(set(blocks[fold.test])) == 1
    np.testing.assert_array_equal(np.unique(blocks[fold.train]).size, np.unique(fold.inner).size)
    with pytest.raises(DataError, match="'train' and 'test'"):
        plan_folds(data.cohort, data.spec, seed=0)


def test_a_unit_in_train_and_test_is_refused(simulate):
    data = simulate(n=60, rows_per_unit=2, cv={"outer": {"kind": "fixed", "column": "sex"}})
    table = data.cohort.table.assign(sex=["test" if number % 2 == 0 else "train" for number in range(60)])
    with pytest.raises(AnalysisFileError, match="would be in"):
        plan_folds(replace(data.cohort, table=table), data.spec, seed=0)


def test_a_unit_at_two_sites_is_never_left_out_by_site(simulate):
    data = simulate(n=60, rows_per_unit=2, n_sites=3)
    assert "leave-site-out" in {fold.design for fold in plan_folds(data.cohort, data.spec, seed=0)}
    moved = replace(data.cohort, site=tuple(f"s{number % 3}" for number in range(60)))
    folds = plan_folds(moved, data.spec, seed=0)
    assert {fold.design for fold in folds} == {"stratified"}
    assert any("both sides" in warning for warning in design_warnings(folds, moved, data.spec))
    asked = simulate(n=60, rows_per_unit=2, n_sites=3, cv={"outer": {"kind": "leave-site-out"}})
    with pytest.raises(AnalysisFileError, match="would be in"):
        plan_folds(replace(asked.cohort, site=moved.site), asked.spec, seed=0)


@pytest.mark.parametrize("cv", DESIGNS[:3])
def test_blocks_leave_every_class_count_as_it_is(simulate, cv):
    data = simulate(n=90, n_sites=3, cv=cv)
    folds = of_design(plan_folds(data.cohort, data.spec, seed=2), data.spec.cv.outer.kind)
    blocks = permutation_blocks(folds, 90)
    rng = np.random.default_rng(0)
    shuffled = data.cohort.target.copy()
    for block in np.unique(blocks):
        rows = np.flatnonzero(blocks == block)
        shuffled[rows] = shuffled[rng.permutation(rows)]
    assert (shuffled != data.cohort.target).any()
    for fold in folds:
        for rows in (fold.test, *(fold.train[fold.inner == bundle] for bundle in np.unique(fold.inner))):
            assert sorted(shuffled[rows]) == sorted(data.cohort.target[rows])


def test_blocks_of_a_partition_are_the_test_folds(simulate):
    data = simulate(n=90, cv=DESIGNS[0])
    folds = of_design(plan_folds(data.cohort, data.spec, seed=2), "stratified")
    blocks = permutation_blocks(folds, 90)
    for fold in folds:
        assert len(set(blocks[fold.test])) == 1
    assert len(set(blocks)) == len(folds)


def test_leave_one_out_shuffles_over_everyone_and_warns(simulate):
    data = simulate(n=20, cv=DESIGNS[3])
    folds = plan_folds(data.cohort, data.spec, seed=0)
    assert set(permutation_blocks(folds, 20)) == {0}
    assert any("Leave-one-out" in warning for warning in design_warnings(folds, data.cohort, data.spec))
