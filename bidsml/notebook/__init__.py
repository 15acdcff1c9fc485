"""What a notebook needs: a study from bidsml's output or from arrays, cross-validation, permutation tests, drawings.

The names here are those of ``from bidsml import …``. They call what the command line calls, so that the same data and
seed give the same numbers.
"""

from bidsml.notebook.drawing import Drawing
from bidsml.notebook.study import Study, load_study, make_study
from bidsml.notebook.testing import PermutationTest, permutation_test
from bidsml.notebook.validation import CrossValidation, cross_validate

__all__ = [
    "CrossValidation",
    "Drawing",
    "PermutationTest",
    "Study",
    "cross_validate",
    "load_study",
    "make_study",
    "permutation_test",
]
