"""Keep small groups of people out of published tables."""

import numpy as np

from bidsml.records import IntArray

SMALLEST_CELL = 5
SUPPRESSED = "<5"
PROTECTED = "≥5"


def protect_count(count: int) -> str:
    """Write a number of people, or ``<5`` for 1 to 4 of them. Nobody is written as 0."""
    return SUPPRESSED if 0 < count < SMALLEST_CELL else str(count)


def protect_counts(counts: IntArray) -> list[list[str]]:
    """Write a table of counts whose row and column sums are known to the reader.

    Cells of 1 to 4 people become ``<5``. Where that leaves a row or column with a single hidden cell, a
    subtraction would bring it back; so the smallest other cell of that row or column is hidden too, as ``≥5``
    (primary and secondary suppression; Hundepool et al. 2012, doi:10.1002/9781118348239, ch. 4).

    Parameters
    ----------
    counts
        ``(n_rows, n_columns)`` without the sums.

    Returns
    -------
    list of list of str
        The same shape.
    """
    small = (counts > 0) & (counts < SMALLEST_CELL)
    hidden = small.copy()
    while True:
        before = hidden.sum()
        for line, shown in ((counts, hidden), (counts.T, hidden.T)):
            for values, flags in zip(line, shown, strict=True):
                _hide_second(values, flags)
        if hidden.sum() == before:
            break
    written = np.where(small, SUPPRESSED, np.where(hidden, PROTECTED, counts.astype(str)))
    return [[str(cell) for cell in row] for row in written]


def _hide_second(counts: IntArray, hidden: np.ndarray) -> None:
    """Hide one more cell of a row or column, in place, where exactly one is hidden."""
    candidates = np.flatnonzero(~hidden & (counts >= SMALLEST_CELL))
    if hidden.sum() == 1 and candidates.size:
        hidden[candidates[np.argmin(counts[candidates])]] = True
