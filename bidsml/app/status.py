"""One record decides the exit code, the last line and what ``bidsml status`` says, so that they can't disagree."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from bidsml.bids.manifest import list_manifests, verify_manifest
from bidsml.bids.store import write_json
from bidsml.errors import DataError

_Status = TypeVar("_Status", "ParticipantStatus", "RunStatus")
State = Literal["selected", "done", "failed", "no-input"]


@dataclass(frozen=True)
class ParticipantStatus:
    """Where one participant stands in one analysis; ``reason`` says why when it isn't done."""

    participant_id: str
    analysis: str
    state: State
    reason: str = ""
    hint: str = ""
    exit_code: int = 0
    command: tuple[str, ...] = ()
    """Words that repeat what failed, with the folders of this machine."""


@dataclass(frozen=True)
class RunStatus:
    """What became of a run.

    Attributes
    ----------
    done
        Participant labels, or the analysis name at the group level.
    failed
        Why, by participant label (or node).
    without
        Participants that have no matching input, and why.
    report
        The page to open, relative to the output folder.
    hint, command
        What to do about a group analysis that failed, and the words that repeat it.
    applied
        Whether a frozen biomarker was judged, without learning.
    rendered
        How many pages were only made again from their records.
    """

    level: str
    analysis: str
    exit_code: int
    done: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    report: str = ""
    notes: tuple[str, ...] = ()
    hint: str = ""
    command: tuple[str, ...] = ()
    applied: bool = False
    rendered: int = 0

    @property
    def last_line(self) -> str:
        """The run in one sentence."""
        if self.rendered:
            pages = f"{self.rendered} page{'s' if self.rendered > 1 else ''}"
            return f"{self.level} {self.analysis}: {pages} made again from the records; open {self.report}"
        if self.level == "group":
            if self.exit_code:
                return f"group analysis {self.analysis}: failed (exit code {self.exit_code})"
            return f"group analysis {self.analysis}: finished; open {self.report}"
        parts = [f"{len(self.done)} finished"]
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        if self.without:
            parts.append(f"{len(self.without)} without matching input")
        return f"participants, analysis {self.analysis}: {', '.join(parts)} (exit code {self.exit_code})"


_PARTICIPANT = TypeAdapter(ParticipantStatus)
_RUN = TypeAdapter(RunStatus)


def status_path(out: Path, participant_id: str, analysis: str) -> Path:
    """Where one participant's status is kept: one file each, so that parallel jobs never share one."""
    return out / "logs" / "participants" / f"sub-{participant_id}_analysis-{analysis}_status.json"


def write_status(out: Path, status: ParticipantStatus) -> None:
    """Record where a participant stands."""
    write_json(status_path(out, status.participant_id, status.analysis), asdict(status))


def write_run_status(out: Path, status: RunStatus) -> None:
    """Record the run itself, beside its log."""
    kind = "apply" if status.applied else status.level
    write_json(out / "logs" / f"{kind}_analysis-{status.analysis}_status.json", asdict(status))


def status_files(out: Path) -> list[Path]:
    """Every participant's status file, sorted."""
    return sorted((out / "logs" / "participants").glob("sub-*_status.json"))


def read_statuses(out: Path, *, verify: bool = False) -> tuple[ParticipantStatus, ...]:
    """Where every known participant stands, per analysis, in order.

    A participant is done when its manifest says so, whatever the log says; with ``verify``, only when every
    file in the manifest is there with its digest.
    """
    known: dict[tuple[str, str], ParticipantStatus] = {}
    for path in status_files(out):
        one = read_status(path)
        known[one.analysis, one.participant_id] = one
    for label, manifest in list_manifests(out).items():
        for analysis in manifest.analyses:
            problems = verify_manifest(out, manifest, analysis) if verify else []
            before = known.get((analysis, label))
            if before is not None and before.state == "failed":
                continue
            state: State = "failed" if problems else "done"
            known[analysis, label] = ParticipantStatus(label, analysis, state, "; ".join(problems))
    return tuple(known[key] for key in sorted(known))


def read_status(path: Path) -> ParticipantStatus:
    """Read what :func:`write_status` wrote.

    Raises
    ------
    DataError
        It is damaged.
    """
    return _read(path, _PARTICIPANT)


def read_run_status(path: Path) -> RunStatus:
    """Read what :func:`write_run_status` wrote.

    Raises
    ------
    DataError
        It is damaged.
    """
    return _read(path, _RUN)


def _read(path: Path, kind: TypeAdapter[_Status]) -> _Status:
    try:
        return kind.validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is not a status file: {error}", hint="delete it and run again") from error


def of_analysis(statuses: Iterable[ParticipantStatus], analysis: str) -> dict[str, ParticipantStatus]:
    """Statuses of one analysis by participant label."""
    return {one.participant_id: one for one in statuses if one.analysis == analysis}
