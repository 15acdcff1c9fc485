"""julearn."""

import numpy as np
from reporting import load, report

X, y, fold = load()
# the user writes
import pandas as pd
from julearn import PipelineCreator, run_cross_validation
from sklearn.model_selection import PredefinedSplit, StratifiedKFold

names = [f"e{number}" for number in range(X.shape[1])]
table = pd.DataFrame(X, columns=names).assign(diagnosis=y)
creator = PipelineCreator(problem_type="classification", apply_to="*")
creator.add("zscore")
creator.add("ridge", alpha=list(np.logspace(-1, 5, 7)))
search = {"kind": "grid", "cv": StratifiedKFold(5, shuffle=True, random_state=0), "scoring": "roc_auc"}
*_, inspector = run_cross_validation(
    X=names, y="diagnosis", data=table, X_types={"*": names}, model=creator, search_params=search,
    cv=PredefinedSplit(fold), scoring="roc_auc", return_inspector=True,
)  # fmt: skip
predicted = inspector.folds.decision_function()
# the user wrote
values = predicted.drop(columns="target").mean(axis=1).to_numpy()
report(values, values > 0)
