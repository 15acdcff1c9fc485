"""Permutation tests in a notebook."""

from dataclasses import dataclass, replace
from html import escape

import numpy as np

from bidsml.errors import UsageError
from bidsml.learn.nulls import correct_family, finish_null, merge_nulls
from bidsml.learn.permutation import permute
from bidsml.notebook.content import read_content
from bidsml.notebook.drawing import Drawing, find_drawing
from bidsml.notebook.validation import CrossValidation, add_nulls
from bidsml.records import PermutationNull
from bidsml.report.group import null as null_section


@dataclass(frozen=True, repr=False)
class PermutationTest(CrossValidation):
    """A cross-validation with its permutation test. ``table`` has the p values too."""

    @property
    def null(self) -> PermutationNull:
        """The test of the first estimator on the default design, as a record."""
        return self.result.nulls[0]

    @property
    def permutation_scores(self) -> np.ndarray:
        """Primary metric under each shuffled labelling, ``(n_permutations,)``; of errors, with the sign turned."""
        return self.null.null

    @property
    def pvalue(self) -> float:
        """One-sided p: (1 + number of draws at least as good) / (1 + number of draws)."""
        return self.null.p

    @property
    def scheme(self) -> str:
        """Which labels were shuffled, in words."""
        return self.null.scheme

    def plot_null(self) -> Drawing:
        """Draw the null distribution with the observed value."""
        return find_drawing(null_section.section(self.result), "null")

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, p = {self.pvalue:.4g} of {len(self.permutation_scores)} draws)"

    def _repr_html_(self) -> str:
        tested = f"p = {self.pvalue:.4g} ({len(self.permutation_scores)} draws, {escape(self.scheme)})"
        return f"<p><b>{tested}</b></p>{super()._repr_html_()}"


def permutation_test(validation: CrossValidation, n_permutations: int | None = None) -> PermutationTest:
    """Test a cross-validation: the whole pipeline, tuning included, is fitted again to shuffled labels.

    Labels are shuffled so that whoever may not be exchanged is not: within test folds, within sites where the study
    names sites, whole units where it names groups. The default design is tested, with the seed of ``validation``.

    Parameters
    ----------
    n_permutations
        Number of draws; default: as the study's analysis has it (``make_study``: 1000).

    Returns
    -------
    PermutationTest
        With ``pvalue``, ``permutation_scores`` and everything that ``validation`` has.

    Raises
    ------
    UsageError
        ``validation`` is none, or there would be no draw.
    AnalysisFileError
        ``n_permutations`` is no whole number from 0 to 1,000,000.

    Examples
    --------
    >>> import numpy as np
    >>> from bidsml import cross_validate, make_study, permutation_test
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["control", "patient"], 30)
    >>> X = rng.standard_normal((60, 5)) + (y == "patient")[:, None]
    >>> test = permutation_test(cross_validate(make_study(X, y), folds=5), n_permutations=99)
    >>> test.pvalue, test.permutation_scores.shape
    (0.01, (99,))
    """
    if not isinstance(validation, CrossValidation):
        raise UsageError(
            f"permutation_test takes what cross_validate gives, found {type(validation).__name__}",
            hint="permutation_test(cross_validate(study))",
        )
    study = validation.study
    spec = study.spec
    if n_permutations is not None:
        inference = spec.model_dump(mode="json")["inference"] | {"permutations": n_permutations}
        spec = read_content(spec.model_dump(mode="json") | {"inference": inference})
    if spec.inference.permutations < 1:
        raise UsageError("no draw is asked for: n_permutations is 0", hint="give a whole number, 1 or more")
    first = validation.result.cv[0].design
    nulls = [
        permute(
            study.features,
            study.cohort,
            [fold for fold in validation.result.folds if fold.design == first],
            spec=spec,
            estimator=entry,
            first_draw=0,
            n_draws=spec.inference.permutations,
            seed=validation.random_state,
            patterns=spec.inference.patterns,
        )
        for entry in spec.estimators
    ]
    family = correct_family([merge_nulls([null]) for null in nulls])
    tested = replace(validation, study=replace(study, spec=spec))
    result = add_nulls(tested, tuple(finish_null(null, spec.inference) for null in family))
    return PermutationTest(tested.study, result, validation.random_state)
