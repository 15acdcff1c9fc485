"""``bidsml status``: where every participant stands."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bidsml.app.status import ParticipantStatus, State, read_statuses
from bidsml.cli import CommandParser, parse
from bidsml.errors import MissingInputError

STATES: tuple[State, ...] = ("done", "failed", "selected", "no-input")


def main(argv: list[str]) -> int:
    """Print the status of an output folder; exit code 0 when everything is done, else 1."""
    parser = CommandParser(
        prog="bidsml status", description="Per participant and analysis: done, failed (why), missing."
    )
    parser.add_argument("output_dir", metavar="OUT", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parse(parser, argv)
    if arguments is None:
        return 0
    if not (arguments.output_dir / "dataset_description.json").is_file():
        raise MissingInputError(
            f"{arguments.output_dir} is not an output folder of bidsml", hint="give the OUTPUT_DIR of a run"
        )
    statuses = read_statuses(arguments.output_dir, verify=True)
    groups = sorted(path.parent.name for path in arguments.output_dir.glob("group/*/files.json"))
    if arguments.json:
        sys.stdout.write(json.dumps({"participants": [asdict(s) for s in statuses], "group": groups}, indent=2) + "\n")
    else:
        _print(statuses, groups)
    return 0 if all(status.state in ("done", "no-input") for status in statuses) else 1


def _print(statuses: tuple[ParticipantStatus, ...], groups: list[str]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    table = Table("analysis", "done", "failed", "missing", "without input", "group")
    for analysis in dict.fromkeys([*(s.analysis for s in statuses), *groups]):
        mine = [s.state for s in statuses if s.analysis == analysis]
        counts = [str(mine.count(state)) for state in STATES]
        table.add_row(escape(analysis), *counts, "done" if analysis in groups else "missing")
    console.print(table)
    words = {"failed": "failed", "selected": "missing (started, not finished)", "no-input": "without input"}
    for status in statuses:
        if status.state in words:
            console.print(
                escape(f"sub-{status.participant_id} {status.analysis}: {words[status.state]} {status.reason}".rstrip())
            )
