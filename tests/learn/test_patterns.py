"""The pattern statistic against its definition, chunks and engines, grouping, and its p."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from bidsml.learn.crossval import model_input
from bidsml.learn.fast.columns import training_blocks
from bidsml.learn.nulls import merge_nulls
from bidsml.learn.patterns import correct_patterns, group_features
from bidsml.learn.permutation import _replace_rows, permute
from bidsml.learn.preparation import fit_preparation, kept_columns
from bidsml.learn.splits import plan_folds
from bidsml.matrices import edge_names
from bidsml.records import FeatureBlock, PatternNull
from bidsml.spec import EstimatorSpec

FOUR = {"outer": {"kind": "stratified", "folds": 4}}
FIXED = EstimatorSpec(kind="ridge", grid={"alpha": (3.0,)})
LOGISTIC = EstimatorSpec(kind="logistic", grid={"C": (0.1,)})
NODES = tuple("abcd")


def run(data, estimator=FIXED, *, first=0, count=20):
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=1) if fold.design == "stratified"]
    return permute(
        data.features,
        data.cohort,
        folds,
        spec=data.spec,
        estimator=estimator,
        first_draw=first,
        n_draws=count,
        seed=3,
        patterns=True,
    )


def with_edges(data, networks=("x", "x", "y", "y")):
    """The same six columns, read as the edges of four nodes."""
    block = FeatureBlock("block", "connectome", "correlation", "edges", 0, 6, NODES, networks=networks)
    names = edge_names(NODES)
    return replace(data, features=replace(data.features, names=names, blocks=(block,)))


def test_the_statistic_is_a_mean_correlation(simulate):
    data = simulate(n=40, p=12, effect=1.0, cv=FOUR)
    (features,) = run(data).patterns
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=1) if fold.design == "stratified"]
    expected = []
    for fold in folds:
        rows = StandardScaler().fit_transform(data.features.values[fold.train])
        decisions = Ridge(3.0).fit(rows, data.cohort.target[fold.train] * 2 - 1).predict(rows)
        expected.append([np.corrcoef(column, decisions)[0, 1] for column in rows.T])
    np.testing.assert_allclose(features.correlation, np.mean(expected, axis=0), atol=1e-6)
    assert features.draws.shape == (20, 1)


def test_the_scale_is_that_of_chance(simulate):
    """On noise the statistic of a feature has variance 1; a feature that half the others follow no less."""
    data = simulate(n=60, p=40, cv=FOUR)
    values = data.features.values
    values[:, :20] += 2 * values[:, :1]
    statistics = []
    for seed in range(12):
        target = np.random.default_rng(seed).permutation(data.cohort.target)
        one = replace(data, cohort=replace(data.cohort, target=target))
        statistics.append(run(one, EstimatorSpec(kind="ridge", grid={"alpha": (1e4,)}), count=0).patterns[0].observed)
    spread = np.sqrt(np.mean(np.square(statistics), axis=0))
    # A root mean square of 12 has a standard error of a fifth; means of 20 related and 20 unrelated features.
    assert 0.6 < spread[:20].mean() < 1.5
    assert 0.6 < spread[20:].mean() < 1.5


def test_decisions_fitted_one_by_one_go_to_their_draw():
    batches = [np.zeros((1, 2)), np.zeros((3, 2)), np.zeros((4, 2))]
    _replace_rows([batches], np.array([0, 4, 7]), [np.array([[1.0, 1], [2, 2], [3, 3]])])
    assert [batch[:, 0].tolist() for batch in batches] == [[1], [0, 0, 0], [2, 0, 0, 3]]


def test_chunks_change_nothing(simulate):
    data = with_edges(simulate(n=40, p=6, effect=1.0, cv=FOUR))
    whole = run(data, count=11).patterns
    merged = merge_nulls([run(data, first=first, count=count) for first, count in ((7, 4), (0, 3), (3, 4))]).patterns
    for one, other in zip(whole, merged, strict=True):
        np.testing.assert_array_equal(one.draws, other.draws)
        np.testing.assert_array_equal(one.observed, other.observed)
        np.testing.assert_array_equal(one.p, other.p)


@pytest.mark.parametrize("sections", [{}, {"nuisance": {"regress": ("age", "sex")}}], ids=["plain", "nuisance"])
def test_blocks_are_what_the_preparation_makes(simulate, sections):
    data = simulate(n=50, p=30, missing=0.08, cv=FOUR, **sections)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    assert given.columnwise
    training = [fold.train for fold in plan_folds(data.cohort, data.spec, seed=1) if fold.design == "stratified"]
    found = np.zeros((len(training), 38, 30))
    for columns, prepared in training_blocks(given, training):
        for number, block in enumerate(prepared):
            found[number, : len(block)][:, columns] = block
    for rows, mine in zip(training, found, strict=True):
        preparation = fit_preparation(given, rows)
        expected = np.zeros((len(rows), 30))
        expected[:, kept_columns(preparation, given.blocks)] = preparation.transform(given.values[rows])
        np.testing.assert_allclose(mine[: len(rows)], expected, atol=1e-9)


def test_an_edge_belongs_to_both_regions_and_one_pair_of_networks():
    block = FeatureBlock("c", "connectome", "tangent", "covariance", 0, 10, NODES, networks=("x", "x", "y", "y"))
    region, network = group_features([block], 10)
    assert region.names == NODES
    # With the diagonal every node has four cells of its own.
    np.testing.assert_array_equal(region.members.sum(axis=0), [4, 4, 4, 4])
    members = {name: network.members[:, [i]].sum() for i, name in enumerate(network.names)}
    assert members == {"x": 3, "x with y": 4, "y": 3}
    assert network.members.sum() == 10


def test_blocks_keep_their_groups_apart():
    one = FeatureBlock("one", "roi_signal", "sd", "vector", 0, 3, networks=("x", "y", "x"))
    two = FeatureBlock("two", "connectome", "correlation", "edges", 3, 9, NODES)
    region, network = group_features([one, two], 9)
    assert network.names == ("one:x", "one:y")
    assert region.names == ("two:a", "two:b", "two:c", "two:d")
    assert not region.members[:3].sum()


def test_p_counts_the_largest_of_every_draw():
    null = correct_patterns(
        PatternNull("feature", (), np.array([0.5, -0.9, np.nan, 0.2]), np.array([[0.3], [0.6], [0.2]]))
    )
    np.testing.assert_array_equal(null.p, [2 / 4, 1 / 4, np.nan, 4 / 4])


def test_groups_are_judged_on_their_own_scale():
    """A small group's statistic spreads widely; it must not drown a large group's finding."""
    rng = np.random.default_rng(0)
    draws = np.column_stack([1 + rng.standard_normal(99), 0.5 + 0.01 * rng.standard_normal(99)])
    null = correct_patterns(PatternNull("network", ("small", "large"), np.array([1.0, 0.6]), draws))
    assert null.p[1] == 1 / 100
    assert null.p[0] > 0.2


def test_a_planted_feature_is_found_and_no_other(simulate):
    data = with_edges(simulate(n=120, p=6, effect=1.2, cv=FOUR))
    null = run(data, LOGISTIC, count=199)
    features, region, network = null.patterns
    assert features.p[0] == pytest.approx(1 / 200)
    assert features.correlation[0] > 0, "class 1 has the higher values"
    assert (features.p[1:] > 0.05).all()
    # The first edge is a--b, both of network x.
    assert dict(zip(network.names, network.p, strict=True))["x"] == pytest.approx(1 / 200)
    assert set(np.array(region.names)[region.p < 0.05]) == {"a", "b"}


def test_several_classes_and_the_general_engine_have_no_pattern_p(simulate):
    assert run(simulate(n=60, p=6, classes=3, effect=1.0, cv=FOUR), count=5).patterns == ()
    assert run(simulate(n=40, p=6, cv=FOUR, inference={"engine": "general"}), count=5).patterns == ()


def test_a_test_that_stops_draws_no_more(simulate):
    """On noise a handful of draws reach the observed value soon; what was drawn is what the full test draws."""
    stopping = {"permutations": 2000, "stop_after": 10}
    data = simulate(n=40, p=6, cv=FOUR, inference=stopping)
    full = run(replace(data, spec=data.spec.model_copy(update={"inference": replace_stop(data)})), count=2000)
    early = run(data, count=2000)
    assert early.stopped
    assert early.patterns == ()
    assert early.null.size < 2000
    np.testing.assert_array_equal(early.null, full.null[: early.null.size])
    assert (early.null >= early.observed).sum() >= 10
    # A later chunk is of no use once an earlier one stopped.
    later = run(data, first=2000, count=100)
    assert merge_nulls([later, early]).null.size == early.null.size


def replace_stop(data):
    return data.spec.inference.model_copy(update={"stop_after": 0})


def test_without_draws_p_is_unknown():
    null = correct_patterns(PatternNull("network", ("a", "b"), np.array([1.0, 2.0]), np.empty((0, 2))))
    np.testing.assert_array_equal(null.p, [np.nan, np.nan])
