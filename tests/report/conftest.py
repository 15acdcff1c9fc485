"""Simulated results, computed with scikit-learn from a planted effect so that every figure hangs together."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold, LeaveOneGroupOut, StratifiedKFold

from bidsml.learn.ranking import rank_curves
from bidsml.learn.subgroups import judge_left_out, judge_subgroups
from bidsml.records import (
    AlignmentView,
    AnatomyView,
    Atlas,
    Attrition,
    Cohort,
    CVResult,
    FeatureBlock,
    FeatureVector,
    Fold,
    FunctionalQC,
    ParticipantResult,
    PerformanceRow,
    PermutationNull,
    Provenance,
    Result,
    Scan,
    ScanQC,
    Weights,
)
from bidsml.report.methods_text import Sentence
from bidsml.spec import AnalysisSpec

N_REGIONS = 12
SITES = ("Leuven", "Utrecht", "Basel")
DIFFERENCES = ("biomarker - nuisance", "nuisance+biomarker - nuisance")


def _provenance() -> Provenance:
    return Provenance(
        version="0.1.0",
        packages={"numpy": "2.4.0", "scikit-learn": "1.9.1"},
        seed=7,
        engine="general",
        command=("bidsml", "/data/abide", "/data/out", "group", "--derivatives", "pcp=/data/secret/pcp"),
        spec_digest="ab" * 32,
        inputs={"participants.tsv": "cd" * 32},
    )


def _spec(classes: tuple[str, ...], *, nuisance: bool, sites: bool) -> AnalysisSpec:
    target = {"column": "diagnosis"} if classes else {"column": "age_at_scan", "task": "regression"}
    return AnalysisSpec.model_validate(
        {
            "name": "simulated",
            "target": target,
            "cohort": {"site": "site"} if sites else {},
            "features": ({"kind": "connectome", "atlas": "dosenbach2010", "measure": "correlation"},),
            "nuisance": {"columns": ("age", "mean_fd")} if nuisance else {},
            "inference": {"permutations": 200},
        }
    )


class Simulation:
    """Features, confounds and labels of people at three sites, and every model's out-of-fold scores."""

    def __init__(self, *, classes: tuple[str, ...], n: int, effect: float, repeats: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.classes, self.repeats = classes, repeats
        n_features = N_REGIONS * (N_REGIONS - 1) // 2
        codes = rng.permutation(np.arange(n) % len(classes)) if classes else rng.normal(size=n)
        self.target = codes.astype(float) if classes else 30 + 10 * codes
        self.features = rng.normal(size=(n, n_features))
        self.features[:, 0] += effect * codes
        if len(classes) > 2:
            self.features[:, 1] += effect * (codes == 1)
        self.nuisance = rng.normal(size=(n, 2)) + 0.2 * codes[:, None]
        self.site = tuple(np.array(SITES)[rng.integers(0, 3, n)])
        self.ids = tuple(f"{i:04d}" for i in range(n))

    def folds(self, design: str) -> tuple[Fold, ...]:
        if design == "leave-site-out":
            splits = [(0, list(LeaveOneGroupOut().split(self.features, groups=self.site)))]
        else:
            kind = StratifiedKFold if self.classes else KFold
            splits = [
                (r, list(kind(5, shuffle=True, random_state=r).split(self.features, self.target)))
                for r in range(self.repeats)
            ]
        return tuple(
            Fold(
                design=design,
                repeat=repeat,
                fold=i,
                name=self.site[test[0]] if design == "leave-site-out" else f"fold {i + 1}",
                train=train,
                test=test,
                inner=np.arange(len(train)) % 3,
            )
            for repeat, pairs in splits
            for i, (train, test) in enumerate(pairs)
        )

    def estimator(self, model: str):
        if model == "majority":
            return DummyRegressor()
        if self.classes:
            return LogisticRegression(C=0.1)
        return Ridge(100.0) if model != "nuisance" else LinearRegression()

    def cross_validate(self, model: str, design: str) -> CVResult:
        columns = {"biomarker": self.features, "nuisance": self.nuisance}.get(
            model, np.column_stack([self.nuisance, self.features])
        )
        folds = self.folds(design)
        repeats = 1 + max(fold.repeat for fold in folds)
        outputs = len(self.classes) if len(self.classes) > 2 else 1
        scores = np.full((repeats, len(self.target), outputs), np.nan)
        predictions = np.full(scores.shape[:2], np.nan)
        metrics: dict[str, list[float]] = {}
        for fold in folds:
            fitted = self.estimator(model).fit(columns[fold.train], self.target[fold.train])
            predicted = fitted.predict(columns[fold.test])
            decision = fitted.decision_function(columns[fold.test]) if self.classes else predicted
            scores[fold.repeat, fold.test] = decision.reshape(len(fold.test), -1)
            predictions[fold.repeat, fold.test] = predicted
            for name, value in self.metrics(self.target[fold.test], decision, predicted).items():
                metrics.setdefault(name, []).append(value)
        return CVResult(
            estimator="logistic" if self.classes else "ridge",
            model=model,
            design=design,
            scores=scores,
            predictions=predictions,
            probabilities=None,
            fold_metrics={name: np.array(values) for name, values in metrics.items()},
        )

    def metrics(self, truth, decision, predicted) -> dict[str, float]:
        if not self.classes:
            return {"r2": r2_score(truth, predicted), "mae": float(np.abs(truth - predicted).mean())}
        if len(self.classes) == 2:
            auc = roc_auc_score(truth, decision)
        else:
            auc = np.mean([roc_auc_score(truth == c, decision[:, c]) for c in range(len(self.classes))])
        return {"roc_auc": float(auc), "balanced_accuracy": float(balanced_accuracy_score(truth, predicted))}


def _rows(cvs: list[CVResult], n: int) -> list[PerformanceRow]:
    by_key = {(cv.model, cv.design): cv for cv in cvs}
    rows = []
    for cv in cvs:
        for metric, values in cv.fold_metrics.items():
            rows.append(_row(cv, cv.model, metric, values, n))
    for (model, design), cv in by_key.items():
        if model == "nuisance":
            for pair in DIFFERENCES:
                other = by_key[(pair.split(" - ")[0], design)]
                for metric, values in cv.fold_metrics.items():
                    rows.append(_row(cv, pair, metric, other.fold_metrics[metric] - values, n))
    return rows


def _row(cv: CVResult, model: str, metric: str, values: np.ndarray, n: int) -> PerformanceRow:
    mean, half = float(values.mean()), float(2 * values.std(ddof=1) * np.sqrt(1 / len(values) + 0.25))
    difference = " - " in model
    return PerformanceRow(
        estimator=cv.estimator,
        model=model,
        design=cv.design,
        metric=metric,
        estimate=mean,
        low=mean - half,
        high=mean + half,
        interval="Nadeau-Bengio",
        p=(0.001 if abs(mean) > half else 0.4) if difference else float("nan"),
        p_method="Nadeau-Bengio corrected t" if difference else "",
        n=n,
    )


def make_result(
    *,
    classes: tuple[str, ...] = ("control", "patient"),
    n: int = 150,
    effect: float = 0.9,
    repeats: int = 2,
    nuisance: bool = True,
    sites: bool = True,
    nulls: bool = True,
    weights: bool = True,
    seed: int = 1,
) -> Result:
    """Simulate a whole group result."""
    data = Simulation(classes=classes, n=n, effect=effect, repeats=repeats, seed=seed)
    spec = _spec(classes, nuisance=nuisance, sites=sites)
    designs = ("stratified", "leave-site-out") if sites else ("stratified",)
    models = ("biomarker", "nuisance", "nuisance+biomarker") if nuisance else ("biomarker",)
    cvs = [data.cross_validate(model, design) for design in designs for model in models]
    observed = float(cvs[0].fold_metrics[spec.primary_metric][:5].mean())
    regions = tuple(f"region {i}" for i in range(N_REGIONS))
    names = tuple(f"{regions[i]}--{regions[j]}" for i, j in zip(*np.triu_indices(N_REGIONS, 1), strict=True))
    table = pd.DataFrame(
        {
            "participant_id": data.ids,
            "age": 30 + 5 * data.nuisance[:, 0],
            "mean_fd": np.abs(data.nuisance[:, 1]) / 10,
            "sex": ["f" if i % 3 else "m" for i in range(n)],
            "site": data.site,
            "birth_date": ["1990-01-01"] * n,
        }
    )
    result = Result(
        analysis=spec.name,
        task="classification" if classes else "regression",
        primary_metric=spec.primary_metric,
        spec=spec.model_dump(mode="json"),
        cohort=Cohort(
            table=table,
            target=data.target,
            classes=classes,
            positive=classes[-1] if classes else "",
            unit=data.ids,
            site=data.site if sites else (),
            nuisance=data.nuisance if nuisance else np.empty((n, 0)),
            nuisance_names=("age", "mean_fd") if nuisance else (),
            nuisance_source=("age", "mean_fd") if nuisance else (),
            attrition=_attrition(classes),
            considered=n + 9,
        ),
        blocks=(
            FeatureBlock("connectome", "connectome", "correlation", "edges", 0, len(names), regions, "dosenbach2010"),
        ),
        folds=tuple(fold for design in designs for fold in data.folds(design)),
        cv=tuple(cvs),
        nulls=(_null(cvs[0], spec.primary_metric, observed),) if nulls else (),
        performance=tuple(_rows(cvs, n)),
        weights=(_weights(data, names),) if weights else (),
        atlases=(Atlas("dosenbach2010", "MNI152", regions, _places(), reference="Dosenbach 2010, Science"),),
        provenance=_provenance(),
    )
    folds = [fold for fold in result.folds if fold.design == result.cv[0].design]
    known = judge_subgroups(result.cv[0], folds, result.cohort, spec=spec, seed=seed)
    left_out = judge_left_out(result.cv, result.folds, result.cohort, spec=spec, seed=seed)
    return replace(
        result, ranking=rank_curves(result.cv, result.folds, result.cohort, seed=seed), subgroups=(*known, *left_out)
    )


def _places() -> np.ndarray:
    """Region centres on two rings in the brain, mm."""
    turn = np.linspace(0, 2 * np.pi, N_REGIONS, endpoint=False)
    return np.column_stack([40 * np.cos(turn), 50 * np.sin(turn) - 18, np.where(np.arange(N_REGIONS) % 2, 0, 40)])


def _attrition(classes: tuple[str, ...]) -> tuple[Attrition, ...]:
    first, last = (classes[0], classes[-1]) if classes else ("n/a", "n/a")
    motion = [Attrition(f"m{i}", "quality control", "3.1 of 4 minutes kept", first) for i in range(6)]
    late = [Attrition(f"t{i}", "include", "age >= 18 does not hold", last) for i in range(2)]
    return (*motion, *late, Attrition("u1", "target", "diagnosis is missing", "n/a"))


def _null(cv: CVResult, metric: str, observed: float) -> PermutationNull:
    chance = {"roc_auc": 0.5, "r2": -0.2}[metric]
    draws = np.random.default_rng(3).normal(chance, 0.04, 200)
    p = (1 + int((draws >= observed).sum())) / 201
    return PermutationNull(
        estimator=cv.estimator,
        design=cv.design,
        metric=metric,
        aggregate="fold mean",
        observed=observed,
        null=draws,
        scheme="labels shuffled within site and test fold",
        seed=7,
        p=p,
        p_floor=1 / 201,
    )


def _weights(data: Simulation, names: tuple[str, ...]) -> Weights:
    outputs = data.classes if len(data.classes) > 2 else (data.classes[-1:] if data.classes else ("age_at_scan",))
    fitted = data.estimator("biomarker").fit(data.features, data.target)
    weight = np.atleast_2d(fitted.coef_).T.reshape(len(names), -1)
    pattern = weight.copy()
    pattern[5] = np.nan
    return Weights(
        estimator="logistic" if data.classes else "ridge",
        names=names,
        weight=weight,
        pattern=pattern,
        stability=np.clip(0.5 + np.abs(weight), 0.5, 1.0),
        outputs=outputs,
    )


def make_participant(*, n_regions: int = 20, motion: bool = True, layout: str = "edges") -> ParticipantResult:
    """Simulate the result of one participant with a BOLD scan, or with a ready-made matrix."""
    rng = np.random.default_rng(5)
    regions = tuple(f"region {i}" for i in range(n_regions))
    signals = rng.normal(size=(200, n_regions)) + rng.normal(size=(200, 1))
    matrix = np.cov(signals.T) if layout == "covariance" else np.arctanh(0.99 * np.corrcoef(signals.T))
    values = matrix[np.triu_indices(n_regions, 0 if layout == "covariance" else 1)]
    rows, columns = np.triu_indices(n_regions, 0 if layout == "covariance" else 1)
    values[(rows == 3) | (columns == 3)] = np.nan
    fd = np.concatenate([[np.nan], rng.gamma(2, 0.08, 199)])
    censored = np.nan_to_num(fd) > 0.5
    coverage = np.ones(n_regions)
    coverage[3] = 0.2
    qc = ScanQC(
        participant_id="0001",
        label="sub-0001 task-rest",
        tr_s=2.0,
        n_volumes=200,
        n_volumes_kept=int((~censored).sum()),
        minutes_kept=float((~censored).sum() * 2 / 60),
        mean_fd_mm=float(np.nanmean(fd)) if motion else float("nan"),
        max_fd_mm=float(np.nanmax(fd)) if motion else float("nan"),
        fd_mm=fd if motion else np.empty(0),
        dvars=rng.normal(20, 2, 200) if motion else np.empty(0),
        censored=censored if motion else np.empty(0, dtype=bool),
        confound_columns=("trans_x", "rot_x") if motion else (),
        region_coverage=coverage if motion else np.empty(0),
    )
    edges = tuple(f"{regions[i]}--{regions[j]}" for i, j in zip(rows, columns, strict=True))
    return ParticipantResult(
        participant_id="0001",
        analysis="simulated",
        scans=(
            Scan(
                "0001",
                "bold" if motion else "relmat",
                Path("/data/secret/sub-0001_task-rest_desc-preproc_bold.nii.gz"),
                derivative="fmriprep",
                entities={"task": "rest"},
                tr_s=2.0,
            ),
        ),
        qc=(qc,),
        features=(
            FeatureVector(
                block="connectome",
                kind="connectome",
                measure="tangent" if layout == "covariance" else "correlation",
                names=edges,
                values=values,
                layout=layout,
                nodes=regions,
                missing={"region 3": "20 % of it lies inside the brain mask"},
                atlas="dosenbach2010",
            ),
        ),
        verdict="review",
        reasons=("4.5 % of the volumes were left out", "one region is missing"),
        denoise={
            "strategy": "36p",
            "columns": [],
            "high_pass_hz": 0.008,
            "low_pass_hz": 0.08,
            "fd_censor_mm": 0.5,
            "min_minutes": 4.0,
        },
        provenance=_provenance(),
    )


def make_raw_participant() -> ParticipantResult:
    """Simulate the result of one participant whose raw images were preprocessed here."""
    rng = np.random.default_rng(6)
    rows, columns = np.mgrid[:60, :80]
    brain = (rows - 30) ** 2 + (columns - 40) ** 2 < 600
    white = (rows - 30) ** 2 + (columns - 40) ** 2 < 200
    grey = np.where(brain, 100 + 100 * white, 20).astype(np.uint8)
    anatomy = AnatomyView(
        "sub-0001", grey, brain, brain & ~white, white, {"brain": 1400.0, "gray matter": 650.0, "white matter": 480.0},
    )  # fmt: skip
    alignment = AlignmentView(
        "sub-0001 task-rest", "BOLD reference", "T1w", grey[::-1], grey, brain, {"Mutual information": 1.2}, ("note",)
    )
    motion = np.cumsum(rng.normal(0, 0.01, (40, 6)), axis=0)
    run = FunctionalQC(
        "0001", "sub-0001 task-rest", 2.0, 40, 2, 7, True, "T1w", 1.05, 1.21, 0.97, 54.0, motion,
        np.append(np.nan, rng.random(39)), np.append(np.nan, rng.random(39)), slice_time_s=0.95,
        carpet=rng.normal(size=(30, 40)).astype(np.float32), carpet_tissues=np.repeat([0, 1, 2], 10).astype(np.int8),
        warnings=("3 values of the raw run are not finite numbers",),
    )  # fmt: skip
    return replace(make_participant(), anatomy=(anatomy,), alignment=(alignment,), functional=(run,))


def assert_each_cited(sentences: Iterable[Sentence]) -> None:
    """Check that a sentence names its own sources, and nobody else."""
    for sentence in sentences:
        years = re.findall(r", ((?:19|20)\d\d)\b", sentence.text)
        assert len(years) == len(sentence.sources), sentence
        for source in sentence.sources:
            author, year = source.text.split()[0].strip(","), re.search(r" (\d{4})\. ", source.text)[1]
            named = rf"{author}(?: et al\.| & \w+)?, (?:[^();]* )?{year}"
            assert re.search(named, sentence.text), (source, sentence)


@pytest.fixture(scope="session")
def each_cited() -> Callable[[Iterable[Sentence]], None]:
    """Check the citations of sentences."""
    return assert_each_cited


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Result]:
    """Make group results."""
    return make_result


@pytest.fixture(scope="session")
def simulate_participant() -> Callable[..., ParticipantResult]:
    """Make participant results."""
    return make_participant


@pytest.fixture(scope="session")
def raw_participant() -> ParticipantResult:
    return make_raw_participant()


@pytest.fixture(scope="session")
def binary() -> Result:
    return make_result()


@pytest.fixture(scope="session")
def three_classes() -> Result:
    return make_result(classes=("ADHD", "control", "SCHZ"), n=180, effect=1.0, repeats=1)


@pytest.fixture(scope="session")
def regression() -> Result:
    return make_result(classes=(), n=160, effect=1.2, repeats=2)


@pytest.fixture(scope="session")
def bare(binary: Result) -> Result:
    """No site, no confounds, no permutation test, no weights, nobody lost."""
    made = make_result(nuisance=False, sites=False, nulls=False, weights=False)
    return replace(made, cohort=replace(made.cohort, attrition=(), considered=len(made.cohort.target)))
