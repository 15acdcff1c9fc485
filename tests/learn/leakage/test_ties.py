from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats.contingency import association
from sklearn.metrics import roc_auc_score

from bidsml.learn.leakage.association import cramers_v, tie_to_names, tie_to_numbers
from bidsml.learn.leakage.ties import check_label_motion, check_label_nuisance, check_label_site, is_motion


def shifted(target, rng, by):
    return rng.standard_normal(target.size) + by * target


def test_the_auc_of_a_column_is_scikit_learns_whichever_its_sign(rng):
    target = np.arange(80) % 2.0
    values = shifted(target, rng, 0.7)
    for sign in (1, -1):
        tie = tie_to_numbers(target, sign * values, classes=2)
        assert tie.strength == pytest.approx(roc_auc_score(target, values))
        assert tie.p == pytest.approx(stats.mannwhitneyu(values[target == 0], values[target == 1]).pvalue)


def test_bias_corrected_v_is_near_0_for_noise_and_near_scipys_for_a_strong_tie(rng):
    plain, corrected = [], []
    for _ in range(100):
        first, second = rng.integers(0, 5, 80), rng.integers(0, 2, 80)
        plain.append(association(pd.crosstab(first, second).to_numpy(), method="cramer"))
        corrected.append(cramers_v(first, second).strength)
    # Uncorrected, five sites and 80 people give noise a V of about sqrt(4 / 80).
    assert np.mean(plain) > 0.18 and np.mean(corrected) < 0.09
    first = rng.integers(0, 4, 2000)
    second = np.where(rng.random(2000) < 0.8, first, rng.integers(0, 4, 2000))
    expected = association(pd.crosstab(first, second).to_numpy(), method="cramer")
    assert cramers_v(first, second).strength == pytest.approx(expected, abs=0.01)
    assert cramers_v(first, first).strength == pytest.approx(1)


def test_p_of_a_sparse_table_is_valid_and_repeats(rng):
    p = []
    for _ in range(30):
        first, second = rng.integers(0, 12, 40), rng.integers(0, 2, 40)
        p.append(cramers_v(first, second).p)
    assert cramers_v(first, second).p == p[-1]
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert cramers_v(np.arange(40) // 2, np.arange(40) // 20).p < 0.01


@pytest.mark.parametrize(("share", "severity"), [(1.0, "alarm"), (0.75, "alarm"), (0.58, "caution"), (0.5, "none")])
def test_label_and_site(gather, share, severity):
    n = 400
    material = gather(n=n, n_sites=2)
    target = material.cohort.target
    site = np.empty(n, dtype=int)
    for code in (0, 1):
        members = np.flatnonzero(target == code)
        site[members] = code
        site[members[: round((1 - share) * members.size)]] = 1 - code
    tied = replace(material, cohort=replace(material.cohort, site=tuple(f"s{one}" for one in site)))
    found = check_label_site(tied)
    assert found.severity == severity
    assert found.status == ("warned" if severity in ("caution", "alarm") else "passed")
    assert "2 sites (Cramér's V" in found.evidence and "p" in found.evidence


def test_an_outcome_that_differs_between_sites_is_tied_to_them(gather):
    material = gather(classes=0, n_sites=3)
    target = material.cohort.target
    assert check_label_site(material).status == "passed"
    site = tuple(f"s{int(one)}" for one in np.digitize(target, [-0.5, 0.5]))
    found = check_label_site(replace(material, cohort=replace(material.cohort, site=site)))
    assert found.severity == "alarm" and "correlation ratio" in found.evidence


def test_without_a_named_site_a_scanner_among_the_confounds_counts(gather):
    assert check_label_site(gather()).status == "not checked"
    material = gather(nuisance={"columns": ["age"]})
    serial = 45000.0 + 200 * material.cohort.target
    cohort = replace(
        material.cohort,
        table=material.cohort.table.assign(ScannerSerialNumber=serial),
        nuisance=serial[:, None],
        nuisance_names=("ScannerSerialNumber",),
        nuisance_source=("ScannerSerialNumber",),
    )
    tied = replace(material, cohort=cohort)
    assert check_label_site(tied).severity == "alarm"
    assert check_label_nuisance(tied).status == "not checked"


@pytest.mark.parametrize(
    ("by", "status", "severity"),
    [(1.5, "warned", "alarm"), (0.5, "warned", "caution"), (0.2, "passed", "note"), (0, "passed", "none")],
)
def test_motion_is_graded_and_a_mild_difference_is_a_note(gather, rng, by, status, severity):
    material = gather(n=1000)
    fd = shifted(material.cohort.target, rng, by)
    auc = roc_auc_score(material.cohort.target, fd)
    auc = max(auc, 1 - auc)
    assert (auc < 0.6) == (severity in ("none", "note"))
    moved = replace(material, cohort=replace(material.cohort, table=material.cohort.table.assign(mean_fd=fd)))
    found = check_label_motion(moved)
    assert (found.status, found.severity) == (status, severity)
    assert f"mean_fd (AUC {auc:.2f}" in found.evidence


def test_motion_of_several_classes_and_of_an_outcome(gather, rng):
    for classes, words in ((3, "AUC"), (0, "Spearman")):
        material = gather(n=300, classes=classes)
        fd = shifted(material.cohort.target, rng, 2.0)
        moved = replace(material, cohort=replace(material.cohort, table=material.cohort.table.assign(mean_fd=fd)))
        found = check_label_motion(moved)
        assert found.severity == "alarm" and words in found.evidence


def test_a_target_whose_name_speaks_of_movement_is_not_its_own_motion(gather):
    material = gather(classes=0)
    table = material.cohort.table.assign(movement_score=material.cohort.target)
    assert check_label_motion(replace(material, cohort=replace(material.cohort, table=table))).status == "not checked"


def test_names_of_motion():
    assert all(map(is_motion, ("mean_fd", "fd_mean", "FramewiseDisplacement", "head-motion", "dvars")))
    assert not any(map(is_motion, ("age", "fdg_uptake", "emotion", "locomotion")))


def test_a_strong_tie_to_age_is_a_caution_and_never_an_alarm(gather, rng):
    material = gather(n=200, nuisance={"columns": ["age", "sex"]})
    assert check_label_nuisance(material).status == "passed"
    age = 40 + 10 * shifted(material.cohort.target, rng, 2.0)
    tied = replace(material, cohort=replace(material.cohort, table=material.cohort.table.assign(age=age)))
    found = check_label_nuisance(tied)
    assert (found.status, found.severity) == ("warned", "caution")
    assert "age (AUC" in found.evidence and "sex (Cramér's V" in found.evidence
    assert found.evidence.index("age") < found.evidence.index("sex")


def test_the_site_is_not_counted_a_second_time_among_the_nuisance_columns(gather):
    material = gather(n_sites=2, nuisance={"columns": ["site"]})
    assert check_label_nuisance(material).status == "not checked"


def test_rows_of_one_unit_count_once(gather):
    once = gather(n=20, n_sites=2, cv={"outer": {"kind": "stratified", "folds": 2}})
    target, site = once.cohort.target.repeat(10), tuple(np.repeat(once.cohort.site, 10))
    unit = tuple(f"u{number:03d}" for number in np.arange(200) // 10)
    many = replace(once, cohort=replace(once.cohort, target=target, site=site, unit=unit))
    assert check_label_site(many).evidence == check_label_site(once).evidence


def test_a_column_that_does_not_vary_or_is_missing_has_no_tie():
    target = np.arange(40) % 2.0
    assert tie_to_numbers(target, np.full(40, 3.0), classes=2) is None
    assert tie_to_numbers(target, np.full(40, np.nan), classes=2) is None
    assert tie_to_names(target, ["a"] * 40, classes=2) is None


def test_many_columns_share_one_error_rate(rng):
    target = np.arange(60) % 2.0
    p = [tie_to_numbers(target, rng.standard_normal(60), classes=2) for _ in range(1000)]
    alone = np.mean([tie.grade() in ("caution", "alarm") for tie in p])
    shared = np.mean(
        [any(t.grade(n_tests=10) in ("caution", "alarm") for t in p[i : i + 10]) for i in range(0, 1000, 10)]
    )
    # 1 % of columns, and 1 % of tens of columns; three standard errors above.
    assert alone < 0.02 and shared < 0.04
