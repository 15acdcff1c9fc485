"""Who trains and who tests: outer folds, and inner folds made of the other outer folds."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from bidsml.errors import AnalysisFileError, DataError
from bidsml.learn.harmonise import harmonisation_warnings, unseen_rows
from bidsml.records import Cohort, Fold, IntArray
from bidsml.spec import AnalysisSpec, column_name

LEAVE_SITE_OUT = "leave-site-out"
LEAVE_ONE_OUT = "leave-one-out"

# Apart from the one-number keys of the permutation draws, so that splits and draws never share a stream.
_SPLITS = 1_000_003
_TEST = -2
_UNUSED = -1
_Part = tuple[str, IntArray]


def plan_folds(cohort: Cohort, spec: AnalysisSpec, *, seed: int) -> tuple[Fold, ...]:
    """Draw every split of the analysis, once.

    The first design is the one the analysis asks for and bears its kind's name. ``leave-site-out`` stands
    beside it where the cohort has two or more sites and every training set would hold every class, unless
    a unit is at two sites or ``unseen_site`` refuses unseen sites.

    Inner folds are the other outer folds, bundled into at most ``cv.inner.folds`` of about equal size. Labels
    that are shuffled within outer folds then stay balanced in every inner split too, which keeps the
    permutation test exact with tuning included.

    Raises
    ------
    AnalysisFileError
        A split by a column has one unit on both sides.
    DataError
        A training set, outer or inner, would lack a class, or a site that it must know, or a fold would be empty.
    """
    folds: list[Fold] = []
    repeats = spec.cv.outer.repeats if spec.cv.outer.kind == "stratified" else 1
    for repeat in range(repeats):
        random_state = int(np.random.SeedSequence(seed, spawn_key=(_SPLITS, repeat)).generate_state(1)[0])
        parts = _default_parts(cohort, spec, random_state)
        folds += _folds(cohort, parts, spec, design=spec.cv.outer.kind, repeat=repeat, random_state=random_state)
    problem = next(_problems(folds, cohort, spec), None)
    if problem:
        raise DataError(problem, hint="use fewer folds, another cv.outer.kind, or add participants")
    crossing = any(_split_units(cohort, cohort.site)) if cohort.site else False
    if spec.cv.outer.kind != LEAVE_SITE_OUT and len(set(cohort.site)) >= 2 and not crossing:
        random_state = int(np.random.SeedSequence(seed, spawn_key=(_SPLITS, repeats)).generate_state(1)[0])
        parts = _parts_by(cohort.site)
        beside = _folds(cohort, parts, spec, design=LEAVE_SITE_OUT, repeat=0, random_state=random_state)
        if not any(_problems(beside, cohort, spec)):
            folds += beside
    return tuple(folds)


def design_names(cohort: Cohort, spec: AnalysisSpec) -> tuple[str, ...]:
    """Names of the designs that :func:`plan_folds` makes, whatever the seed; the default one first.

    Raises
    ------
    DataError
        As :func:`plan_folds`.
    """
    return tuple(dict.fromkeys(fold.design for fold in plan_folds(cohort, spec, seed=0)))


def _default_parts(cohort: Cohort, spec: AnalysisSpec, random_state: int) -> list[_Part]:
    """Test sets of one repeat, by name."""
    kind = spec.cv.outer.kind
    if kind == "stratified":
        rows = np.arange(len(cohort.target))
        tests = _stratified(cohort, rows, spec.cv.outer.folds, random_state=random_state)
        return [(f"fold-{number + 1}", test) for number, test in enumerate(tests)]
    if kind == LEAVE_SITE_OUT:
        _refuse_split_units(cohort, cohort.site, spec)
        return _parts_by(cohort.site)
    if kind == LEAVE_ONE_OUT:
        return _parts_by(cohort.unit)
    values = [str(value) for value in cohort.table[column_name(spec.cv.outer.column or "")]]
    _refuse_split_units(cohort, values, spec)
    if kind == "leave-group-out":
        return _parts_by(values)
    other = sorted(set(values) - {"train", "test"})
    if other or len(set(values)) < 2:
        found = ", ".join(repr(value) for value in sorted(set(values)))
        raise DataError(f"column {spec.cv.outer.column!r} must hold 'train' and 'test'; it holds {found}")
    return [("test", np.flatnonzero(np.asarray(values) == "test"))]


def _parts_by(values: Sequence[str]) -> list[_Part]:
    column = np.asarray(values, dtype=object)
    parts = [(str(value), np.flatnonzero(column == value)) for value in sorted(set(values))]
    if len(parts) < 2:
        raise DataError(f"only one group to leave out: {values[0]!r}", hint="use cv.outer.kind = 'stratified'")
    return parts


def _refuse_split_units(cohort: Cohort, values: Sequence[str], spec: AnalysisSpec) -> None:
    for unit, first, second in _split_units(cohort, values):
        raise AnalysisFileError(
            f"unit {unit!r} of cohort.group = {spec.cohort.group!r} would be in {first!r} and in {second!r} of "
            f"{spec.cv.outer.column or spec.cohort.site!r}, on both sides of a split",
            hint="a unit must never be split over training and test: correct the column, or take another cv.outer",
        )


def _split_units(cohort: Cohort, values: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Units that have two values, with both."""
    seen: dict[str, str] = {}
    for unit, value in zip(cohort.unit, values, strict=True):
        if seen.setdefault(unit, value) != value:
            yield unit, seen[unit], value


def _stratified(cohort: Cohort, rows: IntArray, n_folds: int, *, random_state: int) -> list[IntArray]:
    """Split ``rows`` into test sets balanced by label and, as far as counts allow, by site; units stay whole."""
    strata = _strata(cohort, rows, n_folds)
    # scikit-learn deals sorted strata out in order of appearance: with rows sorted by stratum, those of one
    # label lie side by side, and every fold gets its share of each label to within one row.
    order = np.lexsort((rows, strata))
    rows, strata = rows[order], strata[order]
    units = pd.factorize(np.asarray([cohort.unit[row] for row in rows], dtype=object))[0]
    with warnings.catch_warnings():
        # Small strata can't reach every fold; label counts were checked before.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        if np.unique(units).size == rows.size:
            splitter = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
            splits = splitter.split(rows, strata)
        else:
            splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
            splits = splitter.split(rows, strata, groups=units)
        return [np.sort(rows[test]) for _, test in splits]


def _strata(cohort: Cohort, rows: IntArray, n_folds: int) -> np.ndarray:
    """Give every label × site stratum a number, label first; a site with too few of a label joins that label's rest."""
    if cohort.classes:
        label = cohort.target[rows].astype(int)
    else:
        n_bins = int(np.clip(rows.size // (2 * n_folds), 1, 5))
        ranks = pd.Series(cohort.target[rows]).rank(method="first").to_numpy()
        label = ((ranks - 1) * n_bins // rows.size).astype(int)
    site = [cohort.site[row] for row in rows] if cohort.site else [""] * rows.size
    keys = pd.Series(list(zip(label.tolist(), site, strict=True)))
    small = keys.map(keys.value_counts()) < n_folds
    keys[small] = pd.Series([(key[0], "\uffff") for key in keys])[small]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([numbers[key] for key in keys])


def _folds(
    cohort: Cohort, parts: Sequence[_Part], spec: AnalysisSpec, *, design: str, repeat: int, random_state: int
) -> list[Fold]:
    folds = []
    everyone = np.arange(len(cohort.target))
    for number, (name, test) in enumerate(parts):
        train = np.setdiff1d(everyone, test)
        others = [other for index, (_, other) in enumerate(parts) if index != number]
        if len(others) >= 2:
            inner_of = _bundle(others, spec.cv.inner.folds, everyone.size)
        else:
            inner_of = _draw_inner(cohort, train, spec, random_state)
        folds.append(Fold(design, repeat, number, name, train, test, inner_of[train]))
    return folds


def _bundle(others: Sequence[IntArray], n_bundles: int, n: int) -> IntArray:
    """Bundle whole folds into inner folds, the largest first into the smallest bundle."""
    inner_of = np.full(n, _UNUSED)
    sizes = np.zeros(min(n_bundles, len(others)), dtype=int)
    for index in sorted(range(len(others)), key=lambda index: (-others[index].size, index)):
        bundle = int(np.argmin(sizes))
        sizes[bundle] += others[index].size
        inner_of[others[index]] = bundle
    return inner_of


def _draw_inner(cohort: Cohort, train: IntArray, spec: AnalysisSpec, random_state: int) -> IntArray:
    inner_of = np.full(len(cohort.target), _UNUSED)
    units = np.asarray(cohort.unit, dtype=object)[train]
    counts = [np.unique(units).size]
    counts += [np.unique(units[cohort.target[train] == code]).size for code in range(len(cohort.classes))]
    n_folds = min(spec.cv.inner.folds, *counts)
    if n_folds < 2:
        return inner_of
    for bundle, rows in enumerate(_stratified(cohort, train, n_folds, random_state=random_state)):
        inner_of[rows] = bundle
    return inner_of


def _problems(folds: Sequence[Fold], cohort: Cohort, spec: AnalysisSpec) -> Iterator[str]:
    """Say which training set cannot be fitted or applied, and why."""
    refuses = spec.refuses_unseen_sites
    for fold in folds:
        where = f"{fold.design}, repeat {fold.repeat + 1}, {fold.name}"
        if not fold.test.size or not fold.train.size:
            yield f"{where}: a fold without {'test' if fold.train.size else 'training'} rows"
            continue
        trainings = {"the training rows": (fold.train, fold.test)}
        for bundle in np.unique(fold.inner):
            held_out = fold.inner == bundle
            trainings[f"the training rows of inner fold {bundle + 1}"] = fold.train[~held_out], fold.train[held_out]
        for name, (rows, tested) in trainings.items():
            present = set(cohort.target[rows].astype(int)) if cohort.classes else set()
            for code, label in enumerate(cohort.classes):
                if code not in present:
                    yield f"{where}: {name} hold nobody of class {label!r}"
            for row in unseen_rows(cohort.site, train=rows, test=tested)[:1] if refuses else ():
                yield f"{where}: {name} hold nobody of site {cohort.site[row]!r}, and unseen_site is 'error'"
        if np.unique(fold.inner).size < 2:
            yield f"{where}: too few training units to draw inner folds"


def permutation_blocks(folds: Sequence[Fold], n: int) -> IntArray:
    """Find the cells within which labels may be shuffled: rows that play the same part in every split.

    Two rows share a cell when the same fold tests both and they lie in the same inner folds everywhere.
    Shuffling within cells leaves the class counts of every training and test set, inner ones too, as they are.
    Leave-one-out splits don't look at labels, so that any shuffle is exact; there all rows are one cell.

    Parameters
    ----------
    folds
        The folds of one repeat of one design.
    n
        Number of participants.

    Returns
    -------
    numpy.ndarray
        Cell of every row, ``(n,)``; −1 for rows that are in no fold.
    """
    part = np.full((n, len(folds)), _UNUSED)
    for column, fold in enumerate(folds):
        part[fold.train, column] = fold.inner
        part[fold.test, column] = _TEST
    used = np.zeros(n, dtype=bool)
    for fold in folds:
        used[fold.train] = used[fold.test] = True
    if folds[0].design == LEAVE_ONE_OUT:
        return np.where(used, 0, _UNUSED)
    cells = np.unique(part, axis=0, return_inverse=True)[1].reshape(-1)
    return np.where(used, cells, _UNUSED)


def _why_no_site_is_left_out(cohort: Cohort, spec: AnalysisSpec) -> str:
    for unit, first, second in _split_units(cohort, cohort.site):
        return f"unit {unit!r} is at sites {first!r} and {second!r}, and would be on both sides"
    if spec.refuses_unseen_sites:
        section = "normative" if spec.normative is not None else "nuisance"
        return f"{section}.unseen_site = 'error'"
    return "without some site, a class would be missing from training"


def design_warnings(folds: Sequence[Fold], cohort: Cohort, spec: AnalysisSpec) -> tuple[str, ...]:
    """Say in words what a reader must know about the designs."""
    said: list[str] = []
    designs = {fold.design for fold in folds}
    if LEAVE_ONE_OUT in designs:
        said.append("Leave-one-out estimates vary a lot from sample to sample; repeated 10-fold is steadier.")
    if len(set(cohort.site)) >= 2 and LEAVE_SITE_OUT not in designs:
        said.append(f"Leave-site-out could not be run: {_why_no_site_is_left_out(cohort, spec)}.")
    for design in sorted(designs):
        first = [fold for fold in folds if fold.design == design and fold.repeat == 0]
        cells = permutation_blocks(first, len(cohort.target))
        movable = any(np.unique(cohort.target[cells == cell]).size > 1 for cell in set(cells.tolist()) - {-1})
        if not movable:
            said.append(
                f"Under {design} every test fold holds one label only: no permutation can move a label, p is 1."
            )
    return (*said, *harmonisation_warnings(folds, cohort, spec))
