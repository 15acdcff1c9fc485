"""The fast engine against scikit-learn's own pipeline on real connectomes, draw by draw."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from bidsml.learn.exchange import Exchange
from bidsml.learn.fast.draws import score_labellings
from bidsml.learn.fitting import make_recipe
from bidsml.learn.metrics import METRICS
from bidsml.learn.preparation import ModelInput
from bidsml.records import FeatureBlock, Fold
from bidsml.spec import EstimatorSpec

PEERS = {
    "ridge": (Ridge(alpha=100.0), {"alpha": (100.0,)}),
    "lda": (LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5), {"shrinkage": (0.5,)}),
    "logistic": (LogisticRegression(C=1e-3, tol=1e-9, max_iter=100_000), {"C": (1e-3,)}),
    "linear_svm": (LinearSVC(C=1e-4, tol=1e-9, max_iter=1_000_000), {"C": (1e-4,)}),
    "hinge_svm": (SVC(kernel="linear", C=1e-4, tol=1e-9), {"C": (1e-4,)}),
}


@pytest.fixture(scope="module")
def abide(shared_data):
    """Ten people of each of the larger sites: Fisher z of 6,105 edges, and the diagnosis."""
    folder = shared_data("abide_ho871")
    table = pd.read_csv(folder / "participants.tsv", sep="\t", dtype=str)
    archive = np.load(folder / "connectomes_pearson_triu_float16.npz")
    edges = next(archive[name] for name in archive.files if archive[name].ndim == 2)
    sites = table.groupby("site").head(10)
    rows = sites[sites.groupby("site")["site"].transform("size") == 10].index.to_numpy()
    diagnosis = (table["diagnosis"].to_numpy()[rows] == "ASD").astype(float)
    return np.arctanh(np.clip(edges[rows].astype(float), -0.999, 0.999)), diagnosis


def make_folds(target):
    of = np.empty(len(target), dtype=int)
    for number, (_, test) in enumerate(StratifiedKFold(3, shuffle=True, random_state=0).split(target, target)):
        of[test] = number
    return of, [
        Fold("s", 0, number, "", np.flatnonzero(of != number), np.flatnonzero(of == number), of[of != number])
        for number in range(3)
    ]


@pytest.mark.parametrize("kind", list(PEERS))
def test_decisions_and_labels_are_those_of_scikit_learn(abide, kind):
    features, target = abide
    of, folds = make_folds(target)
    rows = np.argsort(of, kind="stable")
    exchange = Exchange((rows[:, None],), (of[rows],), "")
    draws = np.vstack([target, exchange.shuffle(target, range(2), seed=0)])
    model, grid = PEERS[kind]
    recipe = make_recipe(
        EstimatorSpec(kind=kind, grid=grid), task="classification", n_classes=2, metric=METRICS["roc_auc"], seed=0
    )
    block = FeatureBlock("x", "table", "", "vector", 0, features.shape[1])
    given = ModelInput(features, (block,), 0, np.empty((len(features), 0)), 0.2)
    scored = score_labellings(given, folds, [draws], kind=kind, recipe=recipe)
    for fold, (scores,) in zip(folds, scored.scores, strict=True):
        for labels, mine in zip(draws, scores[:, :, 0], strict=True):
            signs = labels[fold.train] * 2 - 1
            varies = np.ptp(features[fold.train], axis=0) > 0
            scaler = StandardScaler().fit(features[fold.train][:, varies])
            train, test = (scaler.transform(features[rows][:, varies]) for rows in (fold.train, fold.test))
            if kind == "lda":
                # Its covariance is shrunk in the training rows' space (and 6,105 x 6,105 numbers take a minute a fit).
                basis, triangle = np.linalg.qr(train.T)
                train, test = triangle.T, test @ basis
            peer = clone(model).fit(train, signs)
            reference = peer.predict(test) if kind == "ridge" else peer.decision_function(test)
            np.testing.assert_allclose(mine, reference, atol=1e-4 * np.abs(reference).max())
            clear = np.abs(reference) > 1e-4 * np.abs(reference).max()
            np.testing.assert_array_equal((mine > 0)[clear], (reference > 0)[clear])
