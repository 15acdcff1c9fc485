import numpy as np
import pytest
from scipy.stats import genpareto, norm

from bidsml.learn.tail import _anderson_darling, _p_of_fit, reaches, sequential_p, tail_p


def normal_null(seed, n=1000):
    return np.random.default_rng(seed).normal(size=n)


def test_without_a_stop_it_is_the_plain_p():
    null = normal_null(0, 199)
    assert sequential_p(null, 1.0, stop_after=0) == ((1 + np.sum(null >= 1.0)) / 200, 199)
    # Fewer than ten draws of 199 reach 2.5: nothing stops.
    assert sequential_p(null, 2.5, stop_after=10) == ((1 + np.sum(null >= 2.5)) / 200, 199)


def test_it_stops_at_the_draw_that_reaches_last_and_looks_no_further():
    null = np.array([0.0, 2.0, 0.0, 1.0, 0.0, 9.0])
    assert sequential_p(null, 1.0, stop_after=2) == (2 / 4, 4)
    assert sequential_p(null[:4], 1.0, stop_after=2) == (2 / 4, 4)
    assert sequential_p(null, 1.0, stop_after=3) == (3 / 6, 6)
    assert sequential_p(null, 1.0, stop_after=4) == (4 / 7, 6)


def test_ties_and_undefined_draws_reach():
    assert reaches(np.array([1.0, 1.0 - 1e-13, np.nan, 1.0 - 1e-6]), 1.0).tolist() == [True, True, True, False]
    assert reaches(np.zeros(3), np.nan).all()
    assert sequential_p(np.array([np.nan, 1.0, 0.0]), 1.0, stop_after=2) == (1.0, 2)


def test_no_draws_give_no_p_and_a_negative_stop_is_refused():
    p, n_used = sequential_p(np.array([]), 1.0, stop_after=3)
    assert np.isnan(p) and n_used == 0
    with pytest.raises(ValueError, match="found -1"):
        sequential_p(np.zeros(3), 1.0, stop_after=-1)


def test_the_sequential_p_is_valid_and_saves_draws_under_the_null():
    rng = np.random.default_rng(1)
    results = [sequential_p(rng.random(999), rng.random(), stop_after=10) for _ in range(4000)]
    p = np.array([result[0] for result in results])
    for level in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        # Four standard errors of a share over 4,000 simulations.
        assert np.mean(p <= level) <= level + 4 * np.sqrt(level * (1 - level) / 4000)
    assert np.mean(p <= 0.05) > 0.03
    # E[l] is about h (1 + log(m / h)) = 56 draws of 999.
    assert np.mean([result[1] for result in results]) < 100


@pytest.mark.parametrize(("tail", "factor"), [(1e-4, 3), (1e-5, 3)])
def test_the_tail_of_a_normal_null_is_the_normal_tail(tail, factor):
    fits = [tail_p(normal_null(seed), norm.isf(tail)) for seed in range(200)]
    ratio = np.array([fit.p for fit in fits if fit is not None]) / tail
    assert len(ratio) >= 190
    assert 1 / factor < np.median(ratio) < factor
    # What errs is to err upwards: nine in ten are at least a fifth of the truth.
    assert np.quantile(ratio, 0.1) > 0.2


def test_a_larger_observed_value_never_has_a_larger_p_nor_zero():
    for seed in range(3):
        fits = [tail_p(normal_null(seed), x) for x in np.linspace(3.3, 60, 40)]
        p = np.array([fit.p for fit in fits])
        assert np.all(np.diff(p) <= 0) and p.min() == pytest.approx(1e-6)
        assert fits[-1].at_floor and not fits[0].at_floor and p[0] > p[10]


def test_a_bounded_null_has_a_p_beyond_its_bound():
    fit = tail_p(np.random.default_rng(2).beta(2, 2, 2000), 1.2)
    assert fit is None or fit.p > 0
    assert tail_p(np.random.default_rng(2).beta(8, 8, 2000), 1.2).shape == 0


def test_scale_and_shift_change_nothing():
    null = normal_null(3)
    plain = tail_p(null, 4.0)
    for scale, shift in ((1e-3, 0.0), (250.0, -40.0), (0.04, 0.5)):
        moved = tail_p(null * scale + shift, 4.0 * scale + shift)
        assert moved.n_exceedances == plain.n_exceedances
        assert moved.p == pytest.approx(plain.p, rel=1e-3)
        assert moved.shape == pytest.approx(plain.shape, abs=1e-3)


def test_the_order_of_the_draws_does_not_matter():
    null = normal_null(4)
    assert tail_p(null[::-1], 4.0).p == pytest.approx(tail_p(null, 4.0).p, rel=1e-9)


def test_at_most_the_250_largest_and_a_quarter_are_used():
    assert tail_p(normal_null(5, 4000), 5.0).n_exceedances <= 250
    assert tail_p(normal_null(5, 400), 5.0).n_exceedances <= 100


def test_an_ill_fitting_tail_is_lowered_or_left_out():
    # A lump at one value is no Pareto tail; above it, the tail is normal.
    null = normal_null(6)
    order = np.argsort(null)
    null[order[-250:-120]] = null[order[-120]]
    fit = tail_p(null, 5.0)
    assert fit is not None and fit.n_exceedances <= 130 and fit.p_fit > 0.05
    # Two values only: nothing to fit.
    assert tail_p((np.arange(1000) % 2).astype(float), 3.0) is None


@pytest.mark.parametrize(
    ("null", "observed"),
    [
        (np.zeros(1000), 1.0),
        (np.full(1000, 0.1), 1.0),
        (np.array([]), 1.0),
        (normal_null(0, 100), 5.0),
        (np.append(normal_null(0), np.nan), 5.0),
        (normal_null(0), np.nan),
        (normal_null(0), 1.0),
    ],
    ids=["constant", "constant not exact in binary", "none", "few", "undefined", "undefined observed", "reached"],
)
def test_draws_that_allow_no_tail_give_none(null, observed):
    assert tail_p(null, observed) is None


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.25])
def test_the_test_of_fit_holds_its_level(shape):
    rng = np.random.default_rng(7)
    rejected = 0
    for _ in range(300):
        sample = np.sort(genpareto.rvs(shape, size=120, random_state=rng))
        fitted, _, scale = genpareto.fit(sample, shape, floc=0, scale=1.0)
        rejected += _p_of_fit(_anderson_darling(sample, fitted, scale), fitted) <= 0.05
    # 15 of 300 are expected; 99.9 % of binomial counts lie within 4 and 29.
    assert 4 <= rejected <= 29


def test_the_test_of_fit_rejects_what_is_no_pareto_tail():
    sample = np.sort(np.random.default_rng(8).normal(5, 1, 250))
    shape, _, scale = genpareto.fit(sample, 0.0, floc=0, scale=1.0)
    assert _p_of_fit(_anderson_darling(sample, shape, scale), shape) <= 0.01
