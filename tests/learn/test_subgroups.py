from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bidsml.learn.crossval import cross_validate
from bidsml.learn.splits import plan_folds
from bidsml.learn.subgroups import judge_subgroups
from bidsml.spec import EstimatorSpec

RIDGE = EstimatorSpec(kind="ridge", grid={})


def judge(data, cohort=None):
    folds = [fold for fold in plan_folds(data.cohort, data.spec, seed=0) if fold.design == "stratified"]
    common = {"spec": data.spec, "estimator": RIDGE, "model": "biomarker", "seed": 0}
    result = cross_validate(data.features, data.cohort, folds, **common)
    return judge_subgroups(result, folds, cohort or data.cohort, spec=data.spec, seed=0), result


@pytest.fixture(name="data")
def _data(simulate):
    return simulate(
        n=150,
        effect=1,
        n_sites=3,
        nuisance={"columns": ["age", "sex", "site"]},
        cv={"outer": {"kind": "stratified", "folds": 5}},
    )


def test_levels_thirds_and_sites_hold_everyone_once(data):
    rows, _ = judge(data)
    for column, n_levels in (("age", 3), ("sex", 2), ("site", 3)):
        mine = [row for row in rows if row.column == column]
        assert len(mine) == n_levels
        assert sum(row.n for row in mine) == 150 and all(sum(row.counts) == row.n for row in mine)


def test_the_figure_is_that_of_the_members(data):
    rows, result = judge(data)
    table, target = data.cohort.table, data.cohort.target
    for row in rows:
        if row.column == "sex":
            members = (table["sex"] == row.level).to_numpy()
            assert row.estimate == pytest.approx(roc_auc_score(target[members], result.scores[0, members, 0]))
            assert row.low < row.estimate < row.high and row.interval
    low = next(row for row in rows if row.column == "age")
    edge = float(low.level.removeprefix("up to "))
    assert low.n == int((table["age"] <= edge).sum())


def test_a_number_of_few_values_goes_by_its_values(data):
    coded = data.cohort.table.assign(sex=np.where(data.cohort.table["sex"] == "M", 1.0, 2.0))
    rows, _ = judge(data, replace(data.cohort, table=coded))
    assert [row.level for row in rows if row.column == "sex"] == ["1", "2"]


def test_few_people_get_no_figure_and_missing_values_no_group(data):
    values = np.where(np.arange(150) < 6, "rare", "common").astype(object)
    values[10:20] = None
    rows, _ = judge(data, replace(data.cohort, table=data.cohort.table.assign(sex=values)))
    by_level = {row.level: row for row in rows if row.column == "sex"}
    assert set(by_level) == {"rare", "common"} and by_level["common"].n == 134
    assert np.isnan(by_level["rare"].estimate) and "fewer than 5" in by_level["rare"].note


def test_a_column_that_is_the_same_for_all_makes_no_subgroup(data):
    rows, _ = judge(data, replace(data.cohort, table=data.cohort.table.assign(sex="M")))
    assert "sex" not in {row.column for row in rows}
