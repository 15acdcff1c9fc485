"""What the audit looks at, and how a check says what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from bidsml.errors import DataError
from bidsml.records import Cohort, FeatureSet, FloatArray, Fold, IntArray, LeakageCheck

BLOCK = 2048
"""Features that are looked at together: bounds the memory that a check needs."""


@dataclass(frozen=True)
class Material:
    """Everything that a check may look at, row for row with the cohort.

    Attributes
    ----------
    values
        Features, ``(n, n_features)``, NaN where missing.
    folds
        Of every design; the default design's come first.
    history
        What the input's own files say of how they were made: text by the place where it stands.
    """

    values: FloatArray
    names: tuple[str, ...]
    cohort: Cohort
    folds: tuple[Fold, ...] = ()
    history: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def default_folds(self) -> tuple[Fold, ...]:
        """Folds of the design that the analysis asks for."""
        return tuple(fold for fold in self.folds if fold.design == self.folds[0].design)

    @cached_property
    def one_per_unit(self) -> IntArray:
        """Row of the first member of every unit: rows that may be counted as independent."""
        return np.sort(np.unique(pd.factorize(np.asarray(self.cohort.unit, dtype=object))[0], return_index=True)[1])

    @cached_property
    def likeness(self) -> "Likeness":
        """How alike people are, from all features; computed once for the checks that need it."""
        return measure_likeness(self.values)


@dataclass(frozen=True)
class Likeness:
    """Inner products of people's standardised features.

    ``gram`` is ``(n, n)``: columns centred and scaled over all people, missing values at the column's mean.
    ``sums`` is ``(n,)``: each person's sum over the ``n_columns`` columns that vary. ``present`` is ``(n,)``: the
    share of these columns that the person has.
    """

    gram: FloatArray
    sums: FloatArray
    present: FloatArray
    n_columns: int

    def correlations(self) -> FloatArray:
        """Pearson correlations of people's standardised vectors, ``(n, n)``; 0 for a vector that is constant."""
        centred = self.gram - np.outer(self.sums, self.sums) / max(self.n_columns, 1)
        length = np.sqrt(np.maximum(np.diagonal(centred), 0))
        scale = np.outer(length, length)
        r: FloatArray = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0)
        return r


def gather_material(
    features: FeatureSet, cohort: Cohort, folds: Sequence[Fold], history: Mapping[str, str]
) -> Material:
    """Bring the features into the cohort's order.

    Raises
    ------
    DataError
        A participant of the cohort has no features.
    """
    values = features.values
    if features.participant_id != cohort.participant_id:
        row = {person: number for number, person in enumerate(features.participant_id)}
        if not row.keys() >= set(cohort.participant_id):
            raise DataError("some participants of the cohort have no features", hint="run the participant level")
        values = values[[row[person] for person in cohort.participant_id]]
    return Material(values, features.names, cohort, tuple(folds), history)


def measure_likeness(values: FloatArray) -> Likeness:
    """Compute :class:`Likeness` in blocks of columns, so that no second copy of the features is made.

    Products are taken in single precision, which leaves correlations right to about 1e-6.
    """
    n = values.shape[0]
    gram, sums, present, n_columns = np.zeros((n, n)), np.zeros(n), np.zeros(n), 0
    for start in range(0, values.shape[1], BLOCK):
        block = values[:, start : start + BLOCK]
        finite = np.isfinite(block)
        complete = bool(finite.all())
        filled = block if complete else np.where(finite, block, 0.0)
        count = np.maximum(finite.sum(axis=0), 1)
        mean = filled.sum(axis=0) / count
        centred = filled - mean if complete else np.where(finite, filled - mean, 0.0)
        spread = np.sqrt(np.einsum("ij,ij->j", centred, centred) / count)
        # Rounding leaves a constant column a spread of about 1e-16 of its size.
        varies = spread > 1e-12 * np.abs(mean)
        scaled = (centred[:, varies] / spread[varies]).astype(np.float32)
        gram += scaled @ scaled.T
        sums += scaled.sum(axis=1, dtype=float)
        present += finite[:, varies].sum(axis=1)
        n_columns += int(varies.sum())
    return Likeness(gram, sums, present / max(n_columns, 1), n_columns)


def passed(check: str, evidence: str, *, note: bool = False, advice: str = "") -> LeakageCheck:
    """Say that a check found nothing; ``note`` where what it saw is worth knowing all the same."""
    return LeakageCheck(check, "passed", evidence, advice, "note" if note else "none")


def warned(check: str, evidence: str, *, advice: str, alarm: bool = False) -> LeakageCheck:
    """Say what a check found; ``alarm`` where it could explain a good prediction on its own."""
    return LeakageCheck(check, "warned", evidence, advice, "alarm" if alarm else "caution")


def not_checked(check: str, reason: str, *, advice: str = "") -> LeakageCheck:
    """Say why nothing could be checked."""
    return LeakageCheck(check, "not checked", reason, advice)


def listing(items: Sequence[str], *, limit: int = 5) -> str:
    """Join names, at most ``limit`` of them, and say how many more there are."""
    rest = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest


def say_p(p: float) -> str:
    """Write a p-value: ``p = 0.03``, ``p < 0.0001``."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
