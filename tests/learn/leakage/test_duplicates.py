from dataclasses import replace

import numpy as np
import pytest

from bidsml.errors import DataError
from bidsml.learn.leakage.duplicates import check_altered_copies, check_duplicate_rows, check_near_duplicates
from bidsml.learn.leakage.material import BLOCK, measure_likeness


def change(material, rows, values):
    changed = material.values.copy()
    changed[rows] = values
    return replace(material, values=changed)


def across(material):
    """Two rows that the first fold parts, the earlier first."""
    fold = material.folds[0]
    return sorted((int(fold.train[0]), int(fold.test[0])))


def names(material, rows):
    return [material.cohort.participant_id[row] for row in rows]


def test_one_scan_under_two_names_is_refused_and_both_named(gather):
    material = gather(p=20)
    twin = change(material, 17, material.values[4])
    twin.values[[4, 17], 2] = np.nan
    twin.values[4, 3], twin.values[17, 3] = 0.0, -0.0
    with pytest.raises(DataError, match="p004 and p017"):
        check_duplicate_rows(twin)
    twin.values[17, 5] += 1e-9
    assert check_duplicate_rows(twin).status == "passed"


def test_two_people_of_one_age_and_sex_are_no_twins(gather):
    material = gather(p=12)
    values = np.round(material.values)
    values[17] = values[4]
    values[[4, 17], 0] = 0.5
    whole = replace(material, values=values)
    assert check_duplicate_rows(whole).status == check_altered_copies(whole).status == "not checked"


@pytest.mark.parametrize("alter", [lambda row, rng: rng.permutation(row), lambda row, rng: 3 - 0.2 * -row])
def test_a_reordered_or_scaled_copy_is_named(gather, rng, alter):
    material = gather(p=700)
    assert check_altered_copies(material).status == "passed"
    found = check_altered_copies(change(material, 17, alter(material.values[4], rng)))
    assert found.status == "warned"
    assert "p004 and p017" in found.evidence and "p005" not in found.evidence


def test_a_copy_in_part_is_no_scaled_copy(gather):
    material = gather(p=700)
    row = material.values[4].copy()
    row[-1] += 1
    assert check_altered_copies(change(material, 17, row)).status == "passed"


@pytest.mark.parametrize("p", [60, 500])
def test_a_noisy_second_look_at_one_person_is_named_with_its_correlation(gather, rng, p):
    material = gather(p=p)
    rows = across(material)
    planted = change(material, rows[1], material.values[rows[0]] + 0.2 * rng.standard_normal(p))
    found = check_near_duplicates(planted)
    z = (planted.values - planted.values.mean(axis=0)) / planted.values.std(axis=0)
    r = np.corrcoef(z[rows])[0, 1]
    assert found.status == "warned"
    assert f"{' and '.join(names(material, rows))} (r = {r:.3f})" in found.evidence
    assert "1 pair on" in found.evidence


def test_everyone_twice_is_found_too(gather, rng):
    values = rng.standard_normal((30, 300)).repeat(2, axis=0)
    values += 0.05 * rng.standard_normal(values.shape)
    assert check_near_duplicates(gather(values=values)).status == "warned"


def test_members_of_one_unit_and_of_one_test_fold_are_no_leak(gather, rng):
    values = rng.standard_normal((30, 300)).repeat(2, axis=0) + 0.05 * rng.standard_normal((60, 300))
    assert check_near_duplicates(gather(values=values, rows_per_unit=2)).status == "passed"
    once = gather(p=300, cv={"outer": {"kind": "stratified", "folds": 5}})
    together = once.folds[0].test[:2]
    planted = change(once, together[1], once.values[together[0]] + 0.05 * rng.standard_normal(300))
    assert check_near_duplicates(planted).status == "passed"


def test_a_common_factor_makes_nobody_a_duplicate(gather, rng):
    for _ in range(20):
        values = rng.standard_normal((60, 200)) + 2 * rng.standard_normal((60, 1)) * rng.standard_normal(200)
        assert check_near_duplicates(gather(values=values)).status == "passed"


def test_scale_of_a_column_and_missing_values_change_nothing(gather, rng):
    material = gather(p=80)
    rows = across(material)
    planted = change(material, rows[1], material.values[rows[0]] + 0.1 * rng.standard_normal(80))
    scaled = replace(planted, values=planted.values * np.exp(rng.standard_normal(80)) + 3)
    assert check_near_duplicates(scaled).evidence == check_near_duplicates(planted).evidence
    constant = np.hstack([planted.values, np.full((60, 2), 0.1), np.full((60, 1), np.nan)])
    assert check_near_duplicates(replace(planted, values=constant)).evidence == check_near_duplicates(planted).evidence


def test_likeness_is_the_correlation_of_standardised_rows_block_by_block(rng):
    values = rng.standard_normal((15, BLOCK + 100)) * 7 + 3
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    # Single-precision products.
    np.testing.assert_allclose(measure_likeness(values).correlations(), np.corrcoef(z), atol=1e-5)


def test_the_cost_is_one_product_of_people_by_people_per_block(rng, monkeypatch):
    shapes = []
    real = np.isfinite

    def spy(block):
        shapes.append(block.shape)
        return real(block)

    monkeypatch.setattr("bidsml.learn.leakage.material.np.isfinite", spy)
    measure_likeness(rng.standard_normal((20, 3 * BLOCK + 5)))
    assert shapes == [(20, BLOCK)] * 3 + [(20, 5)]


def test_too_few_features_or_people_are_said(gather):
    assert check_near_duplicates(gather(p=5)).status == "not checked"
    sparse = gather(p=40)
    sparse.values[5:, 2:] = np.nan
    assert check_near_duplicates(sparse).status == "not checked"
