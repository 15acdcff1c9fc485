"""bidsml in a notebook."""

import sys

import numpy as np
from reporting import load, report

X, y, _ = load()
# the user writes
from bidsml import cross_validate, make_study

result = cross_validate(make_study(X, np.where(y, "ASD", "TC"), positive="ASD"), "ridge", folds=10)
# the user wrote
cv = result.result.cv[0]
if len(sys.argv) > 3:
    fold = np.full(len(y), -1)
    for number, one in enumerate(one for one in result.result.folds if one.design == cv.design):
        fold[one.test] = number
    np.savez(sys.argv[3], X=X, y=y, fold=fold)
positive = result.result.cohort.classes.index("ASD")
report(cv.scores[0][:, 0], cv.predictions[0] == positive)
