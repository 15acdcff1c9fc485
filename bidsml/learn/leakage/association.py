"""How strongly two columns go together, whatever they hold: names or numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from bidsml.learn.leakage.material import say_p
from bidsml.learn.metrics import METRICS, Outcome
from bidsml.records import FloatArray

Severity = Literal["none", "note", "caution", "alarm"]

# From when on a tie is worth a caution, and from when on it could explain a good prediction: Cohen's (1988) small and
# medium V; an AUC of 0.6 and 0.7.
_CAUTION = {"Cramér's V": 0.1, "AUC": 0.6, "Spearman ρ": 0.2, "correlation ratio": 0.2}
_ALARM = {"Cramér's V": 0.3, "AUC": 0.7, "Spearman ρ": 0.5, "correlation ratio": 0.5}
_NOTED_P = 0.05
_WARNED_P = 0.01
_MIN_ROWS = 10
_DRAWS = 1999


@dataclass(frozen=True)
class Tie:
    """One association: ``strength`` without a sign, in the units of ``measure``."""

    measure: str
    strength: float
    p: float

    def grade(self, *, n_tests: int = 1) -> Severity:
        """Grade it, p corrected (Bonferroni) for ``n_tests`` columns that were looked at together."""
        p = min(1.0, self.p * n_tests)
        if p >= _NOTED_P:
            return "none"
        if p >= _WARNED_P or self.strength < _CAUTION[self.measure]:
            return "note"
        return "alarm" if self.strength >= _ALARM[self.measure] else "caution"

    @property
    def words(self) -> str:
        """``AUC 0.63, p = 0.002``."""
        return f"{self.measure} {self.strength:.2f}, {say_p(self.p)}"


def tie_to_names(target: FloatArray, names: list[str], *, classes: int) -> Tie | None:
    """Tie of the label or outcome to a column of names; ``None`` where one of them does not vary."""
    codes = np.unique(np.asarray(names, dtype=str), return_inverse=True)[1]
    if len(names) < _MIN_ROWS or np.ptp(codes) == 0 or np.ptp(target) == 0:
        return None
    return cramers_v(target.astype(int), codes) if classes else correlation_ratio(target, codes)


def tie_to_numbers(target: FloatArray, values: FloatArray, *, classes: int) -> Tie | None:
    """Tie of the label or outcome to a numeric column; ``None`` where one of them does not vary.

    Of two classes the AUC, turned so that it is at least 0.5, with the Mann-Whitney p; of several the largest of each
    against the rest, with the Kruskal-Wallis p; of a number Spearman's ρ.
    """
    present = np.isfinite(values)
    target, values = target[present], values[present]
    if target.size < _MIN_ROWS or np.ptp(values) == 0 or np.ptp(target) == 0:
        return None
    if not classes:
        found = stats.spearmanr(values, target)
        return Tie("Spearman ρ", abs(float(found.statistic)), float(found.pvalue))
    groups = [values[target == code] for code in np.unique(target)]
    test = stats.mannwhitneyu(*groups) if len(groups) == 2 else stats.kruskal(*groups)
    return Tie("AUC", _largest_auc(target, values), float(test.pvalue))


def _largest_auc(target: FloatArray, values: FloatArray) -> float:
    found = []
    for code in np.unique(target):
        auc = METRICS["roc_auc"](Outcome((target == code).astype(float), values[:, None], values, n_classes=2))
        found.append(max(auc, 1 - auc))
    return float(max(found))


def cramers_v(first: np.ndarray, second: np.ndarray) -> Tie:
    """Cramér's V with Bergsma's correction for bias (2013, doi 10.1016/j.jkss.2012.10.002).

    p is that of Pearson's χ²; where a cell is expected to hold fewer than five people, that of 1999 permutations.
    """
    first = np.unique(first, return_inverse=True)[1]
    second = np.unique(second, return_inverse=True)[1]
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    counts = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
    n = first.size
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    phi2 = max(0.0, chi2 / n - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    strength = float(np.sqrt(phi2 / least)) if least > 0 else 0.0
    if expected.min() >= 5:
        p = float(stats.chi2.sf(chi2, (rows - 1) * (columns - 1)))
    else:
        p = _permutation_p(first, second, expected=expected, observed=chi2)
    return Tie("Cramér's V", min(strength, 1.0), p)


def _permutation_p(first: np.ndarray, second: np.ndarray, *, expected: FloatArray, observed: float) -> float:
    # A fixed seed: the audit of one cohort always says the same.
    rng = np.random.default_rng(0)
    shape = expected.shape
    reached = 0
    for _ in range(_DRAWS):
        cells = np.bincount(rng.permutation(first) * shape[1] + second, minlength=expected.size).reshape(shape)
        reached += bool(((cells - expected) ** 2 / expected).sum() >= observed * (1 - 1e-12))
    return (1 + reached) / (1 + _DRAWS)


def correlation_ratio(target: FloatArray, codes: np.ndarray) -> Tie:
    """Root of the outcome's share of variance between groups, corrected for bias (ε², Kelley 1935).

    p is that of the Kruskal-Wallis test.
    """
    groups = [target[codes == code] for code in np.unique(codes)]
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    total = float(((target - target.mean()) ** 2).sum())
    left = target.size - len(groups)
    mean_square = within / left if left else 0.0
    share = max(0.0, (total - within - (len(groups) - 1) * mean_square) / total)
    p = float(stats.kruskal(*groups).pvalue)
    return Tie("correlation ratio", float(np.sqrt(share)), p)
