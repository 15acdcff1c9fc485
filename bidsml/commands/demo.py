"""``bidsml demo``: simulate a cohort, run both levels on it, and say where the report is."""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bidsml.app.run import run
from bidsml.arguments import CommandParser, available_gb, parse
from bidsml.errors import OutputError
from bidsml.simulate import CohortDesign, simulate_cohort
from bidsml.spec import RunOptions

_RAW_PARTICIPANTS = 12


def main(argv: list[str]) -> int:
    """Run the demo; exit code of its last level."""
    parser = CommandParser(prog="bidsml demo", description="Simulate a cohort with a planted effect and analyse it.")
    parser.add_argument("output", metavar="OUT", type=Path, help="new folder for the dataset, derivatives and reports")
    parser.add_argument("--null", action="store_true", help="plant no effect")
    parser.add_argument(
        "--raw",
        action="store_true",
        help=f"simulate {_RAW_PARTICIPANTS} people's raw T1w and BOLD and preprocess them: about 3 minutes each",
    )
    parser.add_argument("--random-seed", type=int, default=0, metavar="N", help="default: %(default)s")
    arguments = parse(parser, argv)
    if arguments is None:
        return 0
    out = arguments.output.absolute()
    if out.exists() and any(out.iterdir()) and not (out / "dataset" / "participants.tsv").is_file():
        raise OutputError(f"{out} holds something else", hint="give a new folder, or that of an earlier demo")
    console = Console(soft_wrap=True, highlight=False)
    started = time.monotonic()
    console.print(f"simulating a cohort ({'no' if arguments.null else 'a'} planted effect)")
    dataset = _simulate(out / "dataset", seed=arguments.random_seed, raw=arguments.raw, null=arguments.null)
    options = _options(dataset, out, arguments)
    for level in ("participant", "group"):
        status = run("demo-raw" if arguments.raw else "demo", [], replace(options, level=level), console=console)
        if status.exit_code:
            return status.exit_code
    console.print(f"finished in {time.monotonic() - started:.0f} s")
    console.print(f"report: {escape(str(out / 'derivatives' / status.report))}")
    return 0


def _simulate(folder: Path, *, seed: int, raw: bool, null: bool) -> Path:
    if not raw:
        design = CohortDesign(seed=seed)
        return simulate_cohort(folder, replace(design, coupling=0.0) if null else design)
    from bidsml.simulate.raw import RawDesign, write_raw_dataset  # takes nilearn along

    raw_design = RawDesign(coupling=0.0, volume_lost=0.0) if null else RawDesign()
    return write_raw_dataset(folder, n_participants=_RAW_PARTICIPANTS, seed=seed, design=raw_design)


def _options(dataset: Path, out: Path, arguments: argparse.Namespace) -> RunOptions:
    names = ("atlas",) if arguments.raw else ("fmriprep", "atlas")
    return RunOptions(
        bids_dir=dataset,
        output_dir=out / "derivatives",
        level="participant",
        work_dir=out / "work",
        derivatives={name: dataset / "derivatives" / name for name in names},
        random_seed=arguments.random_seed,
        nprocs=len(os.sched_getaffinity(0)),
        mem_gb=0.9 * available_gb(),
        command=("bidsml", "demo", *(("--raw",) if arguments.raw else ())),
    )
