"""Whether the features give away where a person was measured."""

import numpy as np

from bidsml.learn.leakage.material import Material, not_checked, passed, warned
from bidsml.learn.leakage.ties import site_tie
from bidsml.records import FloatArray, Fold, LeakageCheck

_FAR_ABOVE = 0.1
_STANDARD_ERRORS = 3.0


def check_site_signature(material: Material) -> LeakageCheck:
    """Predict the site from the features and say how well, beside the commonest site's share.

    A ridge classifier on the linear kernel, with a penalty of the mean squared length of a person's vector, on the
    folds of the default design. Features are centred and scaled over all people: that looks at no site, and the
    figure is a description of these data. Almost all multi-site images give their site away (a note); together with a
    label that is tied to the site it is a warning.
    """
    cohort = material.cohort
    if len(set(cohort.site)) < 2:
        return not_checked(
            "site-signature",
            "The analysis names no site column with two sites or more.",
            advice="where there are several sites or scanners, name their column as cohort.site",
        )
    folds = [fold for fold in material.default_folds if fold.repeat == 0] if material.folds else []
    sites = np.unique(np.asarray(cohort.site, dtype=str), return_inverse=True)[1]
    folds = [fold for fold in folds if np.isin(sites[fold.test], sites[fold.train]).all()]
    if not folds:
        return not_checked("site-signature", "Every split leaves whole sites out: no site could be recognised.")
    right, majority = _cross_validate(material.likeness.gram, sites, folds)
    n = sum(fold.test.size for fold in folds)
    error = np.sqrt(max(majority * (1 - majority), 1 / n) / n)
    far = right - majority > max(_FAR_ABOVE, _STANDARD_ERRORS * error)
    said = (
        f"The features tell the site of {100 * right:.0f} % of {n} people in the test folds; the commonest site alone "
        f"would be right for {100 * majority:.0f} %"
    )
    tie = site_tie(material)
    if far and tie is not None and tie.grade() in ("caution", "alarm"):
        return warned(
            "site-signature",
            f"{said}, and the label is tied to the site ({tie.words}).",
            advice="rely on leave-site-out; harmonise within the folds, or analyse sites of a like share of each class",
        )
    return passed(
        "site-signature", f"{said}{'; the label is not shown to be tied to the site' if far else ''}.", note=bool(far)
    )


def _cross_validate(gram: FloatArray, sites: np.ndarray, folds: list[Fold]) -> tuple[float, float]:
    """Share of test rows whose site is told right by the kernel ridge, and by the training rows' commonest site."""
    truth = np.eye(sites.max() + 1)[sites]
    right = commonest = total = 0
    for fold in folds:
        kernel, across = _centred(gram[np.ix_(fold.train, fold.train)], gram[np.ix_(fold.test, fold.train)])
        mean = truth[fold.train].mean(axis=0)
        kernel[np.diag_indices_from(kernel)] += max(float(np.trace(kernel)) / fold.train.size, 1e-12)
        scores = across @ np.linalg.solve(kernel, truth[fold.train] - mean) + mean
        right += int((scores.argmax(axis=1) == sites[fold.test]).sum())
        commonest += int((sites[fold.test] == mean.argmax()).sum())
        total += fold.test.size
    return right / total, commonest / total


def _centred(kernel: FloatArray, across: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre a kernel at the training mean in feature space: ``(n_train, n_train)`` and ``(n_test, n_train)``."""
    means = kernel.mean(axis=0)
    middle = means.mean()
    centred = kernel - means[None, :] - means[:, None] + middle
    return centred, across - across.mean(axis=1, keepdims=True) - means[None, :] + middle
