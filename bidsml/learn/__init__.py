"""Everything that is fitted over people: cohort, splits, estimators, cross-validation, permutation tests."""
