from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bidsml.learn.crossval import cross_validate
from bidsml.learn.intervals import DELONG, WIDENED_BOOTSTRAP, corrected_t
from bidsml.learn.nulls import merge_nulls
from bidsml.learn.performance import summarise_performance
from bidsml.learn.permutation import permute
from bidsml.learn.splits import plan_folds
from bidsml.records import Fold
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={})


def summarise(data, *, n_draws=0, models=("biomarker", "majority"), seed=0):
    folds = plan_folds(data.cohort, data.spec, seed=1)
    designs = tuple(dict.fromkeys(fold.design for fold in folds))
    cv, nulls = [], []
    for design in designs:
        mine = [fold for fold in folds if fold.design == design]
        common = {"spec": data.spec, "estimator": RIDGE}
        cv += [cross_validate(data.features, data.cohort, mine, model=m, seed=1, **common) for m in models]
        if n_draws:
            null = permute(data.features, data.cohort, mine, first_draw=0, n_draws=n_draws, seed=1, **common)
            nulls.append(merge_nulls([null]))
    return summarise_performance(cv, nulls, folds, data.cohort, spec=data.spec, seed=seed), cv, folds


def pick(rows, **wanted):
    return [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]


def test_the_corrected_t_is_the_formula():
    values = np.array([0.7, 0.6, 0.8, 0.65, 0.75])
    nothing = np.empty(0, dtype=int)
    folds = [Fold("d", 0, k, "", np.arange(80), np.arange(20), nothing) for k in range(5)]
    mean, low, high, p = corrected_t(values, folds)
    error = values.std(ddof=1) * np.sqrt(1 / 5 + 20 / 80)
    assert (mean, (high - low) / 2) == pytest.approx((0.7, stats.t.ppf(0.975, 4) * error))
    assert p == pytest.approx(2 * stats.t.sf(0.7 / error, 4))
    plain = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert low < plain[0] and high > plain[1]


def test_without_spread_nothing_is_claimed():
    nothing = np.empty(0, dtype=int)
    folds = [Fold("d", 0, k, "", np.arange(80), np.arange(20), nothing) for k in range(3)]
    assert corrected_t(np.full(3, 0.5), folds)[:3] == (0.5, 0.5, 0.5)
    assert np.isnan(corrected_t(np.full(3, 0.5), folds)[3])
    assert corrected_t(np.zeros(3), folds)[3] == 1
    assert np.isnan(corrected_t(np.array([0.5]), folds[:1])[1:]).all()


def test_the_first_row_of_a_model_is_its_headline(simulate):
    data = simulate(n=80, effect=1, cv={"outer": {"kind": "stratified", "folds": 5, "repeats": 2}})
    rows, cv, folds = summarise(data, n_draws=19)
    row = rows[0]
    assert (row.model, row.metric, row.interval, row.n) == ("biomarker", "roc_auc", "Nadeau-Bengio", 80)
    values = cv[0].fold_metrics["roc_auc"]
    assert values.size == len(folds) == 10
    assert (row.estimate, row.low, row.high) == pytest.approx(corrected_t(values, folds)[:3])
    assert row.p == row.p_floor == 1 / 20 and "19 draws" in row.p_method
    pooled = rows[1]
    assert (pooled.metric, pooled.note, pooled.interval) == ("roc_auc", "pooled", WIDENED_BOOTSTRAP)
    assert pooled.low < pooled.estimate < pooled.high
    assert np.isnan(pick(rows, model="majority", metric="roc_auc")[0].p)


def test_intervals_stay_within_what_the_metric_can_be(simulate):
    data = simulate(n=40, effect=4, cv={"outer": {"kind": "stratified", "folds": 5}})
    rows, _, _ = summarise(data)
    for row in pick(rows, metric="roc_auc") + pick(rows, metric="sensitivity"):
        if " - " not in row.model:
            assert 0 <= row.low <= row.estimate <= row.high <= 1


def test_the_difference_is_paired_over_folds(simulate):
    data = simulate(n=80, effect=1.5, nuisance={"columns": ["age"]}, cv={"outer": {"kind": "stratified", "folds": 5}})
    rows, cv, folds = summarise(data, models=("biomarker", "nuisance", "nuisance+biomarker", "majority"))
    row, check = pick(rows, model="biomarker - nuisance")
    assert check.interval == DELONG and "cross-check" in check.note
    values = cv[0].fold_metrics["roc_auc"] - cv[1].fold_metrics["roc_auc"]
    assert (row.estimate, row.low, row.high, row.p) == pytest.approx(corrected_t(values, folds))
    assert row.p_method == "Nadeau-Bengio corrected t"
    assert {r.model for r in rows if " - " in r.model} == {
        "biomarker - nuisance",
        "nuisance+biomarker - nuisance",
        "biomarker - majority",
    }


def test_leave_one_out_falls_back_on_the_bootstrap_and_says_so(simulate):
    data = simulate(n=40, effect=3, cv={"outer": {"kind": "leave-one-out"}})
    rows, _, _ = summarise(data)
    first = rows[0]
    assert (first.metric, first.note, first.interval) == ("roc_auc", "pooled", WIDENED_BOOTSTRAP)
    (difference,) = pick(rows, model="biomarker - majority")
    assert difference.p_method.startswith("unit bootstrap") and difference.interval == WIDENED_BOOTSTRAP
    assert difference.p < 0.05 and difference.p >= difference.p_floor


def test_the_bootstrap_draws_whole_units(simulate):
    """Three scans per person: intervals must be as wide as for persons, not as for scans."""
    cv = {"outer": {"kind": "leave-one-out"}}
    data = simulate(n=90, rows_per_unit=3, effect=1, cv=cv)
    rows, _, _ = summarise(data)
    careless = replace(data, cohort=replace(data.cohort, unit=data.cohort.participant_id))
    folds = plan_folds(data.cohort, data.spec, seed=1)
    result = cross_validate(
        data.features, data.cohort, folds, spec=data.spec, estimator=RIDGE, model="biomarker", seed=1
    )
    other = summarise_performance([result], [], folds, careless.cohort, spec=data.spec, seed=0)
    width, narrow = rows[0].high - rows[0].low, other[0].high - other[0].low
    assert width > 1.2 * narrow


def test_the_seed_decides_the_bootstrap(simulate):
    data = simulate(n=40, cv={"outer": {"kind": "stratified", "folds": 4}})
    assert summarise(data)[0][1] == summarise(data)[0][1]
    assert summarise(data)[0][1].low != summarise(data, seed=1)[0][1].low


def test_metrics_without_probabilities_get_no_row(simulate):
    rows, _, _ = summarise(simulate(n=40, cv={"outer": {"kind": "stratified", "folds": 4}}))
    assert not pick(rows, model="biomarker", metric="brier")
    assert pick(rows, model="majority", metric="brier")
    assert all(np.isfinite(row.estimate) for row in rows)
