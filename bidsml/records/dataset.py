"""Records of a whole output folder: who stands where, what each analysis found, what failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bidsml.records.base import Record, Task

Standing = Literal["done", "failed", "missing", "no-input"]
"""``missing`` was begun and is not finished; ``no-input`` has no file that the analysis could read."""


@dataclass(frozen=True)
class Failure(Record):
    """Something that did not come to its end.

    Attributes
    ----------
    what
        ``sub-03``, or ``group``.
    reason, hint
        Of the error: what was expected and found, and what to do.
    command
        Words that repeat it. Folders are replaced by what they stand for.
    page
        That tells more, relative to the output folder; empty where there is none.
    """

    what: str
    analysis: str
    reason: str
    hint: str = ""
    command: tuple[str, ...] = ()
    page: str = ""


@dataclass(frozen=True)
class FailedParticipant(Record):
    """What the page of a participant shows whose computation failed."""

    participant_id: str
    failure: Failure
    version: str


@dataclass(frozen=True)
class Overview(Record):
    """A participant at a glance: published as JSON beside the figures of the participant's page.

    Attributes
    ----------
    fd_mm
        Framewise displacement in mm over all scans, the largest of each stretch; empty where it isn't known.
    picture
        One grey slice of the T1w, 0-255, ``(height, width)``; ``(0, 0)`` where no anatomy was made.
    """

    fd_mm: tuple[float, ...] = ()
    picture: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 0), dtype=np.uint8))


@dataclass(frozen=True)
class ParticipantEntry(Record):
    """One participant in one analysis. Numbers are NaN and texts empty where they are not known.

    Attributes
    ----------
    page
        Of the participant, relative to the output folder; empty where there is none.
    coverage
        Share of the features that could be measured, 0-1.
    verdict, reasons
        Of the quality control: ``pass``, ``review`` or ``fail``, and why.
    """

    participant_id: str
    analysis: str
    standing: Standing
    page: str = ""
    mean_fd_mm: float = float("nan")
    minutes_kept: float = float("nan")
    coverage: float = float("nan")
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    overview: Overview = field(default_factory=Overview)


@dataclass(frozen=True)
class AnalysisSummary(Record):
    """What one analysis found, in the words and figures of its report's answer: published as ``summary.json``.

    Attributes
    ----------
    n
        People who were analysed.
    metric
        Name of the primary metric, as a reader knows it.
    beyond_confounds
        Whether the biomarker does better than the confounds alone; ``not compared`` where none were named.
    verdict, tone
        Badge of the answer, and its colour.
    applied
        Whether a biomarker frozen elsewhere was judged here, without learning.
    """

    analysis: str
    target: str
    task: Task
    n: int
    metric: str
    estimate: float
    low: float
    high: float
    p: float
    p_floor: float
    beyond_confounds: Literal["yes", "not shown", "not compared"]
    verdict: str
    tone: Literal["plain", "good", "caution", "bad"]
    applied: bool = False


@dataclass(frozen=True)
class AnalysisEntry(Record):
    """One analysis of the group, or one frozen biomarker that was applied.

    Attributes
    ----------
    summary
        Of the last run that finished; ``None`` where none did.
    page
        Its report, relative to the output folder; empty where there is none.
    files
        Further files by what they are, relative to the output folder.
    """

    analysis: str
    standing: Literal["done", "failed", "missing"]
    summary: AnalysisSummary | None = None
    page: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset(Record):
    """Everything that the page of an output folder shows."""

    name: str
    version: str
    participants: tuple[ParticipantEntry, ...]
    analyses: tuple[AnalysisEntry, ...]
    failures: tuple[Failure, ...] = ()
