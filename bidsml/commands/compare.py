"""``bidsml compare``: two output folders, file by file."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bidsml.arguments import CommandParser, parse
from bidsml.bids.comparison import ALIKE, FileComparison, compare_outputs, count_verdicts
from bidsml.bids.likeness import Tolerance

SHOWN = 40
_PATH_WIDTH = 70
_COLOURS = {"identical": "green", "within tolerance": "yellow"}


def main(argv: list[str]) -> int:
    """Compare two outputs; exit code 0 only when nothing differs, else 1."""
    parser = CommandParser(
        prog="bidsml compare",
        description="Compare two output folders file by file: tables, JSON, arrays and images by their numbers, pages "
        "by their text, everything else by bytes; logs/ aside, run.json by what decides a result. "
        "Exit code 0 when nothing differs, 1 when something does.",
    )
    parser.add_argument("first", metavar="OUT_A", type=Path, help="one output")
    parser.add_argument("second", metavar="OUT_B", type=Path, help="the other")
    add_tolerance(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, every file")
    parser.add_argument("-v", "--verbose", action="store_true", help=f"list all files, not the first {SHOWN}")
    arguments = parse(parser, argv)
    if arguments is None:
        return 0
    tolerance = Tolerance(arguments.rtol, arguments.atol)
    found = compare_outputs(arguments.first, arguments.second, tolerance)
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(found, tolerance), indent=2) + "\n")
    else:
        print_comparison(found, tolerance, console=Console(soft_wrap=True, highlight=False), every=arguments.verbose)
    return exit_code(found)


def add_tolerance(parser: argparse.ArgumentParser) -> None:
    """Add ``--rtol`` and ``--atol``."""
    for name, what in (("rtol", "relative"), ("atol", "absolute")):
        default = getattr(Tolerance(), name)
        parser.add_argument(
            f"--{name}", type=_not_negative, default=default, metavar="X",
            help=f"{what} tolerance of numbers, |a - b| <= atol + rtol |a|; default: {default:g}",
        )  # fmt: skip


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return value


def exit_code(found: Sequence[FileComparison]) -> int:
    """0 when every file is identical or within the tolerance, else 1."""
    return 0 if all(one.verdict in ALIKE for one in found) else 1


def as_json(found: Sequence[FileComparison], tolerance: Tolerance) -> dict[str, object]:
    """Give everything that was found, for programs."""
    return {"tolerance": asdict(tolerance), "counts": count_verdicts(found), "files": [asdict(one) for one in found]}


def print_comparison(
    found: Sequence[FileComparison], tolerance: Tolerance, *, console: Console, every: bool = False
) -> None:
    """Print each file that is not identical on a line of its own, never cut short, and the counts."""
    unlike = [one for one in found if one.verdict != "identical"]
    # What differs first: it must not be lost below a list of what does not.
    unlike.sort(key=lambda one: one.verdict in ALIKE)
    shown = unlike if every else unlike[:SHOWN]
    width = min(max((len(one.path) for one in shown), default=0), _PATH_WIDTH)
    for one in shown:
        verdict = f"[{_COLOURS.get(one.verdict, 'red')}]{one.verdict:16}[/]"
        console.print(f"{verdict}  {escape(one.path.ljust(width))}  {escape(one.detail)}".rstrip())
    if len(unlike) > len(shown):
        console.print(f"… and {len(unlike) - len(shown)} more; -v lists all")
    counts = ", ".join(f"{number} {verdict}" for verdict, number in count_verdicts(found).items() if number)
    console.print(f"{len(found)} files: {counts or 'none'} (rtol {tolerance.rtol:g}, atol {tolerance.atol:g})")
    console.print("nothing differs" if exit_code(found) == 0 else "[bold]the outputs differ[/]")
