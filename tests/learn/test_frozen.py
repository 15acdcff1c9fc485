"""A frozen biomarker predicts as the pipeline that it was taken from, for anybody, one by one."""

from dataclasses import replace

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.learn.crossval import model_input, recipe_of
from bidsml.learn.final_fold import fold_of_everyone
from bidsml.learn.fitting import fit_fold, prepare_fold
from bidsml.learn.frozen import apply, freeze, prepare
from bidsml.learn.preparation import build_preparation
from bidsml.learn.splits import plan_folds
from bidsml.records import FeatureBlock, FeatureSet

CV = {"outer": {"kind": "stratified", "folds": 4}, "inner": {"folds": 2}}
SMALL_GRID = {
    "ridge": {"alpha": [1.0, 100.0]},
    "logistic": {"C": [0.001, 0.1]},
    "linear_svm": {"C": [0.001, 0.1]},
    "lda": {"shrinkage": [0.9, 0.5]},
    "rbf_svm": {"C": [1.0]},
}
LINEAR = ("ridge", "logistic", "linear_svm", "lda")
OTHER = ("forest", "boosting", "rbf_svm")


def sections(kind, **more):
    entry = {"kind": kind, "grid": SMALL_GRID[kind]} if kind in SMALL_GRID else {"kind": kind}
    return {"estimators": [entry], "cv": CV, **more}


def frozen_of(data, dataset="here"):
    folds = plan_folds(data.cohort, data.spec, seed=0)
    return freeze(data.features, data.cohort, folds, spec=data.spec, seed=0, dataset=dataset)


def pipeline_of(data):
    """The whole cohort's input, and the general path's own fit on everyone, with its predictions for everyone."""
    folds = plan_folds(data.cohort, data.spec, seed=0)
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=0)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    fold = fold_of_everyone(folds, data.cohort)
    return given, fit_fold(prepare_fold(given, fold, recipe=recipe), data.cohort.target, recipe=recipe)


def agrees(data):
    """The frozen model says of the training people what the pipeline itself says."""
    model = frozen_of(data)
    given, fit = pipeline_of(data)
    said = apply(model, given.values[:, : given.n_features], given.values[:, given.n_features :])
    # Rotating weights back costs some rounding; scores are of order one.
    np.testing.assert_allclose(said.scores, fit.scores, rtol=0, atol=1e-10)
    np.testing.assert_allclose(said.predictions, fit.predictions, rtol=0, atol=1e-10)
    if fit.probabilities is None:
        assert said.probabilities is None
    else:
        np.testing.assert_allclose(said.probabilities, fit.probabilities, rtol=0, atol=1e-10)
    assert dict(model.card.parameters) == dict(fit.chosen)
    return model


@pytest.mark.parametrize("kind", [*LINEAR, *OTHER])
@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("p", [8, 70])
def test_the_frozen_model_is_the_pipeline(simulate, kind, classes, p):
    if classes == 0 and kind in ("logistic", "lda"):
        pytest.skip("classification only")
    if kind in OTHER:
        pytest.importorskip("skops")
        if p > 8 or (kind == "forest" and classes != 2):
            pytest.skip("one width and one task show it")
    agrees(simulate(n=48, p=p, effect=1.0, classes=classes, missing=0.05, **sections(kind)))


@pytest.mark.parametrize("p", [8, 70])
def test_nuisance_regression_is_frozen(simulate, p):
    model = agrees(
        simulate(n=48, p=p, effect=1.0, missing=0.05, **sections("ridge", nuisance={"regress": ["age", "sex"]}))
    )
    assert [(c.name, c.level, c.levels) for c in model.card.nuisance] == [("age", "", ()), ("sex[M]", "M", ("F", "M"))]


def test_combat_is_frozen(simulate):
    nuisance = {"harmonize": "combat", "preserve": ["age", "sex"], "regress": ["age"]}
    data = simulate(n=60, p=30, effect=1.0, n_sites=3, missing=0.02, **sections("logistic", nuisance=nuisance))
    data.features.values[np.array(data.cohort.site) == "site-1"] += 5
    model = agrees(data)
    assert model.card.sites == ("site-0", "site-1", "site-2")
    # A site that training did not know is left as it is by the preparation's own transform too.
    given, _ = pipeline_of(data)
    beside = given.values[:, given.n_features :].copy()
    beside[:, 1] = -1
    preparation = build_preparation(
        given.blocks, n_nuisance=given.n_regressed, max_missing=given.max_missing, n_design=given.n_design
    ).fit(given.values)
    expected = preparation.transform(np.hstack([given.values[:, : given.n_features], beside]))
    np.testing.assert_allclose(prepare(model, given.values[:, : given.n_features], beside), expected, atol=1e-10)


def test_refused_sites_are_refused(simulate):
    nuisance = {"harmonize": "combat", "unseen_site": "error"}
    data = simulate(n=60, p=5, n_sites=2, **sections("ridge", nuisance=nuisance))
    with pytest.raises(DataError, match="3 of 3 participants come from sites"):
        apply(frozen_of(data), data.features.values[:3], np.full((3, 1), -1.0))


def with_covariances(data, n_regions=4, seed=1, n_missing=3):
    """The cohort with one covariance block beside its vector block; some people miss a region."""
    rng = np.random.default_rng(seed)
    n = len(data.cohort.target)
    rows, columns = np.triu_indices(n_regions)
    series = rng.standard_normal((n, 40, n_regions))
    series[:, :, 1] += data.cohort.target[:, None] * series[:, :, 0]
    matrices = np.einsum("nti,ntj->nij", series, series) / 40
    matrices[:n_missing, 2, :] = matrices[:n_missing, :, 2] = np.nan
    cells = matrices[:, rows, columns]
    p = data.features.values.shape[1]
    nodes = tuple(f"r{number}" for number in range(n_regions))
    block = FeatureBlock("tangent", "connectome", "tangent", "covariance", p, p + cells.shape[1], nodes)
    names = (*data.features.names, *(f"cell{number}" for number in range(cells.shape[1])))
    values = np.hstack([data.features.values, cells])
    features = FeatureSet(data.features.participant_id, names, values, (*data.features.blocks, block))
    return replace(data, features=features)


def test_the_tangent_reference_is_frozen(simulate):
    data = with_covariances(simulate(n=40, p=3, **sections("ridge")))
    model = agrees(data)
    alone = apply(model, data.features.values[:1], np.empty((1, 0)))
    together = apply(model, data.features.values, np.empty((40, 0)))
    # Products of matrices round by their shape.
    np.testing.assert_allclose(alone.scores, together.scores[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["ridge", "boosting"])
def test_nobody_depends_on_who_else_is_there(simulate, kind):
    if kind == "boosting":
        pytest.importorskip("skops")
    data = simulate(n=40, p=6, effect=1.0, missing=0.1, **sections(kind))
    model = frozen_of(data)
    nothing = np.empty((40, 0))
    everyone = apply(model, data.features.values, nothing)
    order = np.random.default_rng(0).permutation(40)
    shuffled = apply(model, data.features.values[order], nothing)
    # Products of matrices round by their shape.
    np.testing.assert_allclose(shuffled.scores, everyone.scores[order], rtol=0, atol=1e-12)
    one = apply(model, data.features.values[5:6], nothing[5:6])
    np.testing.assert_allclose(one.scores, everyone.scores[5:6], rtol=0, atol=1e-12)


def test_two_freezings_are_the_same(simulate):
    data = simulate(n=40, p=50, effect=1.0, **sections("logistic"))
    first, second = frozen_of(data), frozen_of(data)
    assert first.card == second.card
    assert all(first.arrays[name].tobytes() == second.arrays[name].tobytes() for name in first.arrays)


def test_the_people_are_told_only_as_hashes(simulate):
    data = simulate(n=40, p=12, **sections("ridge"))
    card = frozen_of(data).card
    text = repr(card)
    assert not [person for person in data.cohort.participant_id if person in text]
    assert card.people.counts == {"class-0": 20, "class-1": 20}
    assert len(card.people.in_dataset) == len(card.people.labels) == len(card.people.vectors) == 40
    assert frozen_of(data, dataset="there").card.people.in_dataset != card.people.in_dataset
    # The salt comes from the numbers: another model of the same people has other hashes.
    other = frozen_of(simulate(n=40, p=12, seed=1, **sections("ridge"))).card
    assert not set(other.people.labels) & set(card.people.labels)


@pytest.mark.parametrize(
    ("values", "beside"), [(np.zeros((2, 7)), np.zeros((2, 0))), (np.zeros((2, 8)), np.zeros((2, 1)))]
)
def test_data_of_another_shape_are_refused(simulate, values, beside):
    with pytest.raises(DataError, match="the model takes 8 features and 0 columns"):
        apply(frozen_of(simulate(**sections("ridge"))), values, beside)


def test_arrays_that_disagree_are_refused(simulate):
    model = frozen_of(simulate(**sections("ridge")))
    broken = replace(model, arrays={**model.arrays, "coef": model.arrays["coef"][:, 1:]})
    with pytest.raises(DataError, match="disagree"):
        apply(broken, np.zeros((2, 8)), np.zeros((2, 0)))


@pytest.mark.parametrize("name", ["coef", "median", "block0_keep"])
def test_a_model_that_lacks_an_array_is_refused(simulate, name):
    model = frozen_of(simulate(**sections("ridge")))
    broken = replace(model, arrays={key: array for key, array in model.arrays.items() if key != name})
    with pytest.raises(DataError, match=f"the model lacks arrays: {name}"):
        apply(broken, np.zeros((2, 8)), np.zeros((2, 0)))
