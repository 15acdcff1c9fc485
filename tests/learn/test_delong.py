import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bidsml.learn.delong import delong, placement_values


def brute_force(truth, scores):
    """The covariance of DeLong 1988 (eq. 4-6) from the kernel of every pair, with loops."""
    n_models = len(scores)
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    kernel = np.empty((n_models, positives.size, negatives.size))
    for r in range(n_models):
        for i, a in enumerate(positives):
            for j, b in enumerate(negatives):
                gaps = [repeat[a] - repeat[b] for repeat in scores[r]]
                kernel[r, i, j] = np.mean([1.0 if gap > 0 else 0.5 if gap == 0 else 0.0 for gap in gaps])
    areas = kernel.mean(axis=(1, 2))
    covariance = np.zeros((n_models, n_models))
    for axis, count in ((2, positives.size), (1, negatives.size)):
        parts = kernel.mean(axis=axis)
        for r in range(n_models):
            for s in range(n_models):
                products = [(parts[r, i] - areas[r]) * (parts[s, i] - areas[s]) for i in range(count)]
                covariance[r, s] += sum(products) / (count - 1) / count
    return areas, covariance


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_it_is_the_covariance_of_the_u_statistics(n_repeats):
    rng = np.random.default_rng(0)
    truth = rng.random(35) < 0.4
    # Whole numbers: many ties, within a class and between.
    scores = rng.integers(0, 6, size=(3, n_repeats, 35)) + truth
    areas, covariance = delong(truth, scores.astype(float))
    expected = brute_force(truth, scores)
    assert areas == pytest.approx(expected[0], abs=1e-12)
    assert covariance == pytest.approx(expected[1], abs=1e-12)
    assert areas[0] == pytest.approx(np.mean([roc_auc_score(truth, repeat) for repeat in scores[0]]))


def test_the_placement_values_are_shares_of_the_other_class():
    of_positive, of_negative = placement_values(np.array([3.0, 1.0]), np.array([2.0, 1.0, 0.0, 3.0]))
    assert of_positive.tolist() == [3.5 / 4, 1.5 / 4]
    assert of_negative.tolist() == [0.5, 0.75, 1.0, 0.25]


def area(positive, negative):
    return np.mean(positive[:, None] > negative) + np.mean(positive[:, None] == negative) / 2


def test_it_agrees_with_a_bootstrap_of_the_people():
    rng = np.random.default_rng(1)
    n = 300
    truth = np.arange(n) % 3 == 0
    common = rng.standard_normal(n)
    scores = np.stack([truth + common, truth + 0.7 * common + rng.standard_normal(n)])[:, None]
    _, covariance = delong(truth, scores)
    draws = rng.integers(n, size=(2000, n))
    values = np.array([[area(model[0][d][truth[d]], model[0][d][~truth[d]]) for model in scores] for d in draws])
    # Standard errors of a bootstrap's standard deviation: 1.6 %; of the correlation, about 0.02.
    assert np.sqrt(np.diag(covariance)) == pytest.approx(values.std(axis=0), rel=0.07)
    difference = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert difference == pytest.approx((values[:, 0] - values[:, 1]).std(), rel=0.07)


def test_a_model_against_itself_differs_by_nothing():
    rng = np.random.default_rng(2)
    truth = rng.random(40) < 0.5
    one = rng.standard_normal(40)
    _, covariance = delong(truth, np.stack([one, np.exp(one)])[:, None])
    assert covariance == pytest.approx(np.full((2, 2), covariance[0, 0]))
