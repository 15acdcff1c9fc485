"""``bidsml demo``: simulate or download a cohort, run both levels on it, and say where the report is."""

import argparse
import math
import os
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bidsml.app.run import run
from bidsml.arguments import CommandParser, available_gb, parse, positive_int
from bidsml.commands.development_fmri import N_ALL, count_missing, fetch_dataset, measure_download_mb
from bidsml.errors import OutputError, PartialFailureError, UsageError
from bidsml.simulate import CohortDesign, simulate_cohort
from bidsml.spec import RunOptions

_RAW_PARTICIPANTS = 12
_N_FETCHED = 40
_N_LEAST = 26  # six adults, of whom one may move too much: one a fold


def main(argv: list[str]) -> int:
    """Run the demo; exit code of its last level."""
    arguments = parse(_build_parser(), argv)
    if arguments is None:
        return 0
    _check(arguments)
    out = arguments.output.absolute()
    if out.exists() and any(out.iterdir()) and not (out / "dataset" / "participants.tsv").is_file():
        raise OutputError(f"{out} holds something else", hint="give a new folder, or that of an earlier demo")
    console = Console(soft_wrap=True, highlight=False)
    started = time.monotonic()
    if arguments.download:
        dataset = _download(out, arguments, console)
    else:
        console.print(f"simulating a cohort ({'no' if arguments.null else 'a'} planted effect)")
        dataset = _simulate(out / "dataset", seed=arguments.random_seed, raw=arguments.raw, null=arguments.null)
    analysis, derivatives = _kind(arguments)
    options = _options(dataset, out, arguments, derivatives)
    for level in ("participant", "group"):
        status = run(analysis, [], replace(options, level=level), console=console)
        # Of real people some may have moved too much; the group level goes on without them and names them.
        if status.exit_code and not (arguments.download and status.exit_code == PartialFailureError.exit_code):
            return status.exit_code
    console.print(f"finished in {time.monotonic() - started:.0f} s")
    console.print(f"report: {escape(str(out / 'derivatives' / status.report))}")
    return status.exit_code


def _build_parser() -> CommandParser:
    parser = CommandParser(
        prog="bidsml demo",
        description="Simulate a cohort with a planted effect and analyse it; or download a small real one.",
    )
    parser.add_argument("output", metavar="OUT", type=Path, help="new folder for the dataset, derivatives and reports")
    parser.add_argument("--null", action="store_true", help="plant no effect")
    parser.add_argument(
        "--raw",
        action="store_true",
        help=f"simulate {_RAW_PARTICIPANTS} people's raw T1w and BOLD and preprocess them: about 3 minutes each",
    )
    parser.add_argument(
        "--download",
        action="store_true",
        help="download children and adults who watched a film (nilearn's development_fmri) and tell them apart",
    )
    parser.add_argument(
        "--participants",
        type=positive_int,
        metavar="N",
        help=f"with --download: {N_ALL} at most; default: {_N_FETCHED}",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="with --download: nilearn's folder; default: OUT/downloads"
    )
    parser.add_argument(
        "--random-seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the simulation and of the analysis; default: %(default)s",
    )
    return parser


def _check(arguments: argparse.Namespace) -> None:
    if arguments.download and (arguments.raw or arguments.null):
        raise UsageError("--download takes real data, and --raw and --null simulate", hint="leave one out")
    if not arguments.download and (arguments.participants or arguments.data_dir):
        raise UsageError("--participants and --data-dir belong to --download", hint="add --download")
    if arguments.participants and not _N_LEAST <= arguments.participants <= N_ALL:
        raise UsageError(
            f"--participants {arguments.participants}: with fewer than {_N_LEAST} there are too few adults to divide "
            f"into folds, and there are {N_ALL} people in all",
            hint=f"give a number from {_N_LEAST} to {N_ALL}",
        )


def _kind(arguments: argparse.Namespace) -> tuple[str, tuple[str, ...]]:
    """Name the analysis, and the derivatives that it reads."""
    if arguments.download:
        return "development-fmri", ("nilearn",)
    return ("demo-raw", ("atlas",)) if arguments.raw else ("demo", ("fmriprep", "atlas"))


def _download(out: Path, arguments: argparse.Namespace, console: Console) -> Path:
    data_dir = (arguments.data_dir or out / "downloads").absolute()
    n_participants = arguments.participants or _N_FETCHED
    missing = count_missing(data_dir, n_participants)
    if missing:
        size = measure_download_mb()
        told = f"about {missing * size:.0f} MB" if math.isfinite(size) else "how much, the server does not tell"
        console.print(f"downloading {missing} people's images from osf.io into {escape(str(data_dir))}: {told}")
    else:
        console.print(f"all {n_participants} people's images are in {escape(str(data_dir))}: nothing to download")
    return fetch_dataset(out / "dataset", data_dir=data_dir, n_participants=n_participants)


def _simulate(folder: Path, *, seed: int, raw: bool, null: bool) -> Path:
    if not raw:
        design = CohortDesign(seed=seed)
        return simulate_cohort(folder, replace(design, coupling=0.0) if null else design)
    from bidsml.simulate.raw import RawDesign, write_raw_dataset  # takes nilearn along

    raw_design = RawDesign(coupling=0.0, volume_lost=0.0) if null else RawDesign()
    return write_raw_dataset(folder, n_participants=_RAW_PARTICIPANTS, seed=seed, design=raw_design)


def _options(dataset: Path, out: Path, arguments: argparse.Namespace, names: tuple[str, ...]) -> RunOptions:
    how = next((f"--{name}" for name in ("raw", "download") if getattr(arguments, name)), None)
    return RunOptions(
        bids_dir=dataset,
        output_dir=out / "derivatives",
        level="participant",
        work_dir=out / "work",
        derivatives={name: dataset / "derivatives" / name for name in names},
        random_seed=arguments.random_seed,
        nprocs=len(os.sched_getaffinity(0)),
        mem_gb=0.9 * available_gb(),
        allow_partial=arguments.download,
        command=("bidsml", "demo", *((how,) if how else ())),
    )
