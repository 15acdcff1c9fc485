"""What normative scores of a cohort are fitted on: covariates, sites, and who is a reference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bidsml.errors import AnalysisFileError
from bidsml.learn.cohort import encode_columns
from bidsml.learn.conditions import names_in, select
from bidsml.learn.normative import NormativeScores
from bidsml.records import Cohort, FloatArray
from bidsml.spec import AnalysisSpec, column_name

KEY = "normative.reference"


@dataclass(frozen=True)
class Reference:
    """Who defines the norm, where that depends on the labels: it moves with them when they are shuffled.

    A test that shuffled the labels and kept the old reference people would prepare the draws in another way than the
    observed data, whose reference people all bear one label: scores of people that a norm was fitted on are narrower
    than those of others, which tells the observed labels and no shuffled ones.
    """

    table: pd.DataFrame
    condition: str
    column: str
    cells: Mapping[float, object]
    """What stands in the table for each class code; empty for a regression."""

    def flags(self, target: FloatArray) -> FloatArray:
        """1 for everyone who meets the condition if these were their labels, else 0, ``(n,)``."""
        labelled = self.table.copy()
        labelled[self.column] = [self.cells[code] for code in target.tolist()] if self.cells else target
        return select(labelled, self.condition, key=KEY).astype(float)


@dataclass(frozen=True)
class NormativeDesign:
    """What normative scores take beside the features.

    Attributes
    ----------
    columns
        Site as a number, 1 for who may be a reference, covariates: ``(n, n_design)``; no column where the analysis
        asks for no normative scores.
    scores
        The transformer, not fitted; ``None`` there.
    reference
        How the references follow the labels; ``None`` where they don't.
    """

    columns: FloatArray
    scores: NormativeScores | None = None
    reference: Reference | None = None


def follows_labels(spec: AnalysisSpec) -> bool:
    """Whether who is a reference depends on the target."""
    condition = spec.normative.reference if spec.normative else None
    return condition is not None and column_name(spec.target.column) in names_in(condition, key=KEY)


def normative_design(cohort: Cohort, spec: AnalysisSpec) -> NormativeDesign:
    """Lay out what normative scores of a cohort take.

    Sites are numbered over the whole cohort, in the order of their names: a number is a name and tells nothing.

    Raises
    ------
    AnalysisFileError
        ``normative.reference`` cannot be read, or follows the target without naming it.
    """
    wish = spec.normative
    if wish is None:
        return NormativeDesign(np.empty((len(cohort.target), 0)))
    covariates = encode_columns(cohort.table, [column_name(column) for column in wish.columns])[0]
    site = np.zeros(len(cohort.target))
    if uses_sites(spec):
        site = pd.factorize(np.asarray(cohort.site, dtype=object), sort=True)[0].astype(float)
    flags = reference_flags(cohort, spec)
    columns = np.column_stack([site, flags, covariates])
    scores = NormativeScores(columns.shape[1], n_knots=wish.knots, spread=wish.spread, unseen_site=wish.unseen_site)
    return NormativeDesign(columns, scores, _reference(cohort, spec) if follows_labels(spec) else None)


def uses_sites(spec: AnalysisSpec) -> bool:
    """Whether every site gets an offset and a variance of its own."""
    wish = spec.normative
    return wish is not None and bool(spec.cohort.site) and wish.site is not False


def reference_flags(cohort: Cohort, spec: AnalysisSpec) -> FloatArray:
    """1 for everyone who meets ``normative.reference``, else 0; 1 for all where there is none, ``(n,)``."""
    condition = spec.normative.reference if spec.normative else None
    if condition is None:
        return np.ones(len(cohort.target))
    if follows_labels(spec):
        flags = _reference(cohort, spec).flags(cohort.target)
    else:
        flags = select(cohort.table, condition, key=KEY).astype(float)
        _refuse_proxy(flags, cohort, spec)
    if not flags.any():
        raise AnalysisFileError(
            f"normative.reference = {condition!r}: nobody of the {len(flags)} people analysed meets it",
            hint="the condition is on the columns of the cohort, after cohort.include and target.classes",
        )
    return flags


def _reference(cohort: Cohort, spec: AnalysisSpec) -> Reference:
    column = column_name(spec.target.column)
    condition = spec.normative.reference if spec.normative else None
    # In the table, classes that are spelt as numbers are numbers.
    kind = float if pd.api.types.is_numeric_dtype(cohort.table[column]) else str
    cells = {float(code): kind(name) for code, name in enumerate(cohort.classes)}
    return Reference(cohort.table, condition or "", column, cells)


def _refuse_proxy(flags: FloatArray, cohort: Cohort, spec: AnalysisSpec) -> None:
    """Refuse references that are all of some classes and none of the others: the test must know, to move them along."""
    shares = [flags[cohort.target == code].mean() for code in range(len(cohort.classes))]
    if len(set(shares)) > 1 and set(shares) == {0.0, 1.0}:
        raise AnalysisFileError(
            f"normative.reference = {spec.normative.reference if spec.normative else ''!r} holds for all of some "
            "classes and for nobody of the others, but does not name the target",
            hint=f"write it as a condition on {column_name(spec.target.column)!r}: the permutation test then refits "
            "the norm for every shuffled labelling",
        )
