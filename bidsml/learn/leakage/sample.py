"""How far chance alone can carry with this few people."""

import numpy as np

from bidsml.learn.leakage.material import Material, passed, warned
from bidsml.records import LeakageCheck

# 95th percentile of the standard normal: one draw in twenty lies above it.
_Z = 1.645
# What 20 people in each of two classes, and 40 with an outcome, just keep.
_HIGHEST_AUC = 0.655
_HIGHEST_R = 0.265


def check_sample_size(material: Material) -> LeakageCheck:
    """Say which figure one chance draw in twenty reaches with this many units.

    AUC without an effect has the variance (n₁ + n₂ + 1) / (12 n₁ n₂) (Hanley and McNeil 1982, doi
    10.1148/radiology.143.1.7063747, at 0.5); a correlation 1 / (n − 1). Cross-validation adds to that: these are
    the least chance can do. A warning above an AUC of 0.655 (fewer than 20 in each of two classes) or a correlation
    of 0.265 (fewer than 40 people).
    """
    cohort = material.cohort
    target = cohort.target[material.one_per_unit]
    n, n_features = target.size, len(material.names)
    if cohort.classes:
        counts = np.bincount(target.astype(int), minlength=len(cohort.classes))
        few = counts.min()
        rest = n - few
        error = np.sqrt((n + 1) / (12 * few * rest)) if few and rest else 0.5
        reached, limit, metric = min(0.5 + _Z * error, 1.0), _HIGHEST_AUC, "an AUC"
        who = ", ".join(f"{count} {name}" for count, name in zip(counts, cohort.classes, strict=True))
        people = f"{n} people ({who})"
    else:
        reached, limit, metric = _Z / np.sqrt(max(n - 1, 1)), _HIGHEST_R, "a correlation"
        people = f"{n} people"
    said = (
        f"With {people}, {metric} of {reached:.2f} or more happens in 5 % of chance draws; "
        f"{n_features / max(n, 1):.3g} features a person."
    )
    if reached > limit:
        return warned(
            "sample-size",
            said,
            advice="read the figure as preliminary: add people, or confirm it in another sample before believing it",
        )
    return passed("sample-size", said)
