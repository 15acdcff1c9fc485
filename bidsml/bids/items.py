"""Items of questionnaires with their data dictionary, and free text, of one participant."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bidsml.bids.encoding import to_numbers
from bidsml.bids.names import check_label
from bidsml.bids.references import resolve_file
from bidsml.bids.tableformats import Table, load_table
from bidsml.bids.textfiles import read_json, require_content
from bidsml.errors import AnalysisFileError, DataError, MissingInputError, near_names
from bidsml.spec import FeatureSpec
from bidsml.spec.patterns import matches_any, matches_pattern

PARTICIPANTS = "participants.tsv"


@dataclass(frozen=True)
class Items:
    """One participant's items: ``values`` by name, NaN where missing, and what the dictionary says they range over.

    Where the dictionary gives no range of an item, it has none here.
    """

    values: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def item_files(feature: FeatureSpec, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> tuple[Path, ...]:
    """Give the table and, where it is there, the data dictionary beside it."""
    path = resolve_file(feature.file or PARTICIPANTS, bids_dir=bids_dir, derivatives=derivatives)
    dictionary = path.with_suffix(".json")
    return (path, dictionary) if dictionary.exists() else (path,)


def read_items(
    feature: FeatureSpec,
    participant_id: str,
    *,
    bids_dir: Path,
    derivatives: Mapping[str, Path],
    exclude: Collection[str] = (),
) -> Items:
    """Read one participant's items of the questionnaire that a feature block names.

    Items are what ``subscales`` list, else what ``columns`` names, else every column of numbers that the dictionary
    does not call derived (``"Derivative": true``), without ``exclude`` and the columns left out by the caller.

    Raises
    ------
    MissingInputError
        The table is not there, or the participant is not in it.
    AnalysisFileError
        A name or pattern is no column of the table, or no column is left.
    DataError
        A cell is no number or outside of the dictionary's range, an item to be reversed has levels that turning around
        does not map onto each other, or the participant's rows differ.
    """
    table = _table(feature, participant_id, bids_dir=bids_dir, derivatives=derivatives)
    dictionary = _read_dictionary(table.path.with_suffix(".json"))
    chosen = [name for name in _choose(feature, table, dictionary) if name not in exclude]
    if not chosen:
        raise AnalysisFileError(f"no item of {table.path} is left", hint="see subscales, columns and exclude")
    answers = {name: _number(table, name, participant_id) for name in chosen}
    values = {name: float("nan") if value in feature.no_answer else value for name, value in answers.items()}
    ranges = {name: found for name in chosen if (found := _range(dictionary.get(name), feature)) is not None}
    _check_reversed(feature, chosen, dictionary, table)
    for name, (low, high) in ranges.items():
        if not np.isnan(values[name]) and not low <= values[name] <= high:
            raise DataError(
                f"{table.path}: item {name!r} of participant {participant_id} is {values[name]:g}; "
                f"the dictionary beside it says {low:g} to {high:g}",
                hint="write n/a where an answer is missing, or correct the table or its .json",
            )
    return Items(values, ranges)


def read_texts(
    feature: FeatureSpec, participant_id: str, *, bids_dir: Path, derivatives: Mapping[str, Path]
) -> tuple[str | None, ...]:
    """Read one participant's cells of the text columns that a feature block names, ``None`` where missing.

    Raises
    ------
    MissingInputError
        The table is not there, or the participant is not in it.
    AnalysisFileError
        A column is not there, or holds numbers only.
    """
    table = _table(feature, participant_id, bids_dir=bids_dir, derivatives=derivatives)
    for name in feature.columns:
        if name not in table.cells:
            raise AnalysisFileError(f"{table.path} has no column {name!r}", hint=near_names(name, table.cells))
        if to_numbers(table.cells[name]) is not None and any(table.cells[name]):
            raise AnalysisFileError(
                f"{table.path}: column {name!r} holds numbers, not text", hint="use kind = 'phenotype' for it"
            )
    return tuple(table.cell(name, participant_id) for name in feature.columns)


def _table(feature: FeatureSpec, participant_id: str, *, bids_dir: Path, derivatives: Mapping[str, Path]) -> Table:
    """Load the block's table, which must have a row of the participant."""
    check_label(participant_id, what="a participant label")
    path = item_files(feature, bids_dir=bids_dir, derivatives=derivatives)[0]
    require_content(path, what=f"the table of participant {participant_id},")
    table = load_table(path, key=feature.key)
    if table.ids is None:
        raise AnalysisFileError(
            f"{path} is one participant's file", hint="name a table with a row per participant, as BIDS has it"
        )
    if not table.rows_of(participant_id):
        raise MissingInputError(
            f"participant {participant_id} is not in {path}",
            hint=f"labels in column {table.key!r} are compared as text",
        )
    return table


def _read_dictionary(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}


def _choose(feature: FeatureSpec, table: Table, dictionary: Mapping[str, Any]) -> list[str]:
    listed = [name for items in feature.subscales.values() for name in items] or list(feature.columns)
    known = list(table.cells)
    for pattern in (*listed, *feature.reverse, *feature.exclude):
        if not any(matches_pattern(name, pattern) for name in known):
            raise AnalysisFileError(f"{table.path} has no item {pattern!r}", hint=near_names(pattern, known))
    if listed:
        chosen = [name for name in known if matches_any(name, listed)]
    else:
        chosen = [
            name
            for name in known
            if not _is_derived(dictionary.get(name)) and to_numbers(table.cells[name]) is not None
        ]
    return [name for name in chosen if not matches_any(name, feature.exclude)]


def _is_derived(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("Derivative") is True


def _number(table: Table, name: str, participant_id: str) -> float:
    cell = table.cell(name, participant_id)
    numbers = to_numbers((cell,))
    if numbers is None:
        raise DataError(
            f"{table.path}: item {name!r} of participant {participant_id} is {cell!r}, which is no number",
            hint="code answers as numbers (the .json beside the table says what they mean), n/a where missing",
        )
    return float(numbers[0])


def _range(entry: object, feature: FeatureSpec) -> tuple[float, float] | None:
    """Find what an item ranges over: ``MinValue`` and ``MaxValue`` (or ``Minimum``, ``Maximum``), else its levels."""
    codes = _levels(entry, feature)
    return _ends(entry) or ((codes[0], codes[-1]) if len(codes) > 1 else None)


def _ends(entry: object) -> tuple[float, float] | None:
    """Find the ends that the dictionary names."""
    for low, high in (("MinValue", "MaxValue"), ("Minimum", "Maximum")):
        ends = _numbers([entry.get(low), entry.get(high)]) if isinstance(entry, dict) else []
        if len(ends) == 2:
            return ends[0], ends[1]
    return None


def _levels(entry: object, feature: FeatureSpec) -> list[float]:
    """Codes of an item's answers in rising order, without those that mean none."""
    levels = entry.get("Levels") if isinstance(entry, dict) else None
    codes = _numbers(list(levels)) if isinstance(levels, dict) else []
    return sorted(code for code in codes if code not in feature.no_answer)


def _check_reversed(feature: FeatureSpec, chosen: Sequence[str], dictionary: Mapping[str, Any], table: Table) -> None:
    """Refuse levels such as 1, 2, 3, 4, 9: the 9 is no answer, and would make a 9 of a 1."""
    for name in chosen:
        codes = _levels(dictionary.get(name), feature)
        turned = sorted(codes[0] + codes[-1] - code for code in codes) if codes else []
        unnamed = _ends(dictionary.get(name)) is None
        if unnamed and matches_any(name, feature.reverse) and not np.allclose(codes, turned):
            raise DataError(
                f"{table.path}: item {name!r} is to be reversed, and its levels are "
                f"{', '.join(f'{code:g}' for code in codes)}: turned around, they are not these levels",
                hint="name the codes that mean no answer, no_answer = [...], or give MinValue and MaxValue there",
            )


def _numbers(texts: Sequence[object]) -> list[float]:
    found = (to_numbers((str(text),)) for text in texts if text is not None)
    return [float(number[0]) for number in found if number is not None and np.isfinite(number[0])]
