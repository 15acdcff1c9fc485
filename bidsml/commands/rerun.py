"""``bidsml rerun``: repeat what an output folder records, then compare."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bidsml.app.recorded import read_recorded_runs
from bidsml.app.rerun import Changes, find_changes, plan_repetition, repeat_runs
from bidsml.app.same_image import call_in_image, other_image
from bidsml.arguments import CommandParser, available_gb, named_paths, parse, positive_float, positive_int
from bidsml.bids.comparison import compare_outputs
from bidsml.bids.derivative import RAW, require_own_output
from bidsml.bids.likeness import Tolerance
from bidsml.commands.compare import add_tolerance, as_json, exit_code, print_comparison
from bidsml.errors import MissingInputError, OutputError, UsageError
from bidsml.spec import RunOptions

_SHOWN = 10


def main(argv: list[str]) -> int:
    """Repeat a finished output; exit code 0 when nothing differs, else 1."""
    arguments = parse(_parser(), argv)
    if arguments is None:
        return 0
    out, new = arguments.output_dir.absolute(), arguments.new_output_dir.absolute()
    _check_folders(out, new)
    # The comparison as JSON is for programs: what people read goes to the other stream.
    console = Console(soft_wrap=True, highlight=False, stderr=arguments.json)
    runs = read_recorded_runs(out)
    options = _options(arguments, out, new)
    given = named_paths(arguments.derivatives)
    if arguments.bids_dir:
        given[RAW] = arguments.bids_dir.absolute()
    plans = plan_repetition(runs, out, base=options, given=given)
    for plan in plans:
        console.print(f"recorded: {plan.recorded.title}", markup=False)
    changes = replace(find_changes(plans), image=other_image(out))
    print_changes(changes, console)
    if changes.image:
        _print_call(out, new, plans[0].options, console)
    if arguments.dry_run:
        return 0 if changes.none else 1
    own_work = not options.work_dir.exists()
    problems = repeat_runs(plans, out, console=console)
    for problem in problems:
        console.print(f"[red]not repeated[/]: {escape(problem)}")
    if own_work and not problems:
        shutil.rmtree(options.work_dir, ignore_errors=True)
    tolerance = Tolerance(arguments.rtol, arguments.atol)
    found = compare_outputs(out, new, tolerance)
    if arguments.json:
        content = as_json(found, tolerance) | {"changes": asdict(changes), "problems": list(problems)}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        print_comparison(found, tolerance, console=console)
    return 1 if problems else exit_code(found)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="bidsml rerun",
        description="Repeat every run that OUT records into NEW_OUT, then compare the two (see bidsml compare). OUT "
        "itself says what ran: analysis, options, seed, versions, and the digest of every input. Whatever of it is "
        "another now is said first. Exit code 0 when nothing differs, 1 when something does.",
    )
    parser.add_argument("output_dir", metavar="OUT", type=Path, help="a finished output")
    parser.add_argument("new_output_dir", metavar="NEW_OUT", type=Path, help="new folder, or that of a rerun cut short")
    places = parser.add_argument_group("places, where they are not those that OUT records")
    places.add_argument("--bids-dir", type=Path, metavar="DIR", help="the dataset")
    places.add_argument(
        "-d", "--derivatives", nargs="+", action="extend", default=[], metavar="NAME=PATH",
        help="derivatives under the names that they had",
    )  # fmt: skip
    places.add_argument("--apply", type=Path, metavar="MODEL_DIR", help="the frozen model that was applied")
    places.add_argument(
        "-w", "--work-dir", type=Path, metavar="DIR", help="scratch; default: NEW_OUT-work, removed afterwards"
    )
    resources = parser.add_argument_group("resources")
    resources.add_argument("--nprocs", type=positive_int, metavar="N", help="processes at once; default: all cores")
    resources.add_argument(
        "--mem-gb", type=positive_float, metavar="GB", help="memory to plan with; default: nine tenths of what is free"
    )
    resources.add_argument("--use-plugin", type=Path, metavar="FILE", help="Nipype plugin file (YAML)")
    parser.add_argument("--dry-run", action="store_true", help="say what is recorded and what changed, run nothing")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON, every file")
    add_tolerance(parser)
    return parser


def _check_folders(out: Path, new: Path) -> None:
    if not out.is_dir():
        raise MissingInputError(f"there is no folder {out}", hint="give the OUTPUT_DIR of a run")
    here, there = out.resolve(), new.resolve()
    if here == there or here.is_relative_to(there) or there.is_relative_to(here):
        raise UsageError(f"{new} is {out}, or one lies in the other", hint="choose a NEW_OUT of its own")
    if new.exists() and any(new.iterdir()) and not (new / "dataset_description.json").is_file():
        raise OutputError(f"{new} holds something else", hint="choose a new folder")
    require_own_output(new)


def _options(arguments: argparse.Namespace, out: Path, new: Path) -> RunOptions:
    work = arguments.work_dir or new.with_name(f"{new.name}-work")
    return RunOptions(
        bids_dir=out,  # each run gets its own dataset
        output_dir=new,
        level="participant",
        work_dir=work.absolute(),
        apply=arguments.apply and arguments.apply.absolute(),
        nprocs=arguments.nprocs or len(os.sched_getaffinity(0)),
        mem_gb=arguments.mem_gb or 0.9 * available_gb(),
        plugin_file=arguments.use_plugin,
        command=("bidsml", "rerun", str(arguments.output_dir), str(arguments.new_output_dir)),
    )


def print_changes(changes: Changes, console: Console) -> None:
    """Say which inputs and versions are not as they were."""
    if changes.none:
        console.print("inputs and versions are those that are recorded")
        return
    for what, names in (("changed", changes.changed), ("missing", changes.missing), ("new", changes.new)):
        _print_some(f"inputs {what}", names, console)
    versions = [f"{name} {change}" for name, change in (changes.versions or {}).items()]
    _print_some("other versions", versions, console)
    _print_some("another container", [changes.image] if changes.image else [], console)


def _print_call(out: Path, new: Path, options: RunOptions, console: Console) -> None:
    """Say how to repeat it in the image that made it, whose bytes are the likeliest to be the same."""
    call = call_in_image(out, new, {RAW: options.bids_dir, **options.derivatives})
    if call:
        console.print(f"to repeat it in the image that made it:\n  {call}", markup=False)


def _print_some(title: str, names: Sequence[str], console: Console) -> None:
    if not names:
        return
    console.print(f"[yellow]{title}[/]: {len(names)}")
    for name in names[:_SHOWN]:
        console.print(f"  {name}", markup=False)
    if len(names) > _SHOWN:
        console.print(f"  … and {len(names) - _SHOWN} more")
