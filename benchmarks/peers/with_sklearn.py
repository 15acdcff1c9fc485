"""nilearn's way: scikit-learn on vectorised connectomes."""

from reporting import load, report

X, y, fold = load()
# the user writes
import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, PredefinedSplit, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

grid = {"ridgeclassifier__alpha": np.logspace(-1, 5, 7)}
inner = StratifiedKFold(5, shuffle=True, random_state=0)
model = GridSearchCV(make_pipeline(StandardScaler(), RidgeClassifier()), grid, cv=inner, scoring="roc_auc")
scores = cross_val_predict(model, X, y, cv=PredefinedSplit(fold), method="decision_function")
# the user wrote
report(scores, scores > 0)
