"""PHOTONAI."""

import numpy as np
from reporting import load, report

X, y, fold = load()
# the user writes
from photonai.base import Hyperpipe, PipelineElement
from photonai.optimization import Categorical
from sklearn.model_selection import PredefinedSplit, StratifiedKFold

pipe = Hyperpipe(
    "abide", optimizer="grid_search", metrics=["balanced_accuracy"], best_config_metric="balanced_accuracy",
    outer_cv=PredefinedSplit(fold), inner_cv=StratifiedKFold(5, shuffle=True, random_state=0),
    project_folder="photonai", verbosity=0, allow_multidim_targets=False,
)  # fmt: skip
pipe += PipelineElement("StandardScaler")
pipe += PipelineElement("RidgeClassifier", hyperparameters={"alpha": Categorical(list(np.logspace(-1, 5, 7)))})
pipe.fit(X, y)
# the user wrote
predictions = np.full(len(y), -1)
for number, outer in enumerate(pipe.results.outer_folds):
    predictions[np.flatnonzero(fold == number)] = outer.best_config.best_config_score.validation.y_pred
report(None, predictions)
