"""What can be measured on one person: the catalog of feature kinds.

A kind is one file of this folder with a function ``extract_<kind>(data, *, block, options)``, and one entry
in ``_own.KINDS``. A kind sees the data of ONE person: whatever is fitted over people lives in ``learn``.
The catalog itself imports nothing heavy; a kind's file is imported when it is first used. Other packages
add kinds by entry points (:mod:`bidsml.extension`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bidsml.errors import AnalysisFileError, near_names
from bidsml.extension import FEATURES, Catalog
from bidsml.features._kind import FeatureKind, Need
from bidsml.features._own import KINDS

if TYPE_CHECKING:
    from bidsml.spec import FeatureSpec

__all__ = [
    "CATALOG",
    "FeatureKind",
    "Need",
    "check_feature",
    "measure_of",
    "modality_of",
    "reads_anatomy",
    "reads_bold",
    "reads_images",
    "reads_tables",
    "reads_task",
    "reads_voxels",
]

CATALOG = Catalog({kind.name: kind for kind in KINDS}, group=FEATURES, kind=FeatureKind)


def reads_tables(options: FeatureSpec) -> bool:
    """Whether a block's kind takes table rows rather than images."""
    return "table" in CATALOG[options.kind].needs and not modality_of(options)


def modality_of(options: FeatureSpec) -> str:
    """Name the modality whose own files a block's kind reads; empty where it takes what others read too."""
    return CATALOG[options.kind].modality


def reads_anatomy(options: FeatureSpec) -> bool:
    """Whether a block's kind takes what the anatomical preprocessing measures."""
    return bool(CATALOG[options.kind].needs & {"density", "volumes"})


def reads_task(options: FeatureSpec) -> bool:
    """Whether a block's kind takes the contrasts of a task."""
    return "contrasts" in CATALOG[options.kind].needs


def reads_voxels(options: FeatureSpec) -> bool:
    """Whether a block's kind takes maps of all voxels of BOLD."""
    return "maps" in CATALOG[options.kind].needs


def reads_bold(options: FeatureSpec) -> bool:
    """Whether a block's kind takes BOLD, or what is made of it."""
    return not (reads_tables(options) or reads_anatomy(options) or modality_of(options))


def reads_images(options: FeatureSpec) -> bool:
    """Whether a block's kind takes BOLD or the anatomy, or what is made of them."""
    return reads_bold(options) or reads_anatomy(options)


def measure_of(options: FeatureSpec) -> str:
    """Name the measure of a block: as given, else the kind's default."""
    return options.measure or CATALOG[options.kind].measures[0]


def check_feature(spec: FeatureSpec, index: int) -> None:
    """Check one ``[[features]]`` block against the catalog.

    Parameters
    ----------
    spec
        The block.
    index
        Its place in the analysis file, from 0, for the message.

    Raises
    ------
    AnalysisFileError
        Unknown kind, a key the kind does not take, an unknown measure, or what the kind itself objects to.
    """
    where = f"features[{index}]"
    kind = CATALOG.get(spec.kind)
    if kind is None:
        raise AnalysisFileError(f"{where}: there is no feature kind {spec.kind!r}", hint=near_names(spec.kind, CATALOG))
    # An effective analysis is written with all its defaults, and must load again.
    given = {key for key, entry in type(spec).model_fields.items() if getattr(spec, key) != entry.default}
    extra = sorted(given - kind.keys - {"kind", "name"} - ({"options"} if kind.settings else set()))
    if extra:
        raise AnalysisFileError(
            f"{where}: kind {spec.kind!r} does not take {', '.join(map(repr, extra))}",
            hint=f"it takes: {', '.join(sorted(kind.keys))}",
        )
    if spec.measure is not None and spec.measure not in kind.measures:
        raise AnalysisFileError(
            f"{where}: kind {spec.kind!r} has no measure {spec.measure!r}",
            hint=near_names(spec.measure, kind.measures),
        )
    complaint = kind.complain(spec)
    if complaint:
        raise AnalysisFileError(f"{where}: {complaint}", hint="`bidsml schema` describes every key")
