"""One run from wishes to status: load the analysis, run the level, log, and say the last line."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bidsml.app.progress import node_progress
from bidsml.app.status import RunStatus
from bidsml.spec import RunOptions, find_study, load_analysis

logger = logging.getLogger(__name__)


def run(analysis: str, overrides: Sequence[str], options: RunOptions, *, console: Console | None = None) -> RunStatus:
    """Run one level of one analysis and print what becomes of it.

    Raises
    ------
    BidsmlError
        Whatever keeps the run from starting or, at the group level, from finishing.
    """
    console = console or Console(soft_wrap=True, highlight=False)
    spec = load_analysis(analysis, overrides=overrides)
    options = replace(options, study=find_study(options.study, analysis=analysis, bids_dir=options.bids_dir))
    level = _level(options)

    def say(line: str) -> None:
        console.print(escape(line))
        logger.info(line)

    with _logging(options, spec.name, console), node_progress(console, f"{options.level} {spec.name}") as progress:
        status = level(spec, options, say=say, progress=progress)
    for label, reason in status.failed.items():
        name = f"sub-{label}" if options.level == "participant" else f"without sub-{label}"
        console.print(f"[red]{escape(name)}[/]: {escape(reason)}")
    for note in status.notes:
        console.print(escape(note))
    if not (options.dry_run or options.boilerplate_only or options.shard):
        console.print(escape(status.last_line))
    return status


def _level(options: RunOptions) -> Callable[..., RunStatus]:
    """Load what this run needs and no more: a job of one participant is short, and there are thousands of them."""
    if options.boilerplate_only:
        from bidsml.app.boilerplate import run_boilerplate as level
    elif options.reports_only:
        from bidsml.app.rendering import render_again as level
    elif options.level == "participant":
        from bidsml.app.participant_level import run_participants as level
    elif options.shard:
        from bidsml.app.shards import run_shard as level
    elif options.apply:
        from bidsml.app.external_level import run_external as level
    else:
        from bidsml.app.group_level import run_group as level
    return level


@contextmanager
def _logging(options: RunOptions, analysis: str, console: Console) -> Iterator[None]:
    """Log as JSON lines into the output; print warnings."""
    handlers: list[logging.Handler] = [_Warnings(console)]
    if not options.dry_run:
        file = _LazyFileHandler(_log_path(options, analysis), delay=True, encoding="utf-8")
        file.setFormatter(_JsonLines())
        handlers.append(file)
    root = logging.getLogger("bidsml")
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(logging.DEBUG if options.verbosity else logging.INFO)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _log_path(options: RunOptions, analysis: str) -> Path:
    """Give a job of one participant a log of its own: lines of many would get into each other."""
    logs = options.output_dir / "logs"
    labels = options.participant_labels
    # Not checked yet: what is no label of BIDS must not lead out of the folder.
    if options.level == "participant" and len(labels) == 1 and labels[0].isalnum():
        return logs / "participants" / f"sub-{labels[0]}_analysis-{analysis}.jsonl"
    return logs / f"{options.level}_analysis-{analysis}.jsonl"


class _Warnings(logging.Handler):
    """Prints what should be known although the run goes on."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one warning."""
        self._console.print(f"[yellow]warning[/]: {escape(record.getMessage())}")


class _LazyFileHandler(logging.FileHandler):
    """Makes its folder with its first line, so that a run refused before it starts leaves nothing behind.

    A line that cannot be written is let go: a full disk is told by what needed the space, once.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and the folder and file before the first."""
        with suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing: logging itself would print a traceback."""

    def close(self) -> None:
        """Close the file, whatever is left to be written."""
        with suppress(OSError):
            super().close()

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {"time": self.formatTime(record), "level": record.levelname, "logger": record.name}
        return json.dumps(entry | {"message": record.getMessage()}, ensure_ascii=False)
