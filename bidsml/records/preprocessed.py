"""Records of what the preprocessing of raw images left in the output folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bidsml.records.anatomical import AnatomicalQC
from bidsml.records.base import Record
from bidsml.records.functional import FunctionalQC
from bidsml.records.participant import Scan
from bidsml.records.views import AlignmentView, AnatomyView


@dataclass(frozen=True)
class PublishedFiles(Record):
    """Preprocessed files of one participant in the output folder.

    ``files`` are SHA-256 digests by path relative to that folder. ``scan`` is the published BOLD run with its mask
    and confounds, ready to be read like any derivative; ``None`` for anatomy.
    """

    participant_id: str
    files: Mapping[str, str]
    scan: Scan | None = None


@dataclass(frozen=True)
class Preprocessing(Record):
    """All that the preprocessing of one participant's raw images has to report.

    ``files`` are SHA-256 digests by path relative to the output folder.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    anatomical: tuple[AnatomicalQC, ...] = ()
    anatomy: tuple[AnatomyView, ...] = ()
    functional: tuple[FunctionalQC, ...] = ()
    alignment: tuple[AlignmentView, ...] = ()
