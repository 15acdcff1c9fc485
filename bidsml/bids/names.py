"""BIDS file names: taking them apart, and building them in the order of the specification."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from bidsml.errors import DataError
from bidsml.records import Scan

# Order of rules.entities in the BIDS schema 1.11.2 (bidsschematools). Reading the schema takes 100 ms, so it is
# written out here; a test compares the two. Added are the entities that only other tools' derivatives use:
# from, to and mode (transforms, BEP 14) before space, feature (HALFpipe) before atlas, stat (XCP-D) and meas (BEP 17)
# before desc.
_ENTITIES = (
    ("sub", "subject"),
    ("tpl", "template"),
    ("ses", "session"),
    ("cohort", "cohort"),
    ("sample", "sample"),
    ("task", "task"),
    ("tracksys", "tracksys"),
    ("acq", "acquisition"),
    ("nuc", "nucleus"),
    ("voi", "volume"),
    ("ce", "ceagent"),
    ("trc", "tracer"),
    ("stain", "stain"),
    ("rec", "reconstruction"),
    ("dir", "direction"),
    ("run", "run"),
    ("mod", "modality"),
    ("echo", "echo"),
    ("flip", "flip"),
    ("inv", "inversion"),
    ("mt", "mtransfer"),
    ("part", "part"),
    ("proc", "processing"),
    ("hemi", "hemisphere"),
    ("from", "from"),
    ("to", "to"),
    ("mode", "mode"),
    ("space", "space"),
    ("split", "split"),
    ("recording", "recording"),
    ("chunk", "chunk"),
    ("feature", "feature"),
    ("atlas", "atlas"),
    ("seg", "segmentation"),
    ("scale", "scale"),
    ("res", "resolution"),
    ("den", "density"),
    ("label", "label"),
    ("contrast", "contrast"),
    ("stat", "statistic"),
    ("meas", "measure"),
    ("desc", "description"),
)
ENTITY_ORDER = tuple(short for short, _ in _ENTITIES)
LONG_NAMES: Mapping[str, str] = {long: short for short, long in _ENTITIES}
"""Short key of each entity's long name, as filter files and pybids spell it."""

_LAST = ("label", "stat", "meas", "desc")
_LABEL = re.compile(r"[0-9A-Za-z+]+")


class NameParts(NamedTuple):
    """A BIDS file name taken apart: ``entities`` (short keys, with ``sub``), ``suffix``, ``extension``."""

    entities: dict[str, str]
    suffix: str
    extension: str


def split_name(path: PurePath | str) -> NameParts:
    """Take a file name apart; ``extension`` starts at the first dot of the last part, as in ``.dense.tsv``.

    >>> parts = split_name("sub-01_task-rest_atlas-power2011_relmat.dense.tsv")
    >>> parts.entities, parts.suffix, parts.extension
    ({'sub': '01', 'task': 'rest', 'atlas': 'power2011'}, 'relmat', '.dense.tsv')
    """
    *pairs, last = PurePath(path).name.split("_")
    suffix, dot, rest = last.partition(".")
    entities = {}
    for pair in pairs:
        key, hyphen, value = pair.partition("-")
        if hyphen and value:
            entities[key] = value
    return NameParts(entities, suffix, dot + rest)


def parse_entities(path: PurePath | str) -> dict[str, str]:
    """Entities of a file name by their short keys, in the order they stand, ``sub`` included."""
    return split_name(path).entities


def check_label(value: str, *, what: str) -> str:
    """Give ``value`` back when it can stand in a file name.

    Raises
    ------
    DataError
        It holds anything but letters, digits and plus: a path separator, a dot, a space.
    """
    if not _LABEL.fullmatch(value):
        raise DataError(
            f"{what} must be letters and digits, found {value!r}",
            hint="BIDS labels hold no hyphen, underscore, dot, space or slash; rename the file or the entry",
        )
    return value


def order_entities(entities: Mapping[str, str]) -> dict[str, str]:
    """Put entities in the specification's order; unknown ones by name, before ``label``."""
    first = {key: number for number, key in enumerate(ENTITY_ORDER) if key not in _LAST}
    last = {key: len(first) + 1 + number for number, key in enumerate(_LAST)}
    rank = first | last
    return {key: entities[key] for key in sorted(entities, key=lambda k: (rank.get(k, len(first)), k))}


def build_name(
    participant_id: str, entities: Mapping[str, str], *, suffix: str, extension: str, datatype: str | None
) -> Path:
    """Relative path of a participant's file, ``sub-X/[ses-Y/][datatype/]sub-X_…_suffix.extension``.

    Parameters
    ----------
    participant_id
        Label without ``sub-``.
    entities
        By short key, without ``sub``; any order.
    extension
        With its dot, e.g. ``.dense.tsv``.
    datatype
        Folder such as ``func``; ``None`` for a file directly in the participant's (session's) folder.

    Raises
    ------
    DataError
        A label holds characters that BIDS does not allow.

    Examples
    --------
    >>> entities = {"space": "MNI152NLin2009cAsym", "run": "1", "task": "rest"}
    >>> str(build_name("01", entities, suffix="bold", extension=".nii.gz", datatype="func"))
    'sub-01/func/sub-01_task-rest_run-1_space-MNI152NLin2009cAsym_bold.nii.gz'
    """
    check_label(participant_id, what="a participant label")
    check_label(suffix, what="a suffix")
    ordered = order_entities({key: value for key, value in entities.items() if key != "sub"})
    for key, value in ordered.items():
        check_label(key, what="an entity")
        check_label(value, what=f"the entity {key!r} of sub-{participant_id}")
    folder = Path(f"sub-{participant_id}")
    if "ses" in ordered:
        folder /= f"ses-{ordered['ses']}"
    if datatype is not None:
        folder /= check_label(datatype, what="a datatype")
    pairs = [f"{key}-{value}" for key, value in {"sub": participant_id, **ordered}.items()]
    return folder / f"{'_'.join([*pairs, suffix])}{extension}"


def common_entities(scans: Sequence[Scan] | Iterable[Scan]) -> dict[str, str]:
    """Entities that all scans share with the same value: those of a file made from all of them.

    With several scans ``run`` is dropped even where equal: the product is not that run's.
    """
    first, *others = scans
    shared = {k: v for k, v in first.entities.items() if all(other.entities.get(k) == v for other in others)}
    if others:
        shared.pop("run", None)
    return order_entities(shared)
