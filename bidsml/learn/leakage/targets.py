"""The answer among the features: the target, a copy of it, or something made from it."""

from math import lgamma

import numpy as np
from scipy import stats
from scipy.special import gammaln

from bidsml.errors import DataError
from bidsml.learn.leakage.material import BLOCK, Material, listing, passed, warned
from bidsml.records import FloatArray, LeakageCheck

_MIN_VALUES = 5
# So many features may be expected to separate the classes by chance before it says anything that one does.
_MOST_EXPECTED = 0.01
_ALMOST_EQUAL_R = 0.99


def check_target_copies(material: Material) -> LeakageCheck:
    """Refuse a feature that is the target, or a one-to-one or strictly monotone function of it.

    Raises
    ------
    DataError
        There is one; the message names it.
    """
    cohort = material.cohort
    for start in range(0, material.values.shape[1], BLOCK):
        block = material.values[:, start : start + BLOCK]
        copies = _level_copies(block, cohort.target)
        if not cohort.classes and not copies.size:
            copies = _monotone_copies(block, cohort.target)
        if copies.size:
            name = material.names[start + int(copies[0])]
            raise DataError(
                f"feature {name!r} is the target or a one-to-one function of it",
                hint="leave it out: its feature block takes exclude = [...], with the column's name",
            )
    kind = "one-to-one" if cohort.classes else "one-to-one or monotone"
    return passed("target-copies", f"None of {len(material.names)} features is the target or a {kind} function of it.")


def check_separating_features(material: Material) -> LeakageCheck:
    """Look for single features that hold the label: classes without overlap, or a correlation above 0.99."""
    found: list[str] = []
    for start in range(0, material.values.shape[1], BLOCK):
        block = material.values[:, start : start + BLOCK]
        columns = (
            _separating(block, material.cohort.target, n_features=len(material.names))
            if material.cohort.classes
            else _almost_linear(block, material.cohort.target)
        )
        found += [material.names[start + int(column)] for column in columns]
    if found:
        what = "separate the classes without overlap" if material.cohort.classes else "follow the outcome (|r| > 0.99)"
        return warned(
            "separating-features",
            f"{len(found)} of {len(material.names)} features {what}: {listing(found)}.",
            advice="find out whether they are made from the label; if so leave them out with the block's exclude",
            alarm=True,
        )
    what = "separates the classes without overlap" if material.cohort.classes else "follows the outcome (|r| > 0.99)"
    return passed("separating-features", f"None of {len(material.names)} features {what} on its own.")


def _level_copies(block: FloatArray, target: FloatArray) -> np.ndarray:
    """Columns with one value per value of the target, all different: ``(n_found,)``.

    A target whose values mostly occur once has no levels; the monotone check is for such.
    """
    levels = np.unique(target)
    if 2 * levels.size > target.size:
        return np.empty(0, dtype=int)
    lows, highs, counts = _ranges(block, target, levels)
    constant = (lows == highs).all(axis=0) & (counts >= 2).all(axis=0)
    different = (np.diff(np.sort(lows, axis=0), axis=0) > 0).all(axis=0)
    return np.flatnonzero(constant & different)


def _ranges(block: FloatArray, target: FloatArray, levels: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Smallest value, largest value and count per level, each ``(n_levels, n_columns)``; NaN where all are missing."""
    members = [block[target == level] for level in levels]
    lows = np.array([np.fmin.reduce(rows, axis=0) for rows in members])
    highs = np.array([np.fmax.reduce(rows, axis=0) for rows in members])
    return lows, highs, np.array([np.isfinite(rows).sum(axis=0) for rows in members])


def _monotone_copies(block: FloatArray, target: FloatArray) -> np.ndarray:
    """Columns that are a strictly monotone function of the target on the rows they have: ``(n_found,)``."""
    order = np.argsort(target, kind="stable")
    steps = np.diff(block[order], axis=0)
    rises = np.diff(target[order]) > 0
    # Neighbours with a missing value decide nothing here; candidates are checked on their own rows.
    same = ~(np.abs(steps[~rises]) > 0).any(axis=0)
    up = ~(steps[rises] <= 0).any(axis=0)
    down = ~(steps[rises] >= 0).any(axis=0)
    candidates = np.flatnonzero(same & (up | down))
    return np.array([column for column in candidates if _is_monotone(block[:, column], target)], dtype=int)


def _is_monotone(column: FloatArray, target: FloatArray) -> bool:
    present = np.isfinite(column)
    if np.unique(target[present]).size < _MIN_VALUES:
        return False
    ranks = stats.rankdata(column[present])
    goal = stats.rankdata(target[present])
    return bool((ranks == goal).all() or (ranks == goal.size + 1 - goal).all())


def _separating(block: FloatArray, target: FloatArray, *, n_features: int) -> np.ndarray:
    """Columns whose ranges per class do not overlap, where chance would hardly give one: ``(n_found,)``.

    Of all orders of n values, a share of K! ∏ nₖ! / n! keeps K classes apart; features are counted as independent.
    """
    lows, highs, counts = _ranges(block, target, np.unique(target))
    order = np.argsort(lows, axis=0)
    lows, highs = np.take_along_axis(lows, order, axis=0), np.take_along_axis(highs, order, axis=0)
    apart = (highs[:-1] < lows[1:]).all(axis=0) & (counts >= _MIN_VALUES).all(axis=0)
    share = lgamma(len(counts) + 1) + gammaln(counts + 1).sum(axis=0) - gammaln(counts.sum(axis=0) + 1)
    return np.flatnonzero(apart & (share + np.log(n_features) < np.log(_MOST_EXPECTED)))


def _almost_linear(block: FloatArray, target: FloatArray) -> np.ndarray:
    """Columns whose correlation with the outcome is above 0.99 on the rows they have: ``(n_found,)``."""
    present = np.isfinite(block)
    count = np.maximum(present.sum(axis=0), 1)
    x = np.where(present, block, 0.0)
    x = np.where(present, x - x.sum(axis=0) / count, 0.0)
    y = np.where(present, target[:, None], 0.0)
    y = np.where(present, y - y.sum(axis=0) / count, 0.0)
    scale = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    r = np.divide((x * y).sum(axis=0), scale, out=np.zeros(scale.shape), where=scale > 0)
    return np.flatnonzero((np.abs(r) > _ALMOST_EQUAL_R) & (count >= 2 * _MIN_VALUES))
