"""Refuse features that give the answer away; warn where something else than the brain could."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats.contingency import association

from bidsml.errors import DataError
from bidsml.learn.metrics import METRICS, Outcome
from bidsml.records import Cohort, FeatureSet, FloatArray

# Vectors with fewer non-integer values may coincide by chance: two people of one age and sex.
_MIN_DISTINCTIVE = 10
_MIN_VALUES = 5
_STRONG_V = 0.3
_STRONG_AUC = 0.7
_STRONG_RHO = 0.5
_BLOCK = 4096


def refuse_leakage(features: FeatureSet, cohort: Cohort) -> tuple[str, ...]:
    """Look for answers among the features and for people listed twice.

    Returns
    -------
    tuple of str
        Warnings: ties of the label to the site or to a nuisance column, and features that separate two classes
        without overlap.

    Raises
    ------
    DataError
        A feature is the target, a copy, or a strictly monotone function of it; or two participants have the same
        features.
    """
    row = {person: number for number, person in enumerate(features.participant_id)}
    values = features.values[[row[person] for person in cohort.participant_id if person in row]]
    if len(values) != len(cohort.target):
        raise DataError("some participants of the cohort have no features", hint="run the participant level")
    _refuse_twins(values, cohort)
    said: list[str] = []
    for start in range(0, values.shape[1], _BLOCK):
        block = values[:, start : start + _BLOCK]
        copies = _class_copies(block, cohort) if cohort.classes else _monotone_copies(block, cohort.target)
        if copies.size:
            name = features.names[start + int(copies[0])]
            raise DataError(
                f"feature {name!r} is the target or a one-to-one function of it",
                hint="leave it out with the feature block's exclude",
            )
        if len(cohort.classes) == 2:
            for column in _separating(block, cohort.target):
                name = features.names[start + int(column)]
                said.append(f"Feature {name} separates the classes without overlap: is it made from the label?")
    return (*said, *_site_warnings(cohort), *_nuisance_warnings(cohort))


def _refuse_twins(values: FloatArray, cohort: Cohort) -> None:
    distinctive = (np.isfinite(values) & (values != np.round(values))).sum(axis=1) >= _MIN_DISTINCTIVE
    seen: dict[bytes, str] = {}
    for person, vector, telling in zip(cohort.participant_id, values, distinctive, strict=True):
        if not telling:
            continue
        key = vector.tobytes()
        if key in seen:
            raise DataError(
                f"participants {seen[key]} and {person} have exactly the same features: one scan under two labels?",
                hint="leave one out with cohort.include, or correct the dataset",
            )
        seen[key] = person


def _class_copies(block: FloatArray, cohort: Cohort) -> np.ndarray:
    """Columns with one value per class, all different: ``(n_found,)``."""
    lows, highs, counts = [], [], []
    for code in range(len(cohort.classes)):
        members = block[cohort.target == code]
        lows.append(np.fmin.reduce(members, axis=0))
        highs.append(np.fmax.reduce(members, axis=0))
        counts.append(np.isfinite(members).sum(axis=0))
    low = np.array(lows)
    constant = (low == np.array(highs)).all(axis=0) & (np.array(counts) >= 2).all(axis=0)
    different = (np.diff(np.sort(low, axis=0), axis=0) > 0).all(axis=0)
    return np.flatnonzero(constant & different)


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


def _separating(block: FloatArray, target: FloatArray) -> np.ndarray:
    low, high = block[target == 0], block[target == 1]
    apart = (np.fmax.reduce(low, axis=0) < np.fmin.reduce(high, axis=0)) | (
        np.fmin.reduce(low, axis=0) > np.fmax.reduce(high, axis=0)
    )
    enough = (np.isfinite(low).sum(axis=0) >= _MIN_VALUES) & (np.isfinite(high).sum(axis=0) >= _MIN_VALUES)
    return np.flatnonzero(apart & enough)


def _site_warnings(cohort: Cohort) -> Iterator[str]:
    if len(set(cohort.site)) < 2:
        return
    if cohort.classes:
        strength = float(association(pd.crosstab(list(cohort.site), cohort.target).to_numpy(), method="cramer"))
        name = f"Cramér's V = {strength:.2f}"
    else:
        # Share of the outcome's variance between sites, as a correlation ratio.
        groups = pd.Series(cohort.target).groupby(list(cohort.site)).transform("mean")
        strength = float(np.sqrt(groups.var() / np.var(cohort.target, ddof=1)))
        name = f"correlation ratio = {strength:.2f}"
    if strength >= _STRONG_V:
        yield f"The label is tied to the site ({name}): a model may recognise the scanner; see leave-site-out."


def _nuisance_warnings(cohort: Cohort) -> Iterator[str]:
    for name, column in zip(cohort.nuisance_names, cohort.nuisance.T, strict=True):
        present = np.isfinite(column)
        target, values = cohort.target[present], column[present]
        if present.sum() < 2 * _MIN_VALUES or np.ptp(values) == 0:
            continue
        if not cohort.classes:
            rho = float(stats.spearmanr(values, target).statistic)
            if abs(rho) >= _STRONG_RHO:
                yield f"The outcome is tied to {name} (Spearman ρ = {rho:.2f})."
            continue
        codes = [1] if len(cohort.classes) == 2 else range(len(cohort.classes))
        for code in codes:
            auc = METRICS["roc_auc"](Outcome((target == code).astype(float), values[:, None], values, n_classes=2))
            if max(auc, 1 - auc) >= _STRONG_AUC:
                yield f"{name} alone tells {cohort.classes[code]!r} apart (AUC {max(auc, 1 - auc):.2f})."
