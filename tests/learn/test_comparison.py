import numpy as np
import pytest

from bidsml.learn.comparison import compare_pair, cross_check_aucs, pair_results
from bidsml.learn.crossval import cross_validate
from bidsml.learn.intervals import DELONG, NADEAU_BENGIO, corrected_t, draw_units, percentile_interval, resample
from bidsml.learn.metrics import METRICS
from bidsml.learn.splits import plan_folds
from bidsml.spec import EstimatorSpec

CV = {"outer": {"kind": "stratified", "folds": 5}}


def fit(data, *, kinds=("ridge", "lda"), models=("biomarker", "nuisance", "majority")):
    folds = plan_folds(data.cohort, data.spec, seed=0)
    common = {"spec": data.spec, "seed": 0}
    cv = [
        cross_validate(
            data.features, data.cohort, folds, estimator=EstimatorSpec(kind=kind, grid={}), model=model, **common
        )
        for kind in kinds
        for model in models
    ]
    return cv, folds


def test_every_biomarker_meets_its_baselines_and_the_first(simulate):
    cv, _ = fit(simulate(n=60, effect=1, nuisance={"columns": ["age"]}, cv=CV))
    assert [(result.estimator, words) for result, _, words in pair_results(cv)] == [
        ("ridge", "biomarker - nuisance"),
        ("ridge", "biomarker - majority"),
        ("lda", "biomarker - nuisance"),
        ("lda", "biomarker - majority"),
        ("lda", "biomarker - biomarker of ridge"),
    ]


def test_a_model_against_its_twin_differs_by_nothing(simulate):
    data = simulate(n=60, effect=1, cv=CV)
    cv, folds = fit(data, kinds=("ridge",), models=("biomarker",))
    samples = draw_units(data.cohort.unit, seed=0)
    pair = (cv[0], cv[0], "biomarker - biomarker of ridge")
    row = compare_pair(pair, folds, data.cohort, name="roc_auc", metric=METRICS["roc_auc"], samples=samples)
    assert (row.estimate, row.low, row.high, row.p) == (0, 0, 0, 1)


def test_delong_agrees_with_the_plain_bootstrap_of_the_same_people(simulate):
    data = simulate(n=120, effect=1.2, nuisance={"columns": ["age"]}, cv=CV)
    cv, folds = fit(data, kinds=("ridge",), models=("biomarker", "nuisance"))
    rows = {row.model: row for row in cross_check_aucs(cv, folds, data.cohort)}
    assert set(rows) == {"biomarker", "nuisance", "biomarker - nuisance"}
    target = data.cohort.target == 1
    scores = [result.scores[0, :, 0] for result in cv]

    def area(of, chosen):
        truth = target[chosen]
        gaps = of[chosen][truth][:, None] - of[chosen][~truth]
        return float((np.sign(gaps) + 1).mean() / 2)

    samples = draw_units(data.cohort.unit, seed=0)
    found = percentile_interval(resample(lambda chosen: area(scores[0], chosen) - area(scores[1], chosen), samples))
    row = rows["biomarker - nuisance"]
    everyone = np.arange(120)
    assert row.estimate == pytest.approx(area(scores[0], everyone) - area(scores[1], everyone))
    # An end of a percentile interval of 1,000 samples is known to about 8 % of the standard error.
    assert (row.low, row.high) == pytest.approx((found.low, found.high), abs=0.03)
    assert row.interval == DELONG and (row.p < 0.05) == (not row.low <= 0 <= row.high)


def test_delong_is_left_out_where_its_people_are_not_independent(simulate):
    data = simulate(n=90, rows_per_unit=3, cv=CV)
    cv, folds = fit(data, kinds=("ridge",), models=("biomarker",))
    assert list(cross_check_aucs(cv, folds, data.cohort)) == []


def test_a_paired_difference_of_folds_is_the_corrected_t(simulate):
    data = simulate(n=100, effect=1.5, nuisance={"columns": ["age"]}, cv=CV)
    cv, folds = fit(data, kinds=("ridge",), models=("biomarker", "nuisance"))
    pair = next(pair_results(cv))
    samples = draw_units(data.cohort.unit, seed=0)
    row = compare_pair(pair, folds, data.cohort, name="roc_auc", metric=METRICS["roc_auc"], samples=samples)
    values = cv[0].fold_metrics["roc_auc"] - cv[1].fold_metrics["roc_auc"]
    assert row.interval == NADEAU_BENGIO
    assert (row.estimate, row.low, row.high, row.p) == pytest.approx(corrected_t(values, folds))
