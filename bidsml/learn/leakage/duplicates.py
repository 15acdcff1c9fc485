"""One scan under two names: exact copies, altered copies, and vectors that are far too much alike."""

import hashlib

import numpy as np

from bidsml.errors import DataError
from bidsml.learn.leakage.material import Material, listing, not_checked, passed, warned
from bidsml.records import FloatArray, IntArray, LeakageCheck

# Vectors with fewer non-integer values may coincide by chance: two people of one age and sex.
_MIN_DISTINCTIVE = 10
# Columns on which scaled copies are looked for before all are compared; any few hundred show one.
_PROBES = 512
_LEAST_R = 0.7
_ALMOST_EQUAL_R = 0.99
# How many times the distance from the middle to the 95th percentile of all pairs, in Fisher's z. Of a normal
# distribution these are 6.6 and 9.9 standard deviations; 500,000 pairs reach 4.9.
_OUTLYING = 4.0
_FAR_OUT = 6.0
_SAME_SCAN = "check whether they are one person or one scan; leave one out with cohort.include, or name the unit"


def check_duplicate_rows(material: Material) -> LeakageCheck:
    """Refuse two participants with exactly the same features.

    Raises
    ------
    DataError
        There are two; the message names them.
    """
    seen: dict[bytes, int] = {}
    telling = np.flatnonzero(_distinctive(material.values))
    for row in telling:
        # Adding 0 turns -0.0 into 0.0, whose bytes differ.
        key = hashlib.blake2b((material.values[row] + 0.0).tobytes()).digest()
        if key in seen:
            first, second = (material.cohort.participant_id[one] for one in (seen[key], row))
            raise DataError(
                f"participants {first} and {second} have exactly the same features: one scan under two labels?",
                hint="leave one out with cohort.include, or correct the dataset",
            )
        seen[key] = int(row)
    if not telling.size:
        return not_checked(
            "duplicate-rows",
            f"Nobody has {_MIN_DISTINCTIVE} features that are no whole numbers: equal rows may be chance.",
        )
    return passed("duplicate-rows", f"No two of {telling.size} participants have exactly the same features.")


def _distinctive(values: FloatArray) -> np.ndarray:
    """Say who has enough values that do not coincide by chance, ``(n,)``."""
    counts = [(np.isfinite(row) & (row != np.round(row))).sum() for row in values]
    return np.array(counts) >= _MIN_DISTINCTIVE


def check_altered_copies(material: Material) -> LeakageCheck:
    """Look for rows that hold another row's values in another order, or multiplied and shifted."""
    values, people = material.values, material.cohort.participant_id
    telling = np.flatnonzero(_distinctive(values))
    if telling.size < 2:
        return not_checked("altered-copies", "Too few features that are no whole numbers: likeness may be chance.")
    found = [f"{people[i]} and {people[j]} (same values, other order)" for i, j in _reordered(values, telling)]
    found += [f"{people[i]} and {people[j]} (scaled copy)" for i, j in _scaled(values, telling)]
    if found:
        return warned(
            "altered-copies",
            f"One participant's features are another's, reordered or scaled: {listing(found)}.",
            advice=_SAME_SCAN,
        )
    return passed("altered-copies", f"No reordered or scaled copy among {telling.size} participants.")


def _reordered(values: FloatArray, rows: IntArray) -> list[tuple[int, int]]:
    seen: dict[bytes, int] = {}
    pairs = []
    for row in rows:
        key = hashlib.blake2b((np.sort(values[row]) + 0.0).tobytes()).digest()
        if key in seen:
            pairs.append((seen[key], int(row)))
        seen.setdefault(key, int(row))
    return pairs


def _scaled(values: FloatArray, rows: IntArray) -> list[tuple[int, int]]:
    """Pairs of rows that correlate perfectly as they are; a reordered copy does not."""
    complete = np.flatnonzero(np.isfinite(values)[rows].all(axis=0))
    if complete.size < _MIN_DISTINCTIVE:
        return []
    probes = complete[np.unique(np.linspace(0, complete.size - 1, _PROBES).astype(int))]
    candidates = _perfect(values[np.ix_(rows, probes)])
    pairs = [(int(rows[i]), int(rows[j])) for i, j in candidates]
    return [pair for pair in pairs if _perfect(values[list(pair)][:, complete])]


def _perfect(values: FloatArray) -> list[tuple[int, int]]:
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    units = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    # 1 - r of rounding is about 1e-15; single-precision files leave 1e-14 to 1e-13.
    return [(int(i), int(j)) for i, j in np.argwhere(np.triu(units @ units.T, 1) > 1 - 1e-11)]


def check_near_duplicates(material: Material) -> LeakageCheck:
    """Look for people of different units, on two sides of a split, whose vectors are far too much alike.

    Vectors are standardised by column over all people and compared by Pearson correlation. A pair stands out when
    Fisher's z of its correlation lies six times as far from the median of all pairs as their 95th percentile (and the
    correlation is above 0.7), or four times as far with a correlation above 0.99. Both limits rest on all pairs, so
    that they hold where every person is there twice, and rise where a common factor makes everyone alike.
    """
    likeness = material.likeness
    if likeness.n_columns < _MIN_DISTINCTIVE:
        return not_checked("near-duplicates", f"Fewer than {_MIN_DISTINCTIVE} features vary: likeness may be chance.")
    rows = np.flatnonzero(likeness.present >= 0.5)
    if rows.size < 10:
        return not_checked("near-duplicates", "Fewer than 10 people have half of the features.")
    r = np.clip(likeness.correlations()[np.ix_(rows, rows)], -1, 1)
    pairs = r[np.triu_indices(rows.size, 1)]
    limit = _limit(pairs)
    apart = _apart(material)[np.ix_(rows, rows)]
    found = np.argwhere(np.triu(apart & (r > limit), 1))
    found = found[np.argsort(-r[found[:, 0], found[:, 1]], kind="stable")]
    if not found.size:
        return passed(
            "near-duplicates",
            f"No two people on two sides of a split are alike beyond r = {limit:.3f}; the most alike of all "
            f"{pairs.size} pairs correlate at {pairs.max():.3f}.",
        )
    people = [material.cohort.participant_id[row] for row in rows]
    said = [f"{people[i]} and {people[j]} (r = {r[i, j]:.3f})" for i, j in found]
    return warned(
        "near-duplicates",
        f"{len(said)} {'pair' if len(said) == 1 else 'pairs'} on two sides of a split "
        f"{'is' if len(said) == 1 else 'are'} far more alike than all others "
        f"(95 % of pairs are below r = {np.quantile(pairs, 0.95):.2f}): {listing(said)}.",
        advice=_SAME_SCAN + " with cohort.group",
    )


def _limit(pairs: FloatArray) -> float:
    z = np.arctanh(np.clip(pairs, -1 + 1e-9, 1 - 1e-9))
    middle, high = np.quantile(z, [0.5, 0.95])
    almost = max(np.arctanh(_ALMOST_EQUAL_R), middle + _OUTLYING * (high - middle))
    far = max(np.arctanh(_LEAST_R), middle + _FAR_OUT * (high - middle))
    return float(np.tanh(min(almost, far)))


def _apart(material: Material) -> np.ndarray:
    """Say which two rows are of different units and stand on two sides of some default split, ``(n, n)``."""
    n = len(material.cohort.target)
    unit = np.unique(np.asarray(material.cohort.unit, dtype=str), return_inverse=True)[1]
    opposed = np.zeros((n, n), dtype=bool)
    for fold in material.default_folds if material.folds else ():
        opposed[np.ix_(fold.test, fold.train)] = True
    across: np.ndarray = (opposed | opposed.T) & (unit[:, None] != unit[None, :])
    return across
