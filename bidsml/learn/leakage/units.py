"""Nobody is on both sides of a split."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.leakage.material import Material, not_checked, passed
from bidsml.records import Fold, IntArray, LeakageCheck

# Designs whose test sets come from a column of the user's own.
_OWN = frozenset({"fixed", "leave-group-out", "leave-site-out"})


def check_split_units(material: Material) -> LeakageCheck:
    """Refuse a fold, outer or inner, that has one unit on both sides.

    Raises
    ------
    AnalysisFileError
        A split of the user's own does.
    DataError
        A drawn split does.
    """
    if not material.folds:
        return not_checked("split-units", "No folds were given.")
    codes, units = pd.factorize(np.asarray(material.cohort.unit, dtype=object))
    for fold in material.folds:
        for where, train, test in _sides(fold):
            shared = np.intersect1d(codes[train], codes[test])
            if shared.size:
                kind = AnalysisFileError if fold.design in _OWN else DataError
                raise kind(
                    f"{fold.design}, repeat {fold.repeat + 1}, {fold.name}{where}: unit {units[shared[0]]!r} is in "
                    f"training and in test ({shared.size} of {len(units)} units are)",
                    hint="a unit (cohort.group) must never be split: choose another column, or another cv.outer.kind",
                )
    return passed(
        "split-units",
        f"None of {len(units)} units is on both sides of any of {len(material.folds)} splits, nor of their inner "
        "folds.",
    )


def _sides(fold: Fold) -> Iterator[tuple[str, IntArray, IntArray]]:
    yield "", fold.train, fold.test
    for number in np.unique(fold.inner[fold.inner >= 0]):
        held_out = fold.inner == number
        yield f", inner fold {number + 1}", fold.train[~held_out], fold.train[held_out]
