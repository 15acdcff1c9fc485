"""Time the permutation engine side by side with scikit-learn's, in one process, on the same draws.

python benchmarks/permutation.py [--people 871] [--features 19900] [--draws 1000 10000] [--data gaussian connectome]

Naive is scikit-learn's permutation test on a pipeline of StandardScaler and the model: its time per draw is measured on
a few draws and multiplied. Expert is scikit-learn handed the training rows' coordinates once per fold. The scores of
those draws must be equal. scikit-learn solves to 1e-9, since its defaults are not converged on such data.
"""

import argparse
import resource
import time

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits

from bidsml.learn.fast.draws import BATCH, score_labellings
from bidsml.learn.fast.scores import score_draws
from bidsml.learn.fitting import make_recipe
from bidsml.learn.metrics import METRICS
from bidsml.learn.preparation import ModelInput
from bidsml.records import FeatureBlock, Fold
from bidsml.spec import EstimatorSpec

MODELS = {
    "ridge": (RidgeClassifier(alpha=1.0), {"alpha": (1.0,)}),
    "logistic": (LogisticRegression(tol=1e-9, max_iter=100_000), {"C": (1.0,)}),
    "hinge_svm": (SVC(kernel="linear", C=1.0, tol=1e-6), {"C": (1.0,)}),
    "linear_svm": (LinearSVC(C=1.0, tol=1e-7, max_iter=1_000_000), {"C": (1.0,)}),
}


def gaussian(n, p, rng):
    return rng.standard_normal((n, p))


def connectome(n, p, rng):
    """Edges of simulated time series: a common network, personal deviations along few modes, a global signal."""
    n_regions = int(np.ceil((1 + np.sqrt(1 + 8 * p)) / 2))
    base = rng.standard_normal((n_regions, 30))
    modes = 0.35 * rng.standard_normal((12, n_regions, 30))
    edges = np.triu_indices(n_regions, 1)
    rows = []
    for _ in range(n):
        load = base + np.tensordot(rng.standard_normal(12), modes, 1)
        signals = rng.standard_normal((150, 30)) @ load.T + 4 * rng.standard_normal((150, n_regions))
        signals += rng.gamma(1.0, 1.5) * rng.standard_normal((150, 1))
        rows.append(np.arctanh(0.999 * np.corrcoef(signals.T)[edges][:p]))
    return np.array(rows)


def make_folds(target, n_folds=5):
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    fold_of = np.empty(len(target), int)
    for number, (_, test) in enumerate(splitter.split(target, target)):
        fold_of[test] = number
    folds = []
    for number in range(n_folds):
        train = np.flatnonzero(fold_of != number)
        folds.append(
            Fold("stratified", 0, number, str(number), train, np.flatnonzero(fold_of == number), fold_of[train])
        )
    return folds, fold_of


def shuffle_within(target, fold_of, n_draws, seed):
    labels = np.tile(target, (n_draws, 1))
    for draw in range(n_draws):
        keys = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(draw,))).random(len(target))
        order = np.argsort(fold_of + keys)
        labels[draw, np.argsort(fold_of, kind="stable")] = target[order]
    return labels


def ours(features, target, folds, fold_of, n_draws, kind, grid):
    start = time.perf_counter()
    block = FeatureBlock("x", "table", "", "vector", 0, features.shape[1])
    given = ModelInput(features, (block,), 0, np.empty((len(features), 0)), 0.2)
    recipe = make_recipe(
        EstimatorSpec(kind=kind, grid=grid), task="classification", n_classes=2, metric=METRICS["roc_auc"], seed=0
    )
    labels = shuffle_within(target, fold_of, n_draws, seed=1)
    batches = [labels[i : i + BATCH] for i in range(0, n_draws, BATCH)]
    scores, _ = score_labellings(given, folds, batches, kind=kind, recipe=recipe)
    values = np.zeros(n_draws)
    for fold, parts in zip(folds, scores, strict=True):
        values += score_draws(labels[:, fold.test], np.concatenate(parts), None, recipe=recipe) / len(folds)
    return values, time.perf_counter() - start, labels


def naive(features, labels, folds, model):
    start = time.perf_counter()
    pipeline = make_pipeline(StandardScaler(), model)
    values = []
    for target in labels:
        fitted = [clone(pipeline).fit(features[fold.train], target[fold.train]) for fold in folds]
        aucs = [
            roc_auc_score(target[fold.test], fit.decision_function(features[fold.test]))
            for fit, fold in zip(fitted, folds, strict=True)
        ]
        values.append(np.mean(aucs))
    return np.array(values), (time.perf_counter() - start) / len(labels)


def expert(features, labels, folds, model):
    """scikit-learn on the coordinates of the training rows' space, made once per fold (not timed: it is amortised)."""
    spaces = []
    for fold in folds:
        scaler = StandardScaler().fit(features[fold.train])
        train, test = scaler.transform(features[fold.train]), scaler.transform(features[fold.test])
        basis, triangle = np.linalg.qr(train.T)
        spaces.append((triangle.T, test @ basis))
    start = time.perf_counter()
    for target in labels:
        for fold, (train, test) in zip(folds, spaces, strict=True):
            roc_auc_score(target[fold.test], clone(model).fit(train, target[fold.train]).decision_function(test))
    return (time.perf_counter() - start) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=871)
    parser.add_argument("--features", type=int, default=19_900)
    parser.add_argument("--draws", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--data", nargs="+", default=["gaussian", "connectome"])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--peer-draws", type=int, default=2)
    options = parser.parse_args()
    print("| data | model | naive, ms a draw | expert, ms a draw | draws | ours, s | naive / ours | expert / ours |")
    print("|---|---|---|---|---|---|---|---|")
    target = (np.arange(options.people) % 2).astype(float)
    folds, fold_of = make_folds(target)
    for data in options.data:
        features = {"gaussian": gaussian, "connectome": connectome}[data](
            options.people, options.features, np.random.default_rng(0)
        )
        for kind in options.models:
            model, grid = MODELS[kind]
            rows = []
            for n_draws in options.draws:
                values, seconds, labels = ours(features, target, folds, fold_of, n_draws, kind, grid)
                rows.append((n_draws, seconds))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            some = labels[: options.peer_draws]
            reference, per_draw = naive(features, some, folds, model)
            # One pair of a fold's people is 1 / 87 / 87 of its AUC; a tie to rounding may fall either way.
            np.testing.assert_allclose(values[: len(some)], reference, atol=2e-4)
            by_expert = expert(features, some, folds, model)
            for n_draws, seconds in rows:
                print(
                    f"| {data} | {kind} | {per_draw * 1e3:.0f} | {by_expert * 1e3:.1f} | {n_draws} | {seconds:.2f} | "
                    f"{per_draw * n_draws / seconds:,.0f} | {by_expert * n_draws / seconds:.1f} |",
                    flush=True,
                )
    print(f"\npeak memory of our part: {memory:.2f} GB (features: {features.nbytes / 1e9:.2f} GB)")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
