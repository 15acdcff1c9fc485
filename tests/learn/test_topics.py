from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils.estimator_checks import check_estimator

from bidsml.errors import DataError
from bidsml.learn.crossval import cross_validate, model_input, recipe_of
from bidsml.learn.final_fold import fold_of_everyone
from bidsml.learn.fitting import fit_fold, prepare_fold
from bidsml.learn.frozen import apply, freeze
from bidsml.learn.permutation import permute
from bidsml.learn.preparation import fit_preparation
from bidsml.learn.splits import plan_folds
from bidsml.learn.topics import TokenTopics
from bidsml.records import FeatureBlock, FeatureSet, FrozenModel
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={})


def texts(n=60, n_tokens=200, seed=0):
    """Counts of three topics' tokens; which topic a text is about."""
    rng = np.random.default_rng(seed)
    topic = np.arange(n) % 3
    rates = np.full((3, n_tokens), 0.02)
    for number in range(3):
        rates[number, number * 20 : number * 20 + 20] = 0.5
    return rng.poisson(rates[topic]).astype(float), topic


def test_scikit_learn_takes_it_for_a_transformer():
    check_estimator(TokenTopics(n_components=2, min_df=1))


def test_it_is_scikit_learns_tf_idf_and_svd():
    counts, _ = texts()
    topics = TokenTopics(n_components=5, min_df=1).fit(counts[:40])
    seen = counts[:, counts[:40].any(axis=0)]
    log = np.log1p(seen)
    # scikit-learn counts people by what is not 0, as here.
    weighed = TfidfTransformer().fit(log[:40]).transform(log).toarray()
    svd = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(weighed[:40])
    found, expected = topics.transform(counts), svd.transform(weighed)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-8)


def test_topics_are_told_apart():
    counts, topic = texts()
    found = TokenTopics(n_components=3).fit(counts[:30]).transform(counts[30:])
    centres = np.stack([found[topic[30:] == number].mean(axis=0) for number in range(3)])
    nearest = ((found[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, topic[30:])


def test_rare_tokens_missing_texts_and_empty_ones():
    counts, _ = texts()
    counts[:, 150:] = 0
    counts[0, 150] = 3
    counts[5] = 0
    counts[6] = np.nan
    topics = TokenTopics(n_components=4, min_df=2).fit(counts)
    assert 150 not in topics.vocabulary_
    found = topics.transform(counts)
    assert (found[5] == 0).all()
    assert np.isnan(found[6]).all()
    assert np.isfinite(np.delete(found, 6, axis=0)).all()


@pytest.mark.parametrize("counts", [np.zeros((8, 5)), np.eye(6), np.full((8, 5), np.nan), np.ones((7, 1))])
def test_texts_that_have_nothing_in_common(counts):
    found = TokenTopics(n_components=3, min_df=2).fit(counts).transform(counts)
    assert found.shape[0] == len(counts)
    assert found.shape[1] >= 1


def cohort_of_texts(simulate):
    counts, topic = texts(n=60)
    data = simulate(n=60, p=3, cv={"outer": {"kind": "stratified", "folds": 3}, "inner": {"folds": 2}})
    rng = np.random.default_rng(3)
    counts[data.cohort.target == 1, :20] += rng.poisson(0.5, ((data.cohort.target == 1).sum(), 20))
    counts[:2] = np.nan
    blocks = (
        *data.features.blocks,
        FeatureBlock("notes", "text", "words", "vector", 3, 203, n_topics=6, min_people=2),
    )
    names = (*data.features.names, *(f"token-{number:04d}" for number in range(200)))
    features = FeatureSet(data.features.participant_id, names, np.hstack([data.features.values, counts]), blocks)
    assert topic.size == 60
    return replace(data, features=features)


def test_test_texts_change_nothing(simulate):
    data = cohort_of_texts(simulate)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    other = given.values.copy()
    other[:20, 3:] = np.random.default_rng(0).poisson(2.0, (20, 200))
    one, two = (
        fit_preparation(replace(given, values=values), np.arange(20, 60)).transform(given.values)
        for values in (given.values, other)
    )
    np.testing.assert_array_equal(one, two)
    assert one.shape[1] == 3 + 6
    assert not given.columnwise


def test_both_engines_agree(simulate):
    data = cohort_of_texts(simulate)
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=0) if fold.design == "stratified"]
    nulls = []
    for engine in ("fast", "general"):
        inference = data.spec.inference.model_copy(update={"engine": engine})
        spec = data.spec.model_copy(update={"inference": inference})
        arguments = {"spec": spec, "estimator": RIDGE, "first_draw": 0, "n_draws": 5, "seed": 1}
        nulls.append(permute(data.features, data.cohort, folds, **arguments).null)
    np.testing.assert_allclose(*nulls, atol=1e-6)
    result = cross_validate(
        data.features, data.cohort, folds, spec=data.spec, estimator=RIDGE, model="biomarker", seed=0
    )
    assert np.isfinite(result.weights[:, :9]).all()
    assert np.isnan(result.weights[:, 9:]).all()


def frozen_of(data):
    folds = plan_folds(data.cohort, data.spec, seed=0)
    model = freeze(data.features, data.cohort, folds, spec=data.spec, seed=0, dataset="here")
    recipe = recipe_of(data.cohort, spec=data.spec, estimator=data.spec.estimators[0], model="biomarker", seed=0)
    given = model_input(data.features, data.cohort, spec=data.spec, model="biomarker")
    prepared = prepare_fold(given, fold_of_everyone(folds, data.cohort), recipe=recipe)
    return model, given.values, fit_fold(prepared, data.cohort.target, recipe=recipe)


def test_the_frozen_model_is_the_pipeline(simulate):
    model, values, fit = frozen_of(cohort_of_texts(simulate))
    said = apply(model, values, np.empty((60, 0)))
    np.testing.assert_allclose(said.scores, fit.scores, atol=1e-10)


@pytest.mark.parametrize(
    "broken",
    [{"block1_idf": np.ones(3)}, {"block1_components": np.ones((2, 2))}, {"block1_vocabulary": np.array([999])}],
    ids=lambda broken: next(iter(broken)),
)
def test_arrays_that_do_not_fit_are_refused(simulate, broken):
    model, values, _ = frozen_of(cohort_of_texts(simulate))
    with pytest.raises(DataError, match="disagree"):
        apply(FrozenModel(model.card, {**model.arrays, **broken}), values, np.empty((60, 0)))
