"""Recognise the files of fMRIPrep, bidsml, XCP-D, giga_connectome and HALFpipe by their names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bidsml.bids.names import split_name
from bidsml.records import ScanKind
from bidsml.surfaces import SERIES

# Entities that tell apart versions of one recording, not recordings.
VARIANT = ("space", "cohort", "feature", "atlas", "seg", "scale", "res", "den", "stat", "meas", "measure", "desc")
_TABLES = (".tsv", ".dense.tsv")
_RELMAT_SUFFIXES = ("relmat", "conmat")  # conmat: XCP-D up to 0.5
_MEASURES = {"correlation": "pearsoncorrelation", "partial": "partialcorrelation"}


@dataclass(frozen=True)
class Candidate:
    """A file that could be a scan.

    ``entities`` are those of the name, without ``sub``. ``measure`` and ``atlas`` are set where the kind has them;
    XCP-D and giga_connectome spell the atlas ``seg-``.
    """

    participant_id: str
    kind: ScanKind
    path: Path
    derivative: str
    root: Path
    entities: Mapping[str, str]
    suffix: str
    extension: str
    measure: str = ""

    @property
    def atlas(self) -> str:
        """Atlas that the regions come from, empty for BOLD or where the name does not tell."""
        return self.entities.get("atlas") or self.entities.get("seg", "")

    @property
    def on_surface(self) -> bool:
        """Whether it is BOLD on cortical surfaces."""
        return self.extension in SERIES

    @property
    def recording(self) -> tuple[tuple[str, str], ...]:
        """Entities of the recording that the file was made from."""
        return tuple((key, value) for key, value in self.entities.items() if key not in VARIANT)


def recognise(paths: Iterable[Path], *, derivative: str, root: Path) -> tuple[Candidate, ...]:
    """Candidates among the files of one derivative, in their order."""
    found = []
    for path in paths:
        parts = split_name(path)
        entities = dict(parts.entities)
        label = entities.pop("sub", "")
        kind, measure = _kind(entities, parts.suffix, parts.extension)
        if parts.extension in SERIES and entities.pop("hemi", "L") == "R":
            continue  # read with the left hemisphere
        if label and kind:
            found.append(
                Candidate(label, kind, path, derivative, root, entities, parts.suffix, parts.extension, measure=measure)
            )
    return tuple(found)


def _kind(entities: Mapping[str, str], suffix: str, extension: str) -> tuple[ScanKind | None, str]:
    """Kind and measure of a file, ``(None, "")`` when it is none of ours."""
    has_atlas = "atlas" in entities or "seg" in entities
    desc = entities.get("desc", "")
    if suffix == "bold" and extension in (".nii.gz", ".nii", *SERIES):
        # fMRIPrep gives no desc to series on surfaces.
        return ("bold" if desc == "preproc" or (extension in SERIES and not desc) else None), ""
    if extension not in _TABLES:
        return None, ""
    if suffix == "timeseries":
        # desc-confounds_timeseries has no atlas; XCP-D also writes stat-<other> tables.
        return ("timeseries" if has_atlas and entities.get("stat", "mean") == "mean" else None), ""
    if suffix in _RELMAT_SUFFIXES:
        measure = entities.get("meas") or entities.get("stat") or entities.get("measure", "")
        return "relmat", measure.lower()
    if suffix == "matrix" and has_atlas and desc == "correlation":  # HALFpipe
        return "relmat", "pearsoncorrelation"
    return None, ""


def same_name(first: str, second: str) -> bool:
    """Whether two atlas or measure names are one: case and hyphens aside; ``correlation`` is Pearson's."""
    return _plain(first) == _plain(second)


def _plain(name: str) -> str:
    plain = name.lower().replace("-", "").replace("_", "")
    return _MEASURES.get(plain, plain)


def rank_entities(entities: Mapping[str, str]) -> tuple[tuple[str, int, str], ...]:
    """Sort key of scans: session, task and other entities, run; numbers (run-2, run-10) as numbers."""
    pairs = [(k, v) for k, v in entities.items() if k not in VARIANT]
    order = sorted(pairs, key=lambda p: (p[0] != "ses", p[0] != "task", p[0] == "run", p[0]))
    return tuple((k, int(v) if v.isdecimal() else -1, v) for k, v in order)
