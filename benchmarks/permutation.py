"""Time the permutation engine side by side with scikit-learn's, in one process, on the same draws.

python benchmarks/permutation.py [--people 871] [--features 19900] [--draws 1000 10000] [--data gaussian connectome]
                                [--tuned-people 200] [--tuned-draws 1000]

Naive is scikit-learn's permutation test on a pipeline of StandardScaler and the model: its time per draw is measured on
a few draws and multiplied. Expert is scikit-learn handed the training rows' coordinates once per fold. The scores of
those draws must be equal. scikit-learn solves to 1e-9, since its defaults are not converged on such data.
A second table tunes the penalty over five values in inner folds, in every draw. Peak memory is that of a process of
its own, without the peers.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits

from bidsml.learn.exchange import Exchange
from bidsml.learn.fast.draws import BATCH, score_labellings
from bidsml.learn.fast.gram import make_kernels
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
TUNED = {"ridge": {"alpha": (1.0, 10.0, 100.0, 1e3, 1e4)}, "logistic": {"C": (1e-5, 1e-4, 1e-3, 1e-2, 0.1)}}


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


DATA = {"gaussian": gaussian, "connectome": connectome}


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
    """Shuffle labels within the test folds, as the permutation test does."""
    rows = np.argsort(fold_of, kind="stable")
    return Exchange((rows[:, None],), (fold_of[rows],), "").shuffle(target, range(n_draws), seed=seed)


def model_input(features):
    block = FeatureBlock("x", "table", "", "vector", 0, features.shape[1])
    return ModelInput(features, (block,), 0, np.empty((len(features), 0)), 0.2)


def ours(features, target, folds, fold_of, n_draws, kind, grid):
    start = time.perf_counter()
    given = model_input(features)
    recipe = make_recipe(
        EstimatorSpec(kind=kind, grid=grid), task="classification", n_classes=2, metric=METRICS["roc_auc"], seed=0
    )
    labels = shuffle_within(target, fold_of, n_draws, seed=1)
    batches = [labels[i : i + BATCH] for i in range(0, n_draws, BATCH)]
    scored = score_labellings(given, folds, batches, kind=kind, recipe=recipe)
    values = np.zeros(n_draws)
    for fold, parts in zip(folds, scored.scores, strict=True):
        values += score_draws(labels[:, fold.test], np.concatenate(parts), None, recipe=recipe) / len(folds)
    return values, time.perf_counter() - start, labels


def naive(features, labels, folds, model, *, fold_of=None, grid=None):
    """Mean AUC over folds of every labelling, and seconds per labelling; with a grid, tuned on the other folds."""
    start = time.perf_counter()
    pipeline = make_pipeline(StandardScaler(), model)
    values = []
    for target in labels:
        aucs = []
        for fold in folds:
            fit = clone(pipeline)
            if grid:
                points = {f"{type(model).__name__.lower()}__{name}": values for name, values in grid.items()}
                fit = GridSearchCV(fit, points, cv=PredefinedSplit(fold_of[fold.train]), scoring="roc_auc")
            fit.fit(features[fold.train], target[fold.train])
            aucs.append(roc_auc_score(target[fold.test], fit.decision_function(features[fold.test])))
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


def compare(features, options, *, data):
    """Print one row per model and number of draws."""
    target = (np.arange(len(features)) % 2).astype(float)
    folds, fold_of = make_folds(target)
    for kind in options.models:
        model, grid = MODELS[kind]
        rows = []
        for n_draws in options.draws:
            values, seconds, labels = ours(features, target, folds, fold_of, n_draws, kind, grid)
            rows.append((n_draws, seconds))
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


def compare_tuned(features, options, *, data):
    """Print one row per model whose penalty is tuned in every draw."""
    target = (np.arange(len(features)) % 2).astype(float)
    folds, fold_of = make_folds(target)
    for kind, grid in TUNED.items():
        model = MODELS[kind][0]
        values, seconds, labels = ours(features, target, folds, fold_of, options.tuned_draws, kind, grid)
        some = labels[: options.peer_draws]
        reference, per_draw = naive(features, some, folds, model, fold_of=fold_of, grid=grid)
        np.testing.assert_allclose(values[: len(some)], reference, atol=1 / 20 / 20 / 5)
        ratio = per_draw * options.tuned_draws / seconds
        print(f"| {data} | {kind} | {per_draw * 1e3:.0f} | {options.tuned_draws} | {seconds:.2f} | {ratio:,.0f} |")


def gemm_share(features):
    """Time the label-free products against the machine's own rate of matrix products of that precision."""
    folds, _ = make_folds((np.arange(len(features)) % 2).astype(float))
    n, p = features.shape
    square = np.random.default_rng(0).standard_normal((2000, 2000))
    rates = {}
    for precision in (np.float64, np.float32):
        factor = square.astype(precision)
        factor @ factor
        start = time.perf_counter()
        factor @ factor
        rates[precision] = 2 * 2000**3 / (time.perf_counter() - start)
    start = time.perf_counter()
    make_kernels(model_input(features), [fold.train for fold in folds])
    seconds = time.perf_counter() - start
    # The shared part in double, every fold's rest in single; a symmetric product is half of a full one.
    least = n * n * p / rates[np.float64] + len(folds) * n * n * p / rates[np.float32]
    return seconds, least / seconds


def peak_memory(options, data, kind):
    """Run one model alone in a process of its own; peak memory in GB."""
    words = [sys.executable, __file__, "--alone", kind, "--data", data, "--people", str(options.people)]
    words += ["--features", str(options.features), "--draws", str(max(options.draws))]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def alone(options):
    features = DATA[options.data[0]](options.people, options.features, np.random.default_rng(0))
    target = (np.arange(options.people) % 2).astype(float)
    folds, fold_of = make_folds(target)
    ours(features, target, folds, fold_of, options.draws[0], options.alone, MODELS[options.alone][1])
    # Not what getrusage says: a new process inherits the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1e6)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=871)
    parser.add_argument("--features", type=int, default=19_900)
    parser.add_argument("--draws", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=list(DATA))
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--peer-draws", type=int, default=2)
    parser.add_argument("--tuned-people", type=int, default=200)
    parser.add_argument("--tuned-draws", type=int, default=1000)
    parser.add_argument("--alone", choices=list(MODELS), help="run one model without peers; print its peak memory, GB")
    return parser.parse_args()


def main():
    options = parse()
    if options.alone:
        alone(options)
        return
    some = gaussian(60, 50, np.random.default_rng(0))
    for kind in options.models:  # what is imported on first use counts for nobody
        ours(some, np.arange(60) % 2.0, *make_folds(np.arange(60) % 2.0), 2, kind, MODELS[kind][1])
    print("| data | model | naive, ms a draw | expert, ms a draw | draws | ours, s | naive / ours | expert / ours |")
    print("|---|---|---|---|---|---|---|---|")
    for data in options.data:
        compare(DATA[data](options.people, options.features, np.random.default_rng(0)), options, data=data)
    print(f"\nPenalty tuned over five values in every draw, {options.tuned_people} people:\n")
    print("| data | model | naive, ms a draw | draws | ours, s | naive / ours |")
    print("|---|---|---|---|---|---|")
    for data in options.data:
        compare_tuned(DATA[data](options.tuned_people, options.features, np.random.default_rng(0)), options, data=data)
    features = gaussian(options.people, options.features, np.random.default_rng(0))
    seconds, share = gemm_share(features)
    print(f"\nlabel-free products: {seconds:.2f} s, {share:.0%} of the machine's rate of matrix products")
    size = features.nbytes / 1e9
    for kind in options.models:
        print(f"peak memory, {kind} alone: {peak_memory(options, 'gaussian', kind):.2f} GB ({size:.2f} GB of features)")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
