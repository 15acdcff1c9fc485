"""The fold of the final model: everyone trains, and the folds of the cross-validation choose."""

from collections.abc import Sequence

import numpy as np

from bidsml.records import Cohort, Fold, IntArray

# More inner folds than this cost fits and hardly change the choice.
_MOST = 10


def fold_of_everyone(folds: Sequence[Fold], cohort: Cohort) -> Fold:
    """Make the fold in which everyone trains and is predicted, with the outer folds as inner ones.

    The first design's first repeat is taken. More than ten folds are bundled, as long as every class stays in every
    training set. Of a single fixed split, its own inner folds are taken and its test rows are one more.

    Parameters
    ----------
    folds
        Of the whole analysis, the default design first.
    """
    mine = [fold for fold in folds if fold.design == folds[0].design and fold.repeat == folds[0].repeat]
    everyone = np.arange(len(cohort.target))
    if len(mine) == 1:
        inner = np.full(everyone.size, int(mine[0].inner.max()) + 1)
        inner[mine[0].train] = mine[0].inner
    else:
        number = np.empty(everyone.size, dtype=int)
        for index, fold in enumerate(mine):
            number[fold.test] = index
        inner = number % _MOST
        if not _leaves_every_class(inner, cohort):
            inner = number
    return Fold("everyone", 0, 0, "everyone", everyone, everyone, inner)


def _leaves_every_class(inner: IntArray, cohort: Cohort) -> bool:
    """Say whether each training set, the rows outside of one inner fold, holds every class."""
    n_classes = len(cohort.classes)
    return all(np.unique(cohort.target[inner != one]).size == n_classes for one in np.unique(inner)) or not n_classes
