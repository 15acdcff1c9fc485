"""First-level models of task runs: contrasts of conditions, and the response to each trial."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bidsml.errors import DataError
from bidsml.preproc.confounds import load_confounds
from bidsml.preproc.contrasts import parse_contrast
from bidsml.records import FloatArray, Scan
from bidsml.spec import DenoiseSpec, TaskSpec

if TYPE_CHECKING:
    from nilearn.glm.first_level import FirstLevelModel

logger = logging.getLogger(__name__)

# A model that leaves fewer volumes than this describes its own noise.
MIN_SPARE_VOLUMES = 10
DRIFT = {True: "cosine", False: None}


@dataclass(frozen=True, eq=False)
class TaskRun:
    """One run of a task, ready for a model.

    Attributes
    ----------
    bold
        4-D image.
    nuisance
        Regressors besides the drifts, ``(n_volumes, n_regressors)``.
    slice_time_ref
        When a volume's signal was taken, as a share of the repetition time.
    """

    bold: Path
    mask: Path | None
    events: pd.DataFrame
    nuisance: pd.DataFrame
    tr_s: float
    slice_time_ref: float = 0.0

    @property
    def conditions(self) -> tuple[str, ...]:
        """Trial types, sorted."""
        return tuple(sorted(set(self.events["trial_type"])))


@dataclass(frozen=True, eq=False)
class ContrastMaps:
    """What a contrast gives in each voxel: ``effect`` in percent signal change, and ``z``; NIfTI images."""

    effect: Any
    z: Any


def nuisance_regressors(scan: Scan, denoise: DenoiseSpec, *, n_volumes: int) -> pd.DataFrame:
    """Choose the regressors of no interest of a task model.

    Those of the analysis's denoising, except the global signal, which holds part of the response itself and shifts
    every contrast when regressed out (Aguirre et al. 1998, NeuroImage 8:302, doi:10.1006/nimg.1998.0367), unless
    ``denoise.columns`` names it. Volumes before the steady state and those that move more than
    ``denoise.fd_censor_mm`` get a regressor each, which takes them out of the fit (Siegel et al. 2014, Hum Brain
    Mapp 35:1981, doi:10.1002/hbm.22307). The model has its own drifts; its data are not low-passed.

    Returns
    -------
    DataFrame
        ``(n_volumes, n_regressors)``.

    Raises
    ------
    DataError
        The confounds have another number of rows than the image has volumes.
    """
    confounds = load_confounds(scan, denoise)
    table = confounds.table
    if not denoise.columns:
        table = table.loc[:, [name for name in table if not str(name).startswith("global_signal")]]
    table = table.loc[:, [name for name in table if not str(name).startswith(("cosine", "non_steady_state"))]]
    known = max(len(confounds.table), len(confounds.fd_mm), len(confounds.non_steady))
    if known not in (0, n_volumes):
        raise DataError(
            f"{scan.confounds} has {known} rows, {scan.path.name} has {n_volumes} volumes",
            hint="the confounds must belong to this image",
        )
    out = np.zeros(n_volumes, dtype=np.bool_)
    if len(confounds.non_steady):
        out |= confounds.non_steady
    if denoise.fd_censor_mm and len(confounds.fd_mm):
        out |= confounds.fd_mm > denoise.fd_censor_mm
    spikes = {f"volume_{volume}": np.eye(n_volumes)[volume] for volume in np.flatnonzero(out)}
    standard = table.reset_index(drop=True)
    scale = standard.std().replace(0.0, 1.0)
    return pd.concat([(standard - standard.mean()) / scale, pd.DataFrame(spikes, index=range(n_volumes))], axis=1)


def fit_contrasts(runs: Sequence[TaskRun], task: TaskSpec) -> dict[str, ContrastMaps]:
    """Fit a first-level model to a participant's runs, and combine them as fixed effects.

    nilearn's ``FirstLevelModel``: signal in percent of each voxel's mean, smoothing, canonical response, cosine
    drifts, AR(1) noise. A run without one of a contrast's conditions does not count for that contrast.

    Returns
    -------
    dict
        Maps by the names of ``task.contrasts``.

    Raises
    ------
    AnalysisFileError
        A contrast names what is no trial type in any run, or is no weighted sum.
    DataError
        No run has all conditions of a contrast, the runs' repetition times differ, or too few volumes are left.
    """
    known = sorted({condition for run in runs for condition in run.conditions})
    weights = {name: parse_contrast(expression, known) for name, expression in task.contrasts.items()}
    model = _fit(runs, task)
    return {name: _compute(model, runs, name, wanted) for name, wanted in weights.items()}


def _fit(runs: Sequence[TaskRun], task: TaskSpec) -> "FirstLevelModel":
    from nilearn.glm.first_level import FirstLevelModel

    first = runs[0]
    if any(abs(run.tr_s - first.tr_s) > 1e-6 for run in runs):
        found = ", ".join(f"{run.tr_s:g} s" for run in runs)
        raise DataError(
            f"{first.bold}: the runs of the task have repetition times {found}", hint="choose runs with input.task"
        )
    model = FirstLevelModel(
        t_r=first.tr_s,
        mask_img=first.mask if first.mask is not None else None,
        smoothing_fwhm=task.smoothing_fwhm_mm or None,
        signal_scaling=0,
        noise_model="ar1",
        minimize_memory=True,
    )
    designs = [design_matrix(run, task) for run in runs]
    with warnings.catch_warnings():
        # nilearn says which of its arguments have no effect beside ready design matrices and a given mask.
        warnings.filterwarnings("ignore", message=".*Given mask will be used.*")
        warnings.filterwarnings("ignore", message=".*design matrices are supplied.*")
        warnings.filterwarnings("ignore", message=".*mean values? of 0.*")
        model.fit([str(run.bold) for run in runs], design_matrices=designs)
    return model


def design_matrix(run: TaskRun, task: TaskSpec) -> pd.DataFrame:
    """Regressors of one run: a response per condition, drifts, nuisance and a constant.

    Raises
    ------
    DataError
        Fewer than 10 volumes would be left over.
    """
    events = run.events.assign(trial_type=[_column(name) for name in run.events["trial_type"]])
    design = _design(events, run, task)
    spare = len(design) - np.linalg.matrix_rank(design.to_numpy())
    if spare < MIN_SPARE_VOLUMES:
        raise DataError(
            f"{run.bold}: the task model has {design.shape[1]} regressors for {len(design)} volumes",
            hint="choose fewer confounds with denoise.strategy, or raise denoise.fd_censor_mm",
        )
    return design


def _design(events: pd.DataFrame, run: TaskRun, task: TaskSpec) -> pd.DataFrame:
    from nilearn.glm.first_level import make_first_level_design_matrix

    times_s = (np.arange(len(run.nuisance)) + run.slice_time_ref) * run.tr_s
    nuisance = run.nuisance
    with warnings.catch_warnings():
        # Events of one kind that share an onset are added up, as they should be.
        warnings.filterwarnings("ignore", message=".*[Dd]uplicated events.*")
        warnings.filterwarnings("ignore", message=".*null duration.*")
        return make_first_level_design_matrix(
            times_s,
            events,
            hrf_model=task.hrf,
            drift_model=DRIFT[task.high_pass_hz > 0],
            high_pass=task.high_pass_hz,
            add_regs=nuisance.to_numpy() if nuisance.shape[1] else None,
            add_reg_names=[f"nuisance_{name}" for name in nuisance] if nuisance.shape[1] else None,
        )


def _column(condition: str) -> str:
    """Name of a condition's regressor: apart from those of drifts and nuisance, whatever it is called."""
    return f"condition {condition}"


def _compute(
    model: "FirstLevelModel", runs: Sequence[TaskRun], name: str, weights: Mapping[str, float]
) -> ContrastMaps:
    vectors = []
    for run, design in zip(runs, model.design_matrices_, strict=True):
        vector = np.zeros(design.shape[1])
        if set(weights) <= set(run.conditions):
            for condition, weight in weights.items():
                vector[list(design.columns).index(_column(condition))] = weight
        vectors.append(vector)
    if not any(vector.any() for vector in vectors):
        raise DataError(
            f"{runs[0].bold}: no run has all of {', '.join(weights)}, which contrast {name!r} compares",
            hint="look at trial_type in events.tsv, or leave the contrast out",
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Cc]ontrast for run.*")
        warnings.filterwarnings("ignore", message=".*one contrast given.*")
        maps = model.compute_contrast(vectors, stat_type="t", output_type="all")
    return ContrastMaps(effect=maps["effect_size"], z=maps["z_score"])


def single_trial_betas(signals: FloatArray, run: TaskRun, task: TaskSpec) -> FloatArray:
    """Estimate the response to every single trial.

    ``lsa`` (least squares, all): one model with a regressor per trial. ``lss`` (least squares, separate): one model
    per trial, with the other trials of its type in one regressor and each other type in another; steadier where
    trials follow each other closely (Mumford et al. 2012, NeuroImage 59:2636,
    doi:10.1016/j.neuroimage.2011.08.076). Ordinary least squares.

    Parameters
    ----------
    signals
        ``(n_volumes, n_regions)``, of one run, in percent; a region that is NaN stays so.

    Returns
    -------
    ndarray
        ``(n_trials, n_regions)``, in the order of ``run.events``.

    Raises
    ------
    DataError
        Too many trials for the volumes there are.
    """
    trials = [f"trial {number}" for number in range(len(run.events))]
    if task.single_trial == "lsa":
        design = _design(run.events.assign(trial_type=trials), run, task)
        spare = len(design) - design.shape[1]
        if spare < MIN_SPARE_VOLUMES:
            raise DataError(
                f"{run.bold}: {len(trials)} trials leave {spare} of {len(design)} volumes for a model of all of them",
                hint='set task.single_trial = "lss"',
            )
        return _solve(design, signals, trials)
    others = [_column(name) for name in run.events["trial_type"]]
    rows = []
    for number, trial in enumerate(trials):
        kinds = [trial if other == number else name for other, name in enumerate(others)]
        rows.append(_solve(_design(run.events.assign(trial_type=kinds), run, task), signals, [trial])[0])
    return np.stack(rows)


def _solve(design: pd.DataFrame, signals: FloatArray, columns: list[str]) -> FloatArray:
    """Coefficients of some regressors, ``(len(columns), n_regions)``."""
    known = np.isfinite(signals).all(axis=0)
    coefficients, *_ = np.linalg.lstsq(design.to_numpy(), signals[:, known], rcond=None)
    found = np.full((len(columns), signals.shape[1]), np.nan)
    places = [list(design.columns).index(name) for name in columns]
    found[:, known] = coefficients[places]
    return found
