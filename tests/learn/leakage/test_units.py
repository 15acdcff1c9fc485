from dataclasses import replace

import numpy as np
import pytest

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.leakage.units import check_split_units


def part(material, design):
    """Move a test row to the training side of the first fold, under the name of a design."""
    fold = material.folds[0]
    spilt = replace(
        fold, design=design, train=np.append(fold.train, fold.test[0]), inner=np.append(fold.inner, fold.inner[0])
    )
    return replace(material, folds=(spilt, *material.folds[1:]))


@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_drawn_splits_pass_and_are_counted(gather, rows_per_unit):
    material = gather(rows_per_unit=rows_per_unit, n_sites=2)
    found = check_split_units(material)
    assert found.status == "passed"
    assert f"{60 // rows_per_unit} units" in found.evidence and f"{len(material.folds)} splits" in found.evidence


@pytest.mark.parametrize(
    ("design", "error"),
    [("fixed", AnalysisFileError), ("leave-group-out", AnalysisFileError), ("stratified", DataError)],
)
def test_a_unit_on_both_sides_is_refused_and_named(gather, design, error):
    material = gather(rows_per_unit=3)
    spilt = part(material, design)
    unit = material.cohort.unit[material.folds[0].test[0]]
    with pytest.raises(error, match=f"'{unit}' is in training and in test") as raised:
        check_split_units(spilt)
    assert design in str(raised.value)
    assert raised.value.exit_code == (78 if error is AnalysisFileError else 65)


def test_a_unit_parted_by_an_inner_fold_is_refused(gather):
    material = gather(rows_per_unit=3)
    fold = material.folds[0]
    inner = fold.inner.copy()
    inner[0] = (inner[0] + 1) % (inner.max() + 1)
    with pytest.raises(DataError, match="inner fold"):
        check_split_units(replace(material, folds=(replace(fold, inner=inner),)))
