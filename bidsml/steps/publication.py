"""Publish the group result: every table of ``group/<analysis>/``, the figures and the report."""

import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bidsml.bids.modelfiles import write_model
from bidsml.bids.store import read_record, sha256_file, write_atomic, write_json, write_table
from bidsml.records import Cohort, Fold, Freezing, PermutationNull, Result
from bidsml.report.lookup import read_study
from bidsml.report.model_card import render_model_card
from bidsml.steps.columns import describe_columns
from bidsml.steps.maps import paint_maps, write_maps
from bidsml.steps.pages import publish_group_page
from bidsml.steps.tables import evaluation_tables
from bidsml.steps.words import add_words, publish_words


def publish_group(
    result: Path, frozen: Path, analysis_toml: Path, study_toml: Path, run: Path, output: str, *, out_dir: Path
) -> Path:
    """Write ``group/<analysis>/`` and ``group-<analysis>.html``.

    Parameters
    ----------
    result
        Record of the :class:`~bidsml.records.Result`.
    frozen
        Record of the :class:`~bidsml.records.Freezing`.
    analysis_toml
        The effective analysis, reloadable.
    study_toml
        What the authors told of the study; may be empty.
    run
        ``run.json``: the command and its circumstances.

    Returns
    -------
    Path
        Receipt in the node's folder: files and digests.
    """
    freezing = read_record(Freezing, frozen)
    content = add_words(read_record(Result, result), study_toml=study_toml, freezing=freezing)
    content = replace(content, maps=paint_maps(content))
    out = Path(output)
    folder = out / "group" / content.analysis
    written = [
        write_atomic(folder / "analysis.toml", analysis_toml.read_bytes()),
        write_atomic(folder / "run.json", run.read_bytes()),
        write_table(out / "phenotype" / f"{content.analysis}.tsv", phenotype_table(content)),
        write_json(out / "phenotype" / f"{content.analysis}.json", _PHENOTYPE_COLUMNS),
    ]
    if content.nulls:
        written.append(_write_permutations(folder / "permutations.npz", content.nulls))
    for name, (table, description) in (_tables(content) | evaluation_tables(content)).items():
        written.append(write_table(folder / f"{name}.tsv", table))
        written.append(write_json(folder / f"{name}.json", describe_columns(table, description)))
    written += write_maps(folder, content.maps)
    written += publish_words(folder, content, study_toml=study_toml)
    written += _write_model(folder / "model", freezing, content)
    written.append(_write_participants(out, content.cohort))
    written += publish_group_page(out, content)
    # run.json tells time and place: files.json must be the same wherever the analysis is repeated.
    files = {p.relative_to(out).as_posix(): sha256_file(p) for p in sorted(written) if p.name != "run.json"}
    write_json(folder / "files.json", {"files": files})
    return write_json(out_dir / "receipt.json", {"files": files})


def _tables(result: Result) -> dict[str, tuple[pd.DataFrame, Mapping[str, Any]]]:
    """Make the tables that every result has: file stem, content, and what its own columns mean."""
    return {
        "cohort": (cohort_table(result.cohort), {}),
        "folds": (folds_table(result.folds, result.cohort), {}),
        "predictions": (predictions_table(result), {}),
        "performance": (pd.DataFrame([vars(row) for row in result.performance]), _PERFORMANCE_COLUMNS),
        "leakage": (leakage_table(result), _LEAKAGE_COLUMNS),
    }


_PERFORMANCE_COLUMNS: dict[str, Any] = {
    "model": {"Description": "biomarker, a baseline on the same folds, or a paired difference (A - B)"},
    "estimate": {"Description": "Out-of-fold value of the metric, aggregated as the note says"},
    "p": {"Description": "Probability of a value at least as good by chance; the method is in p_method"},
    "p_floor": {"Description": "Smallest p that the number of draws can show: 1 / (1 + draws)"},
}

_LEAKAGE_COLUMNS: dict[str, Any] = {
    "check": {"Description": "Item of the leakage audit; what it refuses stops the analysis before anything is learnt"},
    "status": {
        "Description": "What came of it",
        "Levels": {
            "passed": "Looked for and not found",
            "warned": "Found; the advice says what to do",
            "not checked": "Could not be checked; the evidence says why",
        },
    },
    "evidence": {"Description": "What was looked at, and the figures"},
    "advice": {"Description": "What to do about it"},
    "severity": {
        "Description": "How much it matters",
        "Levels": {
            "none": "Nothing was found",
            "note": "Worth knowing",
            "caution": "Must stand beside the result",
            "alarm": "Could explain a good prediction on its own",
        },
    },
}

_PHENOTYPE_COLUMNS: dict[str, Any] = {
    "participant_id": {"Description": "Participant"},
    "observed": {"Description": "The target as it is in the dataset"},
    "predicted": {"Description": "Out-of-fold prediction, first repeat"},
    "score": {"Description": "Out-of-fold decision value or predicted outcome, mean over repeats"},
}


def cohort_table(cohort: Cohort) -> pd.DataFrame:
    """Who is in, and who left at which gate and why: one row each."""
    inside = pd.DataFrame(
        {
            "participant_id": [f"sub-{label}" for label in cohort.participant_id],
            "included": "yes",
            "gate": None,
            "reason": None,
            "label": _labels(cohort, cohort.target),
        }
    )
    left = pd.DataFrame(
        {
            "participant_id": [f"sub-{one.participant_id}" for one in cohort.attrition],
            "included": "no",
            "gate": [one.gate for one in cohort.attrition],
            "reason": [one.reason for one in cohort.attrition],
            "label": [one.label for one in cohort.attrition],
        }
    )
    table = pd.concat([inside, left]) if len(left) else inside
    return table.sort_values("participant_id", kind="stable")


def leakage_table(result: Result) -> pd.DataFrame:
    """Every item of the leakage audit, those that found nothing too: one row each, in the order of the audit."""
    names = ("check", "status", "evidence", "advice", "severity")
    rows = [[getattr(check, name) or None for name in names] for check in result.leakage]
    return pd.DataFrame(rows, columns=list(names), dtype=object)


def _labels(cohort: Cohort, codes: np.ndarray) -> list[Any]:
    """Class codes as class names; a regression's numbers as they are; ``None`` where missing."""
    if not cohort.classes:
        return [None if np.isnan(value) else value for value in codes.tolist()]
    return [None if np.isnan(code) else cohort.classes[int(code)] for code in codes.tolist()]


def folds_table(folds: Iterable[Fold], cohort: Cohort) -> pd.DataFrame:
    """One row per participant, repeat and fold: ``train`` (with its inner fold) or ``test``."""
    labels = np.array([f"sub-{label}" for label in cohort.participant_id])
    parts = []
    for fold in folds:
        rows = np.concatenate([fold.train, fold.test])
        parts.append(
            pd.DataFrame(
                {
                    "participant_id": labels[rows],
                    "design": fold.design,
                    "repeat": fold.repeat,
                    "fold": fold.fold,
                    "name": fold.name,
                    "role": ["train"] * len(fold.train) + ["test"] * len(fold.test),
                    "inner_fold": [*fold.inner.tolist(), *[None] * len(fold.test)],
                }
            )
        )
    return pd.concat(parts)


def predictions_table(result: Result) -> pd.DataFrame:
    """Out-of-fold predictions of every model: one row per participant, design and repeat."""
    cohort = result.cohort
    parts = []
    for cv in result.cv:
        for repeat in range(cv.predictions.shape[0]):
            tested = np.flatnonzero(np.isfinite(cv.predictions[repeat]))
            columns: dict[str, Any] = {
                "participant_id": [f"sub-{cohort.participant_id[row]}" for row in tested],
                "estimator": cv.estimator,
                "model": cv.model,
                "design": cv.design,
                "repeat": repeat,
                "observed": _labels(cohort, cohort.target[tested]),
                "predicted": _labels(cohort, cv.predictions[repeat][tested]),
            }
            names = _output_names(cohort, cv.scores.shape[2])
            columns |= {name: cv.scores[repeat, tested, i] for i, name in enumerate(names)}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts)


def _output_names(cohort: Cohort, n_outputs: int) -> list[str]:
    return ["score"] if n_outputs == 1 else [f"score_{name}" for name in cohort.classes]


def phenotype_table(result: Result) -> pd.DataFrame:
    """First estimator's out-of-fold predictions as a BIDS phenotype table."""
    cohort, cv = result.cohort, result.cv[0]
    columns: dict[str, Any] = {
        "participant_id": [f"sub-{label}" for label in cohort.participant_id],
        "observed": _labels(cohort, cohort.target),
        "predicted": _labels(cohort, cv.predictions[0]),
    }
    tested = np.isfinite(cv.scores).any(axis=0)  # (n, n_outputs)
    total = np.where(np.isfinite(cv.scores), cv.scores, 0.0).sum(axis=0)
    count = np.isfinite(cv.scores).sum(axis=0)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=tested)
    columns |= {name: mean[:, i] for i, name in enumerate(_output_names(cohort, mean.shape[1]))}
    return pd.DataFrame(columns)


_NULL_FIELDS = (
    *("observed", "p", "p_family", "estimator", "design", "metric", "aggregate", "scheme", "seed"),
    *("engine", "exhaustive", "n_distinct", "stopped", "p_tail", "tail"),
)


def _write_permutations(path: Path, nulls: Sequence[PermutationNull]) -> Path:
    """Write the null, draw by draw: ``null`` is ``(n_tests, n_draws)``, every other array has one entry per test.

    A test that stopped early has ``n_draws`` values, then NaN.
    """
    n_draws = [null.null.size for null in nulls]
    padded = [np.pad(null.null, (0, max(n_draws) - null.null.size), constant_values=np.nan) for null in nulls]
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        null=np.stack(padded),
        n_draws=np.array(n_draws),
        **{name: np.array([getattr(null, name) for null in nulls]) for name in _NULL_FIELDS},
    )
    return write_atomic(path, buffer.getvalue())


def _write_model(folder: Path, freezing: Freezing, result: Result) -> list[Path]:
    """Write the frozen model with the headline of its analysis; remove an older one where there is none now."""
    if freezing.model is None:
        shutil.rmtree(folder, ignore_errors=True)
        return []
    card = replace(freezing.model.card, performance=vars(result.headline))
    readme = render_model_card(card, read_study(result))
    return write_model(folder, replace(freezing.model, card=card), readme=readme)


def _write_participants(out: Path, cohort: Cohort) -> Path:
    table = cohort.table.copy()
    table["participant_id"] = [f"sub-{label}" for label in cohort.participant_id]
    first = ["participant_id", *(column for column in table if column != "participant_id")]
    return write_table(out / "participants.tsv", table[first])
