"""Records of what the preprocessing of raw images left in the output folder."""

from collections.abc import Mapping
from dataclasses import dataclass

from bidsml.records.base import Record
from bidsml.records.participant import Scan


@dataclass(frozen=True)
class PublishedFiles(Record):
    """Preprocessed files of one participant in the output folder.

    ``files`` are SHA-256 digests by path relative to that folder. ``scan`` is the published BOLD run with its mask
    and confounds, ready to be read like any derivative; ``None`` for anatomy.
    """

    participant_id: str
    files: Mapping[str, str]
    scan: Scan | None = None
