from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidsml.learn.crossval import cross_validate
from bidsml.learn.exchange import Exchange, scheme
from bidsml.learn.nulls import correct_family, finish_null, merge_nulls
from bidsml.learn.permutation import permute
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, PermutationNull
from bidsml.spec import EstimatorSpec, InferenceSpec

FOUR = {"outer": {"kind": "stratified", "folds": 4}}
RIDGE = EstimatorSpec(kind="ridge")
FIXED = EstimatorSpec(kind="ridge", grid={})


def shuffle(target, *, blocks=None, strata=None, units=None, whole=False, draw=0, seed=0):
    """One draw of an exchange that is laid out by hand."""
    n = len(target)
    blocks = np.zeros(n, int) if blocks is None else np.asarray(blocks)
    strata = ["a"] * n if strata is None else strata
    units = [str(row) for row in range(n)] if units is None or not whole else units
    groups = {}
    for row, unit in enumerate(units):
        groups.setdefault(unit, []).append(row)
    by_size = {}
    for rows in groups.values():
        if (blocks[rows] >= 0).all():
            by_size.setdefault(len(rows), []).append(((*blocks[rows], *[strata[row] for row in rows]), rows))
    members, cells = [], []
    for size in sorted(by_size):
        ordered = sorted(by_size[size])
        keys = sorted({key for key, _ in ordered})
        members.append(np.array([rows for _, rows in ordered]))
        cells.append(np.array([keys.index(key) for key, _ in ordered]))
    exchange = Exchange(tuple(members), tuple(cells), "")
    return exchange.shuffle(np.asarray(target, float), [draw], seed=seed)[0]


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


def converge_fully(monkeypatch):
    """At its default tolerance scikit-learn's own labels still change with the solver's path."""
    import bidsml.learn.permutation as module

    original = module.recipe_of

    def converged(*args, **kwargs):
        recipe = original(*args, **kwargs)
        if "tol" in recipe.estimator.get_params() and not recipe.kind.in_row_space:
            recipe.estimator.set_params(tol=1e-10)
            if "max_iter" in recipe.estimator.get_params():
                recipe.estimator.set_params(max_iter=1_000_000)
        return recipe

    monkeypatch.setattr(module, "recipe_of", converged)


GRIDS = {
    "ridge": {"alpha": (1000.0, 10.0)},
    "lda": {"shrinkage": (0.9, 0.3)},
    "logistic": {"C": (0.001, 0.1)},
    "linear_svm": {"C": (0.001, 0.1)},
    "hinge_svm": {"C": (0.01, 1.0)},
}


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("shape", [(40, 60), (60, 8)], ids=["wide", "tall"])
def test_the_engines_agree_draw_by_draw(simulate, monkeypatch, kind, shape):
    """Tuning, gaps, nuisance regression and all: the same choices and, but for a tie, the same figure."""
    n, p = shape
    data = simulate(n=n, p=p, effect=0.5, cv=FOUR, nuisance={"regress": ["age"]})
    estimator = EstimatorSpec(kind=kind, grid=GRIDS[kind])
    general = data.spec.model_copy(update={"inference": InferenceSpec(engine="general")})
    fast = run(data, estimator, count=12)
    converge_fully(monkeypatch)
    slow = run(replace(data, spec=general), estimator, count=12)
    assert (fast.engine, slow.engine) == ("fast", "general")
    # With more rows than features people lie on the hinge's corner, where an error of 1e-5 can swap two of them: one
    # of 4 folds' 25 pairs is 0.01.
    tolerance = 0.0101 if (kind, shape) == ("hinge_svm", (60, 8)) else 1e-9
    np.testing.assert_allclose(fast.null, slow.null, atol=tolerance)
    assert fast.observed == pytest.approx(slow.observed, abs=tolerance)


def test_every_labelling_is_taken_once_where_there_are_few(simulate):
    data = simulate(n=12, p=4, cv={"outer": {"kind": "stratified", "folds": 3}})
    null = run(data, FIXED, count=1000)
    # Three folds of 2 + 2: 6 labellings each.
    assert null.exhaustive and null.n_distinct == 216 and null.null.size == 215
    parts = [run(data, FIXED, first=first, count=100) for first in (0, 100, 200, 300)]
    np.testing.assert_array_equal(merge_nulls(parts).null, null.null)
    assert merge_nulls(parts).p == null.p


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


def test_the_sequential_rule_drops_what_comes_after_the_stop():
    null = merge_nulls([make_null([0.1, 0.6, 0.2, 0.7, 0.1, 0.9, 0.3, 0.1])])
    stopped = finish_null(null, InferenceSpec(stop_after=2))
    # The second draw to reach 0.5 is the fourth.
    assert stopped.stopped and stopped.p == 2 / 4 and stopped.null.size == 4
    through = finish_null(null, InferenceSpec(stop_after=5))
    assert not through.stopped and through.p == null.p and through.null.size == 8


def test_a_tail_reaches_beyond_the_draws():
    draws = np.random.default_rng(0).standard_normal(1000)
    far = finish_null(merge_nulls([make_null(draws, observed=4.5)]), InferenceSpec(tail="pareto"))
    assert far.p == 1 / 1001 and far.p_tail < 3e-4 and "Pareto" in far.tail
    near = finish_null(merge_nulls([make_null(draws, observed=0.0)]), InferenceSpec(tail="pareto"))
    assert np.isnan(near.p_tail) and near.tail


def two_blocks(data):
    """The same columns as two feature blocks: the first feature, which carries the effect, and the rest."""
    blocks = (
        FeatureBlock("good", "table", "", "vector", 0, 1),
        FeatureBlock("noise", "table", "", "vector", 1, len(data.features.names)),
    )
    return replace(data, features=replace(data.features, blocks=blocks))


def test_an_estimator_may_see_some_blocks_only(simulate):
    """What it gives is what it gives where there are no other features, its weights among all features."""
    data = two_blocks(simulate(n=60, p=6, effect=1.0, cv=FOUR))
    rest = replace(
        data.features,
        names=data.features.names[1:],
        values=data.features.values[:, 1:],
        blocks=(FeatureBlock("noise", "table", "", "vector", 0, 5),),
    )
    seen = run(data, EstimatorSpec(kind="ridge", features=("noise",)), count=9)
    alone = run(data, RIDGE, features=rest, count=9)
    np.testing.assert_array_equal(seen.null, alone.null)
    assert (seen.estimator, alone.estimator) == ("ridge:noise", "ridge")
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=1) if fold.design == "stratified"]
    cv = cross_validate(
        data.features,
        data.cohort,
        folds,
        spec=data.spec,
        model="biomarker",
        seed=0,
        estimator=EstimatorSpec(kind="ridge", features=("noise",)),
    )
    assert np.isnan(cv.weights[:, 0]).all() and np.isfinite(cv.weights[:, 1:]).all()


def test_p_is_corrected_over_feature_sets(simulate):
    data = two_blocks(simulate(n=60, p=6, effect=1.5, cv=FOUR))
    grid = {"alpha": (1.0,)}
    sets = [EstimatorSpec(kind="ridge", grid=grid, features=names) for names in ((), ("good",), ("noise",))]
    nulls = correct_family([run(data, one, count=39) for one in sets])
    assert [null.estimator for null in nulls] == ["ridge", "ridge:good", "ridge:noise"]
    assert nulls[1].p_family == 1 / 40
    for null in nulls:
        assert null.p_family >= null.p
