"""Publish the words of a group result: the study as told, the methods text, and the reporting checklists."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bidsml.bids.store import write_atomic, write_json, write_table, write_text
from bidsml.records import Freezing, ModelCard, Result
from bidsml.report.checklist.filling import fill_checklists
from bidsml.report.citation import citation_files
from bidsml.report.group.methods import methods_text
from bidsml.spec import load_study


def add_words(result: Result, *, study_toml: Path, freezing: Freezing) -> Result:
    """Add what the authors told, the card of the frozen model, and why there is none."""
    warnings = (*result.warnings, freezing.note) if freezing.note else result.warnings
    card = _public_card(freezing.model.card, result) if freezing.model else None
    return replace(result, study=load_study(study_toml).model_dump(), model=card, warnings=warnings)


def _public_card(card: ModelCard, result: Result) -> ModelCard:
    """Leave out what tells the people of the training data: it stays with the model."""
    people = replace(card.people, salt="", in_dataset=(), labels=(), vectors=())
    return replace(card, people=people, names=(), performance=vars(result.headline))


def publish_words(folder: Path, result: Result, *, study_toml: Path) -> list[Path]:
    """Write ``study.toml`` where anything is told, ``methods.*`` and ``checklist.tsv`` into the analysis's folder."""
    written = [
        *(write_text(folder / f"methods{end}", text) for end, text in citation_files(methods_text(result)).items()),
        write_table(folder / "checklist.tsv", checklist_table(result)),
        write_json(folder / "checklist.json", _CHECKLIST_COLUMNS),
    ]
    told = folder / "study.toml"
    if study_toml.stat().st_size:
        return [*written, write_atomic(told, study_toml.read_bytes())]
    told.unlink(missing_ok=True)
    return written


def checklist_table(result: Result) -> pd.DataFrame:
    """Every item of both checklists with its status and text: one row each, in their order."""
    rows = [
        {
            "guideline": one.item.guideline,
            "item": one.item.number,
            "asks": one.item.asks,
            "status": one.status,
            "text": one.text,
            "anchor": f"group-{result.analysis}.html#{one.anchor}" if one.anchor else None,
        }
        for one in fill_checklists(result)
    ]
    return pd.DataFrame(rows, dtype=object)


_CHECKLIST_COLUMNS: dict[str, Any] = {
    "guideline": {
        "Description": "Reporting guideline",
        "Levels": {
            "TRIPOD+AI": "Collins et al. 2024, doi:10.1136/bmj-2023-078378",
            "CLAIM": "Tejani et al. 2024, doi:10.1148/ryai.240300",
        },
    },
    "item": {"Description": "Number of the item in the guideline"},
    "asks": {"Description": "What the item asks for, in our words; the guideline has its own"},
    "status": {
        "Description": "Where the text comes from; it doesn't say whether the text is enough",
        "Levels": {
            "auto": "From what ran",
            "study.toml": "Told by the authors in study.toml, with what ran beside it",
            "not applicable": "The text gives the reason",
            "MISSING": "The text says what is to be told",
        },
    },
    "text": {"Description": "What answers the item"},
    "anchor": {"Description": "Part of the report that shows it, relative to the output folder"},
}
