"""``bidsml status``: where every participant and every group analysis stands."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bidsml.app.recorded import recorded_links
from bidsml.app.status import ParticipantStatus, RunStatus, read_run_status, read_statuses
from bidsml.arguments import CommandParser, parse
from bidsml.bids.derivative import RAW
from bidsml.bids.manifest import list_manifests, verify_manifest
from bidsml.bids.participants import read_participants
from bidsml.bids.store import sha256_file
from bidsml.bids.textfiles import read_json
from bidsml.errors import MissingInputError

_SHOWN = {
    "failed": "failed",
    "selected": "missing (started, not finished)",
    "missing": "missing (never run)",
    "no-input": "without input",
}
_COLUMNS = ("done", "failed", "missing", "without input")


@dataclass(frozen=True)
class Standing:
    """Where one participant stands in one analysis. ``missing``: in the dataset, and never run."""

    participant_id: str
    analysis: str
    state: Literal["selected", "done", "failed", "no-input", "missing"]
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True)
class GroupStanding:
    """Where one analysis of the group stands; ``applied``: a frozen biomarker was judged."""

    analysis: str
    state: Literal["done", "failed", "missing"]
    reason: str = ""
    applied: bool = False


def main(argv: list[str]) -> int:
    """Print the status of an output folder; exit code 0 when everyone is done, else 1."""
    parser = CommandParser(
        prog="bidsml status",
        description="Per participant and analysis: done, failed (why), missing; and the group's analyses. "
        "Exit code 0 when everyone is done or has no input and no group analysis failed, else 1.",
    )
    parser.add_argument("output_dir", metavar="OUT", type=Path, help="an output, finished or not")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--verify", action="store_true", help="read every file and compare its digest")
    parser.add_argument("--bids-dir", type=Path, metavar="DIR", help="the dataset; default: where OUT says")
    arguments = parse(parser, argv)
    if arguments is None:
        return 0
    out = arguments.output_dir
    if not (out / "dataset_description.json").is_file():
        raise MissingInputError(f"{out} is not an output folder of bidsml", hint="give the OUTPUT_DIR of a run")
    dataset = arguments.bids_dir or dict(recorded_links(out)).get(RAW)
    people = find_participants(out, dataset, verify=arguments.verify)
    groups = find_groups(out, dict.fromkeys(one.analysis for one in people), verify=arguments.verify)
    if arguments.json:
        content = {"participants": [asdict(one) for one in people], "group": [asdict(one) for one in groups]}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        _print(people, groups, dataset)
    undone = any(one.state not in ("done", "no-input") for one in people)
    return 1 if undone or any(one.state == "failed" for one in groups) else 0


def find_participants(out: Path, dataset: Path | None, *, verify: bool) -> tuple[Standing, ...]:
    """Say where everyone stands, those of the dataset who were never run among them; by analysis, then by label.

    Parameters
    ----------
    dataset
        The input; where it is not there, nobody can be missing from it.
    verify
        Compare the digest of every file; else only look whether it is there.
    """
    known = {(one.analysis, one.participant_id): _standing(one) for one in read_statuses(out)}
    for label, manifest in list_manifests(out).items():
        for analysis in manifest.analyses:
            problems = verify_manifest(out, manifest, analysis, read=verify)
            if problems and known[analysis, label].state == "done":
                known[analysis, label] = Standing(label, analysis, "failed", "; ".join(problems), "run it again")
    if dataset is not None and dataset.is_dir():
        for analysis in {analysis for analysis, _ in known}:
            for label in read_participants(dataset)["participant_id"]:
                known.setdefault((analysis, label), Standing(label, analysis, "missing"))
    return tuple(known[key] for key in sorted(known))


def _standing(status: ParticipantStatus) -> Standing:
    return Standing(status.participant_id, status.analysis, status.state, status.reason, status.hint)


def find_groups(out: Path, analyses: Iterable[str], *, verify: bool) -> tuple[GroupStanding, ...]:
    """Say where the group level of every analysis stands: of those given, and of those that are there."""
    finished = {path.parent.name: _problems(out, path, verify=verify) for path in out.glob("group/*/files.json")}
    applied = {path.parts[-3] for path in out.glob("group/*/external/run.json")}
    logged = [read_run_status(path) for kind in ("group", "apply") for path in out.glob(f"logs/{kind}_*_status.json")]
    failed = {(one.analysis, one.applied): _reason(one) for one in logged if one.exit_code}
    found = []
    for name in sorted({*analyses, *finished, *(name for name, judged in failed if not judged)}):
        reason = failed.get((name, False), finished.get(name, ""))
        # One that was applied and never trained has no result of its own to miss.
        if reason or name in finished or name not in applied:
            found.append(GroupStanding(name, "failed" if reason else "done" if name in finished else "missing", reason))
    for name in sorted(applied | {name for name, judged in failed if judged}):
        reason = failed.get((name, True), "")
        found.append(GroupStanding(name, "failed" if reason else "done", reason, applied=True))
    return tuple(found)


def _reason(status: RunStatus) -> str:
    return "; ".join(status.failed.values()) or f"exit code {status.exit_code}"


def _problems(out: Path, listing: Path, *, verify: bool) -> str:
    files = read_json(listing).get("files")
    problems = []
    for name, digest in files.items() if isinstance(files, Mapping) else ():
        # participants.tsv is one for all analyses, and belongs to the one that wrote it last.
        if not (out / name).is_file():
            problems.append(f"{name} is missing")
        elif verify and "/" in name and sha256_file(out / name) != digest:
            problems.append(f"{name} is not as it was written")
    return "; ".join(problems)


def _print(people: tuple[Standing, ...], groups: tuple[GroupStanding, ...], dataset: Path | None) -> None:
    console = Console(soft_wrap=True, highlight=False)
    table = Table("analysis", *_COLUMNS, "group", "applied")
    for analysis in dict.fromkeys([*(one.analysis for one in people), *(one.analysis for one in groups)]):
        states = [one.state for one in people if one.analysis == analysis]
        missing = states.count("missing") + states.count("selected")
        counts = (states.count("done"), states.count("failed"), missing, states.count("no-input"))
        trained, applied = (
            next((one.state for one in groups if one.analysis == analysis and one.applied is judged), "")
            for judged in (False, True)
        )
        table.add_row(escape(analysis), *map(str, counts), trained, applied)
    console.print(table)
    for one in people:
        if one.state in _SHOWN:
            console.print(escape(f"sub-{one.participant_id} {one.analysis}: {_SHOWN[one.state]} {one.reason}".rstrip()))
    for group in groups:
        if group.state == "failed":
            what = "frozen biomarker" if group.applied else "group analysis"
            console.print(escape(f"{what} {group.analysis}: failed: {group.reason}"))
    if dataset is None or not dataset.is_dir():
        console.print("the dataset is not where this output says; with --bids-dir, those who were never run are listed")
