"""Blocks fused side by side, as a kernel sum and as a stack: against independent sums, laws, and leaks."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.check import check_analysis
from bidsml.learn.crossval import cross_validate, model_input, recipe_of
from bidsml.learn.final_fold import fold_of_everyone
from bidsml.learn.fitting import fit_as_chosen, fit_fold, prepare_fold
from bidsml.learn.frozen import apply, freeze
from bidsml.learn.fusion import block_factors, block_views, weight_grid
from bidsml.learn.permutation import permute
from bidsml.learn.prepared import prepare_split
from bidsml.learn.splits import plan_folds
from bidsml.learn.stacking import fit_blend
from bidsml.records import FeatureBlock
from bidsml.spec import EstimatorSpec, FusionSpec

KINDS = ("concatenate", "kernel_sum", "stacking")
FIVE = {"outer": {"kind": "stratified", "folds": 5}, "inner": {"folds": 3}}
# Two grid points: what is tested here is the choice, not its fineness.
GRIDS = {"ridge": {"alpha": (1e3, 10.0)}, "lda": {"shrinkage": (0.9, 0.1)}, "logistic": {"C": (1e-3, 0.1)}}


def fused(simulate, blocks, *, fusion=None, seed=0, **sections):
    """A cohort with blocks ``(name, width, informative columns, effect)`` of Gaussian features."""
    widths = [width for _, width, _, _ in blocks]
    data = simulate(
        p=sum(widths),
        seed=seed,
        cv=FIVE,
        fusion=fusion or {},
        estimators=[{"kind": "ridge", "grid": GRIDS["ridge"]}],
        features=[{"kind": "table", "name": name} for name, *_ in blocks],
        **sections,
    )
    values, laid, start = data.features.values.copy(), [], 0
    for name, width, n_informative, effect in blocks:
        values[:, start : start + n_informative] += effect * data.cohort.target[:, None]
        laid.append(FeatureBlock(name, "table", "", "vector", start, start + width))
        start += width
    return replace(data, features=replace(data.features, values=values, blocks=tuple(laid)))


def run(data, *, kind="ridge", model="biomarker", names=(), seed=1):
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=seed) if fold.design == "stratified"]
    estimator = EstimatorSpec(kind=kind, features=names, grid=GRIDS.get(kind))
    result = cross_validate(
        data.features, data.cohort, folds, spec=data.spec, estimator=estimator, model=model, seed=seed
    )
    return result, folds


def with_fusion(data, **keys):
    return replace(data, spec=data.spec.model_copy(update={"fusion": FusionSpec(**keys)}))


def area(result):
    return float(np.mean(result.fold_metrics["roc_auc"]))


# ------------------------------------------------------------------ weights


def test_a_block_gets_its_share_of_the_variance_and_the_sum_stays():
    counts = np.array([5, 20_000, 0, 40])
    weights = (0.25, 0.25, 0.1, 0.4)
    shares = counts * block_factors(counts, weights) ** 2
    assert shares.sum() == pytest.approx(20_045)
    # The empty block leaves its weight to the others in proportion.
    np.testing.assert_allclose(shares / shares.sum(), np.array([0.25, 0.25, 0, 0.4]) / 0.9)


def test_a_block_alone_is_not_touched():
    assert block_factors([7, 300], (1.0, 0.0)).tolist() == [1.0, 0.0]
    assert block_factors([7, 0], (0.5, 0.5)).tolist() == [1.0, 0.0]
    assert not block_factors([0, 0], (0.5, 0.5)).any()


@pytest.mark.parametrize("n_blocks", [2, 3, 4])
def test_weights_of_a_kernel_sum_are_equal_ones_first_and_hold_every_block_alone(n_blocks):
    grid = weight_grid(n_blocks)
    assert grid[0] == (1 / n_blocks,) * n_blocks and len(set(grid)) == len(grid)
    assert all(sum(weights) == pytest.approx(1) and min(weights) >= 0 for weights in grid)
    assert {tuple(row) for row in np.eye(n_blocks)} <= set(grid)
    # Swapping two blocks swaps the candidates and loses none.
    assert {weights[::-1] for weights in grid} == set(grid)


@pytest.mark.parametrize("kind", KINDS)
def test_one_block_alone_is_not_fused(kind):
    assert block_views(FusionSpec(kind=kind), 1) == (None,)


# ------------------------------------------------------------------ side by side


def test_every_block_has_the_same_total_variance_among_training_rows(simulate):
    data = fused(simulate, [("few", 3, 0, 0), ("many", 90, 0, 0)])
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    split = prepare_split(given, np.arange(40), np.arange(40, 60), rotate=False)
    variance = split.train.var(axis=0)
    assert variance[:3].sum() == pytest.approx(variance[3:].sum()) == pytest.approx(93 / 2)


def test_ridge_side_by_side_is_the_sum_of_normalised_kernels(simulate):
    """Against scikit-learn's ridge on standardised blocks divided by the root of their width, by hand."""
    data = fused(simulate, [("few", 3, 1, 1.0), ("many", 50, 0, 0)], classes=0)
    spec = data.spec.model_copy(update={"estimators": (EstimatorSpec(kind="ridge", grid={"alpha": (10.0,)}),)})
    folds = plan_folds(data.cohort, spec, seed=1)
    result = cross_validate(
        data.features, data.cohort, folds, spec=spec, estimator=spec.estimators[0], model="biomarker", seed=1
    )
    for fold in folds:
        train, test = data.features.values[fold.train], data.features.values[fold.test]
        z, t = (train - train.mean(0)) / train.std(0), (test - train.mean(0)) / train.std(0)
        kernels = [53 / 2 * (t[:, cut] @ z[:, cut].T) / width for cut, width in ((slice(0, 3), 3), (slice(3, 53), 50))]
        own = [53 / 2 * (z[:, cut] @ z[:, cut].T) / width for cut, width in ((slice(0, 3), 3), (slice(3, 53), 50))]
        mean = data.cohort.target[fold.train].mean()
        dual = np.linalg.solve(sum(own) + 10 * np.eye(len(z)), data.cohort.target[fold.train] - mean)
        np.testing.assert_allclose(result.scores[0, fold.test, 0], sum(kernels) @ dual + mean, rtol=1e-8)


def test_thousands_of_noise_columns_ruin_five_good_ones_unless_blocks_are_scaled(simulate):
    data = fused(simulate, [("good", 5, 5, 0.8), ("noise", 20_000, 0, 0)], n=100)
    folds = plan_folds(data.cohort, data.spec, seed=1)

    def score(data, names=()):
        """AUC of the labels as they are, by way of the fast engine, which takes 20,000 columns in seconds."""
        estimator = EstimatorSpec(kind="ridge", features=names)
        return permute(
            data.features, data.cohort, folds, spec=data.spec, estimator=estimator, first_draw=0, n_draws=0, seed=1
        ).observed

    alone, scaled = score(data, ("good",)), score(data)
    raw = score(with_fusion(data, scale_blocks=False))
    assert alone > 0.8 and scaled > alone - 0.08
    assert raw < scaled - 0.1


# ------------------------------------------------------------------ every kind


@pytest.mark.parametrize(("kind", "estimator"), [(kind, "ridge") for kind in KINDS] + [("stacking", "logistic")])
def test_the_order_of_blocks_changes_nothing(simulate, kind, estimator):
    parts = [("a", 4, 2, 0.8), ("b", 70, 3, 0.5), ("c", 6, 0, 0)][: 2 if kind == "kernel_sum" else 3]
    data = fused(simulate, parts, fusion={"kind": kind})
    first, _ = run(data, kind=estimator)
    order = np.roll(np.arange(len(parts)), 1)
    blocks, columns, start = [], [], 0
    for number in order:
        block = data.features.blocks[number]
        width = block.stop - block.start
        blocks.append(replace(block, start=start, stop=start + width))
        columns.append(np.arange(block.start, block.stop))
        start += width
    where = np.concatenate(columns)
    features = replace(
        data.features,
        values=data.features.values[:, where],
        names=tuple(data.features.names[column] for column in where),
        blocks=tuple(blocks),
    )
    listed = tuple(data.spec.features[number] for number in order)
    other, _ = run(
        replace(data, features=features, spec=data.spec.model_copy(update={"features": listed})), kind=estimator
    )
    # Rotated coordinates differ, and scikit-learn's logistic regression stops at a tolerance.
    np.testing.assert_allclose(other.scores, first.scores, atol=1e-5 * np.nanmax(np.abs(first.scores)))
    np.testing.assert_allclose(other.weights, first.weights[:, where], atol=1e-5 * np.nanmax(np.abs(first.weights)))
    assert [sorted(chosen) for chosen in first.chosen] == [sorted(chosen) for chosen in other.chosen]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_complementary_blocks_are_better_than_either(simulate, kind):
    gains = []
    for seed in range(3):
        data = fused(simulate, [("a", 4, 2, 0.7), ("b", 10, 4, 0.6)], fusion={"kind": kind}, n=120, seed=seed)
        both = area(run(data)[0])
        gains.append(both - max(area(run(data, names=(name,))[0]) for name in "ab"))
    assert np.mean(gains) > 0.02


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["two classes", "three classes", "outcome"])
def test_a_frozen_model_says_what_the_fitted_one_says(simulate, kind, task):
    classes = {"two classes": 2, "three classes": 3, "outcome": 0}[task]
    nuisance = {"columns": ["age"], "regress": ["age"]}
    data = fused(
        simulate,
        [("a", 4, 2, 0.8), ("b", 90, 3, 0.5)],
        fusion={"kind": kind},
        classes=classes,
        nuisance=nuisance,
        missing=0.02,
    )
    folds = plan_folds(data.cohort, data.spec, seed=1)
    model = freeze(data.features, data.cohort, folds, spec=data.spec, seed=1, dataset="d")
    said = apply(model, data.features.values, data.cohort.nuisance)
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=1)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    fit = fit_fold(
        prepare_fold(given, fold_of_everyone(folds, data.cohort), recipe=recipe), data.cohort.target, recipe=recipe
    )
    np.testing.assert_allclose(said.scores, fit.scores, atol=1e-8 * np.abs(fit.scores).max())
    np.testing.assert_allclose(said.predictions, fit.predictions, atol=1e-8 * np.abs(fit.scores).max())


def test_a_frozen_machine_with_a_curved_kernel_sees_scaled_blocks(simulate):
    data = fused(simulate, [("a", 4, 2, 0.8), ("b", 40, 3, 0.5)])
    curved = EstimatorSpec(kind="rbf_svm", grid={})
    data = replace(data, spec=data.spec.model_copy(update={"estimators": (curved,)}))
    folds = plan_folds(data.cohort, data.spec, seed=1)
    model = freeze(data.features, data.cohort, folds, spec=data.spec, seed=1, dataset="d")
    said = apply(model, data.features.values, np.empty((len(data.cohort.target), 0)))
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=curved, model="biomarker", seed=1)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    fold = fold_of_everyone(folds, data.cohort)
    fit = fit_fold(prepare_fold(given, fold, recipe=recipe), data.cohort.target, recipe=recipe)
    np.testing.assert_allclose(said.scores, fit.scores, atol=1e-9)


@pytest.mark.parametrize("kind", ["concatenate", "kernel_sum"])
@pytest.mark.parametrize(("estimator", "width"), [("ridge", 5), ("ridge", 90), ("lda", 90), ("logistic", 90)])
def test_the_fast_engine_draws_what_the_general_one_draws(simulate, kind, estimator, width):
    data = fused(simulate, [("a", 4, 2, 0.8), ("b", width, 3, 0.3)], fusion={"kind": kind}, missing=0.02)
    folds, nulls = plan_folds(data.cohort, data.spec, seed=1), []
    for engine in ("fast", "general"):
        spec = data.spec.model_copy(update={"inference": data.spec.inference.model_copy(update={"engine": engine})})
        nulls.append(
            permute(
                data.features,
                data.cohort,
                folds,
                spec=spec,
                estimator=EstimatorSpec(kind=estimator, grid=GRIDS[estimator]),
                first_draw=0,
                n_draws=2,
                seed=1,
            )
        )
    assert nulls[0].engine == "fast" and nulls[1].engine == "general"
    np.testing.assert_allclose(nulls[0].observed, nulls[1].observed, atol=1e-9)
    np.testing.assert_allclose(nulls[0].null, nulls[1].null, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_learning_curve_fits_again_what_was_chosen(simulate, kind):
    """From a record, whose keys come back sorted: here in another order than the blocks'."""
    data = fused(simulate, [("z", 4, 2, 0.8), ("b", 90, 3, 0.5)], fusion={"kind": kind})
    result, folds = run(data)
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=1)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    for fold, chosen in zip(folds, result.chosen, strict=True):
        stored = dict(sorted(chosen.items()))
        again = fit_as_chosen(given, fold, data.cohort.target, stored, recipe=recipe)
        np.testing.assert_allclose(again.scores, result.scores[0, fold.test], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_no_test_person_changes_what_is_learnt(simulate, kind):
    """Other features and labels of the test rows leave the model as it is, to the last bit."""
    data = fused(simulate, [("a", 4, 2, 0.8), ("b", 90, 3, 0.5)], fusion={"kind": kind})
    fold = plan_folds(data.cohort, data.spec, seed=1)[0]
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=1)
    values, target = data.features.values.copy(), data.cohort.target.copy()
    values[fold.test] = np.random.default_rng(3).standard_normal((fold.test.size, values.shape[1])) * 50
    target[fold.test] = 1 - target[fold.test]
    fits = []
    for features, labels in ((data.features, data.cohort.target), (replace(data.features, values=values), target)):
        given = model_input(features, data.cohort, spec=data.spec, model="biomarker")
        fits.append(fit_fold(prepare_fold(given, fold, recipe=recipe), labels, recipe=recipe))
    assert fits[0].chosen == fits[1].chosen
    for one, other in zip(fits[0].parts, fits[1].parts, strict=True):
        np.testing.assert_array_equal(one.coef, other.coef)
    np.testing.assert_array_equal(fits[0].intercept, fits[1].intercept)


@pytest.mark.parametrize("kind", ["kernel_sum", "stacking"])
def test_a_block_that_cannot_be_used_is_named(simulate, kind):
    data = fused(simulate, [("a", 4, 2, 0.8), ("empty", 5, 0, 0)], fusion={"kind": kind})
    values = data.features.values.copy()
    values[:, 4:] = 1.0
    with pytest.raises(DataError, match="no feature of empty"):
        run(replace(data, features=replace(data.features, values=values)))


# ------------------------------------------------------------------ stacks


def test_the_second_level_is_scikit_learns_where_no_weight_is_pushed_to_zero():
    rng = np.random.default_rng(0)
    target = np.arange(200) % 2
    scores = rng.standard_normal((200, 3)) * [1, 10, 0.1] + np.outer(target, [0.8, 6, 0.05])
    unit = (scores - scores.mean(0)) / scores.std(0)
    blend = fit_blend(scores[:, :, None], target, task="classification", n_classes=2)
    peer = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(unit, target)
    np.testing.assert_allclose(blend.weights, peer.coef_[0], rtol=1e-4)
    np.testing.assert_allclose(blend.score(scores[:, :, None])[:, 0], peer.decision_function(unit), atol=1e-4)
    outcome = scores @ [0.5, 0.1, 2.0] + rng.standard_normal(200)
    blend = fit_blend(scores[:, :, None], outcome, task="regression", n_classes=0)
    peer = Ridge(alpha=1.0).fit(unit, outcome)
    np.testing.assert_allclose(blend.weights, peer.coef_, rtol=1e-8)
    np.testing.assert_allclose(blend.score(scores[:, :, None])[:, 0], peer.predict(unit), rtol=1e-8)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_scores_that_go_against_the_labels_get_no_weight(task):
    rng = np.random.default_rng(0)
    target = (np.arange(100) % 2).astype(float)
    scores = np.stack([target + rng.standard_normal(100), -target + rng.standard_normal(100)], axis=1)
    weights = fit_blend(scores[:, :, None], target, task=task, n_classes=2).weights
    assert weights[0] > 0 and weights[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_stack_of_one_block_ranks_people_as_the_block_does(simulate, classes):
    data = fused(simulate, [("a", 8, 3, 0.9), ("b", 5, 0, 0)], fusion={"kind": "stacking"}, n=90, classes=classes)
    fold = plan_folds(data.cohort, data.spec, seed=1)[0]
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=1)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    lone = fit_fold(
        prepare_fold(replace(given, views=((1.0, 0.0),)), fold, recipe=recipe), data.cohort.target, recipe=recipe
    )
    plain = replace(given, views=((1.0, 0.0),), stacked=False)
    block = fit_fold(prepare_fold(plain, fold, recipe=recipe), data.cohort.target, recipe=recipe)
    slopes = [np.polyfit(mine, theirs, 1)[0] for mine, theirs in zip(block.scores.T, lone.scores.T, strict=True)]
    residual = lone.scores - block.scores * slopes
    assert min(slopes) > 0 and np.ptp(residual, axis=0).max() < 1e-8 * np.abs(lone.scores).max()


def test_a_stack_weighs_the_block_that_tells_more(simulate):
    data = fused(simulate, [("good", 6, 3, 1.0), ("noise", 40, 0, 0)], fusion={"kind": "stacking"}, n=100)
    result, _ = run(data)
    good, noise = (np.array([chosen[f"weight of {name}"] for chosen in result.chosen]) for name in ("good", "noise"))
    assert good.mean() > 3 * noise.mean() and (noise >= 0).all()
    assert area(result) > area(run(data, names=("good",))[0]) - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("inner", [2, 12])
def test_stacking_finds_nothing_in_noise(simulate, inner):
    """Two tiny halves, and inner folds of four people: the mean AUC of 24 cohorts is within 3 standard errors of ½."""
    areas = []
    for seed in range(24):
        data = fused(simulate, [("a", 5, 0, 0), ("b", 60, 0, 0)], fusion={"kind": "stacking"}, n=60, seed=seed)
        cv = data.spec.cv.model_copy(update={"inner": data.spec.cv.inner.model_copy(update={"folds": inner})})
        data = replace(data, spec=data.spec.model_copy(update={"cv": cv}))
        areas.append(area(run(data)[0]))
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas, ddof=1) / np.sqrt(len(areas))


def test_confounds_are_one_more_block_of_a_stack(simulate):
    data = fused(
        simulate, [("a", 5, 2, 0.8), ("b", 60, 0, 0)], fusion={"kind": "stacking"}, nuisance={"columns": ["age", "sex"]}
    )
    result, _ = run(data, model="nuisance+biomarker")
    assert all("weight of confounds" in chosen for chosen in result.chosen)
    assert result.weights is None


def test_an_estimator_without_weights_stacks_too(simulate):
    data = fused(simulate, [("a", 5, 2, 1.5), ("b", 6, 2, 1.5)], fusion={"kind": "stacking"}, n=80)
    result, _ = run(data, kind="rbf_svm")
    assert area(result) > 0.75 and result.weights is None


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"fusion": {"kind": "stacking"}, "features": [{"kind": "table"}]}, "needs two or more"),
        ({"fusion": {"kind": "kernel_sum"}, "features": [{"kind": "table"}] * 5}, "at most 4 blocks; there are 5"),
        ({"fusion": {"kind": "kernel_sum"}, "estimators": [{"kind": "forest"}]}, "adds linear kernels; forest"),
        ({"fusion": {"kind": "stacking"}, "estimators": [{"kind": "forest"}]}, "a stack of forest cannot be"),
    ],
)
def test_what_cannot_be_fused_is_refused_before_anything_runs(make_spec, sections, message):
    spec = make_spec(**{"features": [{"kind": "table"}] * 2, **sections})
    with pytest.raises(AnalysisFileError, match=message):
        check_analysis(spec)


def test_a_stack_has_no_fast_engine_and_says_so(simulate):
    data = fused(
        simulate, [("a", 5, 2, 1.5), ("b", 6, 2, 1.5)], fusion={"kind": "stacking"}, inference={"engine": "fast"}
    )
    with pytest.raises(AnalysisFileError, match="it is stacked"):
        permute(
            data.features,
            data.cohort,
            plan_folds(data.cohort, data.spec, seed=1),
            spec=data.spec,
            estimator=data.spec.estimators[0],
            first_draw=0,
            n_draws=1,
            seed=1,
        )


def test_a_stack_is_drawn_one_by_one(simulate):
    data = fused(simulate, [("a", 5, 2, 1.5), ("b", 6, 2, 1.5)], fusion={"kind": "stacking"})
    folds = plan_folds(data.cohort, data.spec, seed=1)
    estimator = data.spec.estimators[0]
    null = permute(
        data.features, data.cohort, folds, spec=data.spec, estimator=estimator, first_draw=0, n_draws=3, seed=1
    )
    assert null.engine == "general" and null.observed == pytest.approx(area(run(data)[0]))
    assert np.isfinite(null.null).all() and null.null.max() < null.observed
