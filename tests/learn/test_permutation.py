from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidsml.learn.permutation import correct_family, merge_nulls, permute, permute_labels, scheme
from bidsml.learn.splits import plan_folds
from bidsml.records import PermutationNull
from bidsml.spec import EstimatorSpec

FOUR = {"outer": {"kind": "stratified", "folds": 4}}
RIDGE = EstimatorSpec(kind="ridge")
FIXED = EstimatorSpec(kind="ridge", grid={})


def shuffle(target, *, blocks=None, strata=(), units=None, whole=False, draw=0, seed=0):
    n = len(target)
    return permute_labels(
        np.asarray(target, float),
        blocks=np.zeros(n, int) if blocks is None else np.asarray(blocks),
        strata=strata,
        units=[str(row) for row in range(n)] if units is None else units,
        whole=whole,
        draw=draw,
        seed=seed,
    )


def test_draw_and_seed_decide():
    target = np.arange(30)
    np.testing.assert_array_equal(shuffle(target, draw=5), shuffle(target, draw=5))
    assert (shuffle(target, draw=5) != shuffle(target, draw=6)).any()
    assert (shuffle(target, draw=5) != shuffle(target, draw=5, seed=1)).any()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_labels_stay_in_their_block_and_stratum(data):
    n = data.draw(st.integers(1, 40))
    blocks = data.draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))
    strata = data.draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n))
    target = np.arange(n)
    moved = shuffle(target, blocks=blocks, strata=strata, draw=data.draw(st.integers(0, 99)))
    for before, after in zip(target, moved.astype(int), strict=True):
        assert (blocks[before], strata[before]) == (blocks[after], strata[after])
        assert blocks[before] >= 0 or before == after
    assert sorted(moved) == sorted(target)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whole_units_keep_their_labels_together(data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=12))
    units = np.repeat([f"u{number}" for number in range(len(sizes))], sizes)
    units = units[np.random.default_rng(data.draw(st.integers(0, 9))).permutation(units.size)]
    target = np.arange(units.size)
    moved = shuffle(target, units=units.tolist(), whole=True, draw=data.draw(st.integers(0, 99))).astype(int)
    assert sorted(moved) == sorted(target)
    for unit in set(units):
        rows = np.flatnonzero(units == unit)
        origin = units[moved[rows]]
        assert len(set(origin)) == 1, "a unit got labels of several"
        np.testing.assert_array_equal(moved[rows], np.flatnonzero(units == origin[0]))


def test_every_permutation_is_equally_likely():
    counts: dict[tuple[float, ...], int] = {}
    for draw in range(2400):
        key = tuple(shuffle([0, 1, 2, 3], draw=draw))
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 24
    # 100 expected each, standard deviation 9.8; 24 counts within 4.5 standard deviations.
    assert all(55 < count < 145 for count in counts.values())


def run(data, estimator=RIDGE, *, first=0, count=19, seed=3, design="stratified", cohort=None, features=None):
    cohort = cohort or data.cohort
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=1) if fold.design == design]
    return permute(
        features or data.features,
        cohort,
        folds,
        spec=data.spec,
        estimator=estimator,
        first_draw=first,
        n_draws=count,
        seed=seed,
    )


@pytest.mark.parametrize(
    ("estimator", "classes"),
    [(RIDGE, 2), (FIXED, 3), (FIXED, 0), (EstimatorSpec(kind="lda", grid={}), 2)],
    ids=["ridge-2", "ridge-3", "ridge-0", "lda"],
)
def test_chunks_change_nothing(simulate, estimator, classes):
    data = simulate(n=40, p=60, classes=classes, effect=0.5, cv=FOUR)
    whole = run(data, estimator, count=11)
    parts = [run(data, estimator, first=first, count=count) for first, count in ((7, 4), (0, 3), (3, 4))]
    merged = merge_nulls(parts)
    np.testing.assert_array_equal(merged.null, whole.null)
    assert (merged.p, merged.observed, merged.first_draw) == (whole.p, whole.observed, 0)


def test_draws_across_a_batch_boundary_are_the_same(simulate):
    data = simulate(n=24, p=5, cv={"outer": {"kind": "stratified", "folds": 3}})
    whole = run(data, FIXED, first=120, count=20)
    np.testing.assert_array_equal(run(data, FIXED, first=127, count=3).null, whole.null[7:10])


def test_many_at_once_equals_one_by_one(simulate):
    """The shared factorisation and the general path give one null."""
    data = simulate(n=40, p=60, effect=0.5, cv=FOUR)
    folds = plan_folds(data.cohort, data.spec, seed=1)
    from sklearn.linear_model import RidgeClassifier

    import bidsml.learn.permutation as module

    null = run(data, count=5)
    original = module.recipe_of

    def one_by_one(*args, **kwargs):
        recipe = original(*args, **kwargs)
        assert isinstance(recipe.estimator, RidgeClassifier)
        return replace(recipe, kind=replace(recipe.kind, fit_many=None))

    module.recipe_of = one_by_one
    try:
        slow = run(data, count=5)
    finally:
        module.recipe_of = original
    assert len(folds) == 4
    np.testing.assert_allclose(slow.null, null.null, atol=1e-12)
    assert slow.observed == pytest.approx(null.observed)


def test_every_row_order_gives_the_same_p(simulate):
    """The cohort sorts by participant; features may come in any order."""
    data = simulate(n=40, p=30, effect=0.5, cv=FOUR)
    order = np.random.default_rng(0).permutation(40)
    shuffled = replace(
        data.features,
        participant_id=tuple(data.features.participant_id[row] for row in order),
        values=data.features.values[order],
    )
    np.testing.assert_array_equal(run(data, features=shuffled).null, run(data).null)


def test_a_lower_is_better_metric_is_turned_around(simulate):
    data = simulate(n=40, classes=0, effect=2, cv=FOUR, inference={"primary_metric": "mae"})
    null = run(data)
    assert null.observed < 0 and null.observed > null.null.max() and null.p == null.p_floor == 1 / 20


def test_words_of_the_scheme(simulate):
    def words(**keywords):
        data = simulate(n=36, cv=FOUR, **keywords)
        return scheme(data.spec, data.cohort)

    assert words() == "labels of single participants, within the test folds"
    assert words(n_sites=2) == "labels of single participants, within sites, within the test folds"
    assert words(rows_per_unit=3).startswith("whole units")
    assert "within sites" in words(rows_per_unit=3, n_sites=2) and "whole units" in words(rows_per_unit=3, n_sites=2)
    free = words(rows_per_unit=3, n_sites=2, inference={"exchange": "free"})
    assert free == "labels of single participants, within the test folds"
    assert words(inference={"exchange": "whole"}).startswith("whole units")


def make_null(null, observed=0.5, **changes):
    base = PermutationNull("ridge", "stratified", "roc_auc", "fold mean", observed, np.asarray(null, float), "s", 0)
    return replace(base, **changes)


def test_ties_and_undefined_draws_count_against():
    merged = merge_nulls([make_null([0.5, 0.4, np.nan, 0.5 - 1e-13])])
    assert merged.p == 4 / 5 and merged.p_floor == 1 / 5
    assert merge_nulls([make_null([0.1] * 9, observed=np.nan)]).p == 1


@pytest.mark.parametrize(
    "change",
    [
        {"first_draw": 3},
        {"first_draw": 1},
        {"first_draw": 2, "seed": 1},
        {"first_draw": 2, "observed": 0.6},
        {"first_draw": 2, "scheme": "other"},
    ],
)
def test_chunks_that_do_not_belong_together_are_refused(change):
    with pytest.raises(ValueError, match=r"chunks|followed"):
        merge_nulls([make_null([0.1, 0.2]), make_null([0.3], **change)])


def test_the_family_is_judged_by_its_best():
    one = make_null([0.1, 0.9, 0.2, 0.3], observed=0.8)
    two = make_null([0.7, 0.1, 0.1, 0.1], observed=0.25, estimator="lda")
    corrected = correct_family([merge_nulls([one]), merge_nulls([two])])
    assert [null.p for null in corrected] == [2 / 5, 2 / 5]
    assert [null.p_family for null in corrected] == [2 / 5, 4 / 5]
    assert all(null.p_family >= null.p for null in corrected)
    assert correct_family([]) == ()
    with pytest.raises(ValueError, match="family"):
        correct_family([one, replace(two, design="other")])


def test_no_draws_no_p(simulate):
    null = run(simulate(n=24, cv=FOUR), FIXED, count=0)
    assert np.isnan(null.p) and null.null.size == 0 and np.isfinite(null.observed)
