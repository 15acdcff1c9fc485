"""``bidsml cluster``: write the scripts that run a dataset on a cluster."""

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bidsml.app.cluster import SCHEDULERS, ClusterPlan, JobSize, list_participants, write_scripts
from bidsml.arguments import CommandParser, build_parser, make_options, parse, positive_float, positive_int
from bidsml.errors import MissingInputError, UsageError, near_names
from bidsml.spec import RunOptions, load_analysis

DESCRIPTION = """\
Write scripts into SCRIPTS_DIR: an array of jobs, one per participant, each with its own work folder; with --shards an
array over the permutations; and the group level, which starts when they have ended. Every other option of bidsml is
taken too and handed to both levels. Start them with SCRIPTS_DIR/submit.sh; call this again with --missing for what
did not finish."""


def main(argv: list[str]) -> int:
    """Write the scripts and say how to start them; exit code 0."""
    arguments, words = _parse(argv)
    if arguments is None:
        return 0
    if arguments.scheduler not in SCHEDULERS:
        raise UsageError(f"unknown scheduler {arguments.scheduler!r}", hint=near_names(arguments.scheduler, SCHEDULERS))
    options, analysis = _check(arguments, words)
    labels = list_participants(options, analysis, missing_only=arguments.missing)
    submit = write_scripts(arguments.scripts_dir.absolute(), _plan(arguments, words, options), options, labels)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{len(labels)} participants, {arguments.shards} shards; look at {escape(str(submit.parent))}")
    console.print(f"start with: {escape(shlex.quote(str(submit)))}")
    return 0


def build_cluster_parser() -> argparse.ArgumentParser:
    """Build the parser of what this command adds to the options of bidsml."""
    parser = CommandParser(
        prog="bidsml cluster", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scheduler", metavar="{slurm,sge,pbs,local}", help="what takes the jobs")
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=Path, help="the dataset")
    parser.add_argument("output_dir", metavar="OUTPUT_DIR", type=Path, help="where the derivatives and reports go")
    parser.add_argument("scripts_dir", metavar="SCRIPTS_DIR", type=Path, help="new folder for scripts and their logs")
    parser.add_argument("-w", "--work-dir", type=Path, metavar="DIR", help="seen by every node; default: ./work")
    parser.add_argument("--image", type=Path, metavar="FILE.sif", help="run inside this Apptainer image")
    parser.add_argument(
        "--shards", type=positive_int, default=1, metavar="N", help="jobs for the permutations; default: 1"
    )
    parser.add_argument("--missing", action="store_true", help="only participants that are not finished")
    limits: tuple[tuple[str, Any, str, Any, str], ...] = (
        ("--max-running", positive_int, "N", 100, "participants at once"),
        ("--participant-cpus", positive_int, "N", 2, "cores of a participant's job"),
        ("--participant-mem-gb", positive_float, "GB", 8.0, "memory of a participant's job"),
        ("--participant-time", _time, "HH:MM:SS", "08:00:00", "time limit of a participant's job"),
        ("--group-cpus", positive_int, "N", 8, "cores of the group's job and of each shard"),
        ("--group-mem-gb", positive_float, "GB", 16.0, "memory of the group's job and of each shard"),
        ("--group-time", _time, "HH:MM:SS", "24:00:00", "time limit of the group's job and of each shard"),
    )
    for name, kind, unit, default, what in limits:
        parser.add_argument(name, type=kind, metavar=unit, default=default, help=f"{what}; default: %(default)s")
    parser.add_argument(
        "--scheduler-options", default="", metavar="TEXT",
        help='handed to the scheduler with every job, as in --scheduler-options="--partition=long --account=lab"',
    )  # fmt: skip
    return parser


def _parse(argv: list[str]) -> tuple[argparse.Namespace | None, tuple[str, ...]]:
    """Parse this command's own options; the words that are left are for bidsml."""
    parser = build_cluster_parser()
    if "-h" in argv or "--help" in argv:
        return parse(parser, argv), ()
    arguments, words = parser.parse_known_args(argv)
    return arguments, tuple(words)


def _check(arguments: argparse.Namespace, words: tuple[str, ...]) -> tuple[RunOptions, str]:
    """Check what each job will be called with, now rather than in a thousand jobs; and the analysis' name."""
    if arguments.image and not arguments.image.is_file():
        raise MissingInputError(f"there is no image {arguments.image}", hint="check --image")
    work = ("-w", str(arguments.work_dir)) if arguments.work_dir else ()
    line = [str(arguments.bids_dir), str(arguments.output_dir), "participant", *work, *words]
    parsed = build_parser().parse_args(line)
    options = make_options(parsed, command=("bidsml", *line))
    if not options.bids_dir.is_dir():
        raise MissingInputError(f"there is no folder {options.bids_dir}", hint="check BIDS_DIR")
    return options, load_analysis(parsed.analysis, overrides=parsed.overrides).name


def _plan(arguments: argparse.Namespace, words: tuple[str, ...], options: RunOptions) -> ClusterPlan:
    return ClusterPlan(
        scheduler=arguments.scheduler,
        command=_command(arguments.image, options),
        words=words,
        shards=arguments.shards,
        participant=_size(arguments, "participant"),
        group=_size(arguments, "group"),
        max_running=arguments.max_running,
        scheduler_options=tuple(shlex.split(arguments.scheduler_options)),
    )


def _command(image: Path | None, options: RunOptions) -> tuple[str, ...]:
    """How bidsml is called: its image sees each folder under its own name."""
    if image is None:
        # The environment that wrote the scripts is the one that runs them.
        return (sys.executable, "-m", "bidsml")
    inputs = dict.fromkeys([options.bids_dir, *options.derivatives.values()])
    outputs = dict.fromkeys([options.output_dir, options.work_dir])
    binds = [f"{path}:{path}:ro" for path in inputs] + [f"{path}:{path}" for path in outputs]
    return (
        "apptainer",
        "run",
        "--cleanenv",
        *(word for bind in binds for word in ("--bind", bind)),
        str(image.absolute()),
    )


def _size(arguments: argparse.Namespace, level: str) -> JobSize:
    given = vars(arguments)
    memory_mb = round(given[f"{level}_mem_gb"] * 1e9 / 2**20)
    return JobSize(given[f"{level}_cpus"], memory_mb, given[f"{level}_time"])


def _time(text: str) -> str:
    if not re.fullmatch(r"\d+:[0-5]\d:[0-5]\d", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not HH:MM:SS")
    return text
