"""Records of raw images: what the built-in preprocessing starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bidsml.records.base import Record


@dataclass(frozen=True)
class RawBold(Record):
    """One raw BOLD run, with what its sidecars say.

    ``entities`` are the BIDS entities under their short names, without ``sub``.
    """

    participant_id: str
    path: Path
    tr_s: float
    entities: Mapping[str, str] = field(default_factory=dict)
    slice_times_s: tuple[float, ...] = ()
    """When each slice was acquired, in s after the start of the volume; empty where the sidecar doesn't tell."""
    slice_axis: str = "k"
    """``SliceEncodingDirection``: ``i``, ``j`` or ``k``, with ``-`` where the times are in reverse order."""
    events: Path | None = None
    sidecars: tuple[Path, ...] = ()
    """JSON files the metadata came from, for provenance and for hashing."""

    @property
    def label(self) -> str:
        """Name for messages: ``sub-01 ses-a task-rest run-1``."""
        return " ".join([f"sub-{self.participant_id}", *(f"{k}-{v}" for k, v in self.entities.items())])


@dataclass(frozen=True)
class RawSession(Record):
    """The raw images of one session of one participant that are preprocessed together.

    ``t1w`` are the session's T1w images in order of their names (another session's where it has none), empty where
    the participant has none at all. ``session`` is the label without ``ses-``, empty without sessions.
    """

    participant_id: str
    session: str = ""
    t1w: tuple[Path, ...] = ()
    bold: tuple[RawBold, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All images, events and sidecars."""
        runs = [(run.path, *((run.events,) if run.events else ()), *run.sidecars) for run in self.bold]
        return (*self.t1w, *(path for files in runs for path in files))

    @property
    def label(self) -> str:
        """Name for messages: ``sub-01 ses-a``."""
        return f"sub-{self.participant_id}" + (f" ses-{self.session}" if self.session else "")
