"""MRIQC's image-quality metrics: one JSON file per scan, or a group table with one row per scan."""

from functools import lru_cache
from math import isnan
from pathlib import Path

from bidsml.bids.candidates import rank_entities
from bidsml.bids.encoding import choose_values, to_numbers
from bidsml.bids.names import split_name
from bidsml.bids.search import Search
from bidsml.bids.tableformats import load_table
from bidsml.errors import DataError, MissingInputError
from bidsml.records import Scan
from bidsml.spec import FeatureSpec

DEFAULT_NAME = "mriqc"
_KEY = "bids_name"
# They tell the protocol apart, not the quality: taken only where they are asked for by name.
_PROTOCOL = ("size_*", "spacing_*")


def find_metrics(feature: FeatureSpec, participant_id: str, search: Search) -> tuple[Scan, ...]:
    """Find the metrics of a participant's scans of one suffix: their own files, else rows of the group table.

    Raises
    ------
    MissingInputError
        There are neither.
    """
    name, root = search.folder_of(feature, default=DEFAULT_NAME)
    suffix = feature.suffix
    datatype = "func" if suffix == "bold" else "dwi" if suffix == "dwi" else "anat"
    found = [
        Scan(participant_id, "mriqc", path, name, entities=entities)
        for path, entities in search.walk(
            root, participant_id, datatypes=(datatype,), suffix=suffix, extensions=(".json",)
        )
    ]
    table = root / f"group_{suffix}.tsv"
    if not found and table.exists():
        for entities in _rows_of(table, participant_id, search):
            found.append(Scan(participant_id, "mriqc", table, name, entities=entities))
    if not found:
        looked = root / f"sub-{participant_id}" / "[ses-*]" / datatype / f"sub-{participant_id}_*{suffix}.json"
        raise MissingInputError(f"MRIQC has no metrics of a {suffix}", hint=f"looked for {looked} and {table}")
    return tuple(found)


def _rows_of(table: Path, participant_id: str, search: Search) -> list[dict[str, str]]:
    """Entities of the participant's scans in a group table, by session, task and run."""
    state = table.stat()
    rows = _rows_by_participant(table, (state.st_size, state.st_mtime_ns)).get(participant_id, ())
    return sorted((entities for entities in rows if search.wants(entities)), key=rank_entities)


@lru_cache(maxsize=4)
def _rows_by_participant(table: Path, _version: tuple[int, int]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for name in load_table(table, key=_KEY).ids or ():
        # The reader of tables takes the leading sub- off.
        entities = dict(split_name(f"sub-{name}").entities)
        found.setdefault(entities.pop("sub", ""), []).append(entities)
    return found


def read_metrics(scan: Scan, feature: FeatureSpec) -> tuple[dict[str, float], dict[str, str]]:
    """Read the metrics of one scan.

    Returns
    -------
    values
        By MRIQC's own names; NaN where MRIQC could not tell. ``size_*`` and ``spacing_*`` are left out unless
        ``columns`` means them: they describe the protocol.
    missing
        Why a value is NaN, by name.

    Raises
    ------
    DataError
        The file is damaged, or holds none of the metrics.
    """
    cells = _cells(scan, feature.suffix)
    values = {name: _number(text, name=name, path=scan.path) for name, text in cells.items()}
    exclude = (*feature.exclude, *(() if feature.columns else _PROTOCOL))
    chosen = choose_values(values, columns=feature.columns, exclude=exclude)
    missing = {name: "MRIQC gives no number" for name, value in chosen.items() if isnan(value)}
    if len(missing) == len(chosen):
        raise DataError(f"{scan.path} holds none of the metrics asked for", hint="look at columns and exclude")
    return chosen, missing


def _cells(scan: Scan, suffix: str) -> dict[str, str | None]:
    if scan.path.suffix == ".json":
        table = load_table(scan.path, key=_KEY)
        return {name: column[0] for name, column in table.cells.items()}
    table = load_table(scan.path, key=_KEY)
    row = "_".join([scan.participant_id, *(f"{key}-{value}" for key, value in scan.entities.items()), suffix])
    return {name: table.cell(name, row) for name in table.cells}


def _number(text: str | None, *, name: str, path: Path) -> float:
    numbers = to_numbers((text,))
    if numbers is None:
        raise DataError(f"{path}: {name} is no number: {text!r}", hint="fetch the file again, or exclude the column")
    return float(numbers[0])
