"""Apply a frozen biomarker to another dataset: assemble its people, predict and judge, publish."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bidsml.bids.modelfiles import read_model
from bidsml.bids.store import read_record, write_atomic, write_json, write_record, write_table
from bidsml.bids.tables import read_columns
from bidsml.errors import AnalysisFileError, DataError, MissingInputError
from bidsml.learn.external import judge_newcomers
from bidsml.learn.matching import match_features
from bidsml.learn.newcomers import choose_newcomers, lay_out
from bidsml.learn.overlap import find_overlap, refuse_overlap
from bidsml.records import ExternalResult, FloatArray, ModelCard, Newcomers, Provenance
from bidsml.spec import FEATURE_SECTIONS, AnalysisSpec, column_name, features_digest, read_spec
from bidsml.steps.assembly import has_own_names, load_features, load_people
from bidsml.steps.pages import publish_external_page


def assemble_newcomers(
    model: Path,
    analysis: Path,
    output: str,
    bids_dir: str,
    derivatives: str,
    participants: str,
    failed: str,
    dataset: str,
    *,
    out_dir: Path,
) -> Path:
    """Bring another dataset's people into the form that a frozen biomarker takes.

    Parameters
    ----------
    model
        ``model.json`` of the model's folder: it holds the digests of all that the model is.
    dataset
        Name of this dataset, which makes a participant's label unique.

    Returns
    -------
    Path
        Record of the :class:`~bidsml.records.Newcomers`.

    Raises
    ------
    DataError
        The features were made in another way, or the model was trained on some of the people.
    """
    spec = read_spec(analysis)
    card = read_model(model.parent)[0].card
    check_features(card, spec)
    people = load_people(
        spec.name,
        output=Path(output),
        bids_dir=Path(bids_dir),
        participants=json.loads(participants),
        failed=json.loads(failed),
    )
    folders = {name: Path(folder) for name, folder in json.loads(derivatives).items()}
    table, notes = read_external_columns(people.table, card, spec, bids_dir=Path(bids_dir), derivatives=folders)
    rows, left = choose_newcomers(table, spec, available=people.available, failed=people.reasons)
    features = load_features(rows["participant_id"].tolist(), spec, output=Path(output))
    features, differences = match_features(features, card, own_names=list(map(has_own_names, spec.features)))
    newcomers = lay_out(rows, features, card, spec, left=left)
    found = find_overlap(card.people, features.participant_id, features.values, dataset=dataset)
    refuse_overlap(found)
    if found.same_label:
        notes.append(
            f"{len(found.same_label)} people bear a label that training used too, in a dataset of another name, and "
            "their features differ: taken for other people. If the datasets overlap, the figures are too good."
        )
    return write_record(out_dir / "newcomers.npz", replace(newcomers, notes=(*newcomers.notes, *differences, *notes)))


def check_features(card: ModelCard, spec: AnalysisSpec) -> None:
    """Check that the analysis makes its features as the model's own did.

    A key that the model's bidsml did not have yet has its default there.

    Raises
    ------
    DataError
        Names the settings that differ.
    """
    if card.features_digest == features_digest(spec):
        return
    own = spec.model_dump(mode="json", include=set(FEATURE_SECTIONS))
    different = _differences(_filled_in(card.features, spec), own)
    if [block.name for block in card.blocks] != list(spec.block_names):
        different.append("the names of the feature blocks")
    if not different and set(card.features) == set(own):
        return
    different = different or ["preprocess, task, or a key that one version of bidsml does not have"]
    raise DataError(
        f"the model's features were made with other settings than those of analysis {spec.name}: "
        + "; ".join(different[:5]),
        hint="run the participant level with the settings of the model (model.json, 'features'), then apply it",
    )


def _filled_in(model: Mapping[str, Any], spec: AnalysisSpec) -> Mapping[str, Any]:
    """Give a model's settings the defaults of newer keys; as they are where they are no settings any more."""
    try:
        filled = AnalysisSpec.model_validate_json(json.dumps({**spec.model_dump(mode="json"), **model}))
    except ValueError:
        return model
    return filled.model_dump(mode="json", include=set(model))


def _differences(model: Any, here: Any, place: str = "") -> list[str]:
    """Say where two settings differ, as ``denoise.strategy is '36p' in the model, 'none' here``."""
    if isinstance(model, Mapping) and isinstance(here, Mapping):
        # Older models do not tell all sections.
        keys = sorted({*model, *here} if place else model)
        return [
            line for key in keys for line in _differences(model.get(key), here.get(key), f"{place}.{key}".strip("."))
        ]
    if isinstance(model, (list, tuple)) and isinstance(here, (list, tuple)) and len(model) == len(here):
        pairs = enumerate(zip(model, here, strict=True))
        return [line for number, (one, other) in pairs for line in _differences(one, other, f"{place}.{number}")]
    return [] if model == here else [f"{place} is {model!r} in the model, {here!r} here"]


def read_external_columns(
    table: pd.DataFrame, card: ModelCard, spec: AnalysisSpec, *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> tuple[pd.DataFrame, list[str]]:
    """Join what the model needs, which must be there, and target, unit and site, which need not.

    Returns
    -------
    table
        With the columns joined.
    notes
        Which optional columns are not there.
    """
    normative = spec.normative.columns if spec.normative else ()
    named = {column_name(one): one for one in (*spec.nuisance.baseline, *spec.nuisance.preserve, *normative)}
    norm = card.normative.columns if card.normative else ()
    sources = dict.fromkeys(column.source for column in (*card.nuisance, *card.preserved, *norm))
    needed = [*(named.get(source, source) for source in sources), *spec.cohort.columns]
    table = read_columns(dict.fromkeys(needed), table, bids_dir=bids_dir, derivatives=derivatives)
    notes = []
    for reference in dict.fromkeys((spec.target.column, spec.cohort.group, spec.cohort.site)):
        if not reference or column_name(reference) in table:
            continue
        try:
            table = read_columns([reference], table, bids_dir=bids_dir, derivatives=derivatives)
        except (AnalysisFileError, MissingInputError) as error:
            notes.append(f"Gone on without {column_name(reference)!r}: {error.message}.")
    return table, notes


def apply_model(newcomers: Path, model: Path, analysis: Path, provenance: Path, seed: int, *, out_dir: Path) -> Path:
    """Predict and judge. Returns the record of an :class:`~bidsml.records.ExternalResult`."""
    frozen, digest = read_model(model.parent)
    result = judge_newcomers(
        frozen,
        read_record(Newcomers, newcomers),
        analysis=read_spec(analysis).name,
        digest=digest,
        provenance=read_record(Provenance, provenance),
        seed=seed,
    )
    return write_record(out_dir / "external.npz", result)


def publish_external(result: Path, analysis_toml: Path, run: Path, output: str, *, out_dir: Path) -> Path:
    """Write ``group/<analysis>/external/`` and ``group-<analysis>_desc-external.html``.

    Returns
    -------
    Path
        Receipt in the node's folder.
    """
    content = read_record(ExternalResult, result)
    out = Path(output)
    folder = out / "group" / content.analysis / "external"
    write_atomic(folder / "analysis.toml", analysis_toml.read_bytes())
    write_atomic(folder / "run.json", run.read_bytes())
    write_table(folder / "predictions.tsv", predictions_table(content))
    write_json(folder / "predictions.json", _PREDICTIONS)
    write_table(folder / "performance.tsv", pd.DataFrame([vars(row) for row in content.performance]))
    write_json(folder / "performance.json", _PERFORMANCE)
    if content.z is not None:
        write_table(folder / "zscores.tsv", zscores_table(content, content.z))
        write_json(folder / "zscores.json", _ZSCORES)
    *_, report = publish_external_page(out, content)
    return write_json(out_dir / "receipt.json", {"report": report.name})


def zscores_table(result: ExternalResult, z: FloatArray) -> pd.DataFrame:
    """Normative scores of everyone, by the model's norm: one row per participant, a column per feature."""
    who = {
        "participant_id": [f"sub-{label}" for label in result.people.table["participant_id"]],
        "site": result.people.table["site"].tolist(),
    }
    scored = pd.DataFrame(np.round(z, 4), columns=list(result.card.names))
    return pd.concat([pd.DataFrame(who), scored], axis=1)


_ZSCORES: dict[str, Any] = {
    "all other columns": {
        "Description": "z of that feature: (value - expected) / predictive standard deviation, by the norm of the "
        "model's training data; n/a where value, covariate or norm is missing",
    },
}


_PREDICTIONS: dict[str, Any] = {
    "observed": {"Description": "The target as it is in this dataset"},
    "predicted": {"Description": "What the frozen model says, under the names of its training data"},
    "score": {"Description": "Decision value of the positive class, or the predicted outcome"},
    "recalibrated": {
        "Description": "Probability of the positive class, or outcome, after recalibration on this dataset's own "
        "labels: beside the frozen model's prediction, never instead of it"
    },
}


_PERFORMANCE: dict[str, Any] = {
    "model": {
        "Description": "What is judged",
        "Levels": {
            "biomarker": "The procedure that made the model, out of fold, on its own training data",
            "frozen": "The frozen model as it is",
            "frozen, recalibrated on this data": "The frozen model after recalibration on the labels it is judged on",
        },
    },
    "design": {"Description": "On whom: internal (training data), external (all people here), or one site of these"},
    "estimate": {"Description": "Value of the metric"},
    "low": {"Description": "Lower end of the 95 % interval"},
    "high": {"Description": "Upper end of the 95 % interval"},
    "interval": {"Description": "How the interval was made"},
    "p": {"Description": "Probability of a value at least as good by chance; the method is in p_method"},
    "n": {"Description": "Number of participants; 0 where there are too few to say"},
}


def predictions_table(result: ExternalResult) -> pd.DataFrame:
    """One row per person, those without a label too."""
    people, card = result.people, result.card
    codes = result.predictions.tolist()
    columns: dict[str, Any] = {
        "participant_id": [f"sub-{label}" for label in people.table["participant_id"]],
        "site": people.table["site"].tolist(),
        "observed": people.table["label"].tolist(),
        "predicted": [card.classes[int(code)] for code in codes] if card.classes else codes,
    }
    names = ["score"] if result.scores.shape[1] == 1 else [f"score_{name}" for name in card.classes]
    columns |= {name: result.scores[:, index] for index, name in enumerate(names)}
    if result.probabilities is not None:
        columns |= {f"probability_{name}": result.probabilities[:, code] for code, name in enumerate(card.classes)}
    if result.recalibrated is not None:
        columns["recalibrated"] = result.recalibrated
    return pd.DataFrame(columns)
