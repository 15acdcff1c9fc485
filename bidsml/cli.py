"""The command line: argv to a level or a helper command, and its exit code."""

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from bidsml.arguments import LEVELS, build_parser, make_options, parse
from bidsml.errors import (
    EXIT_BUG,
    EXIT_CTRL_C,
    EXIT_OK,
    BidsmlError,
    DiskError,
    InterruptedRunError,
    MissingInputError,
    OutputError,
    UnknownLevelError,
    UsageError,
    near_names,
)

COMMANDS = ("demo", "status", "rerun", "compare", "cluster", "doctor", "schema", "check-plugin")


def main(argv: Sequence[str] | None = None) -> int:
    """Run bidsml and give its exit code; every error is printed, with what to do about it."""
    words = list(sys.argv[1:] if argv is None else argv)
    _settle_home()
    _configure_nipype(words)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    previous = {number: signal.signal(number, _on_stop) for number in _STOPPING if not _is_ignored(number)}
    try:
        return _dispatch(words)
    except _TerminatedError:
        console.print("stopped by SIGTERM; run the same command again to resume")
        return InterruptedRunError.exit_code
    except KeyboardInterrupt:
        console.print("interrupted; run the same command again to resume")
        return EXIT_CTRL_C
    except BidsmlError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}")
        return error.exit_code
    except OSError as error:
        return _os_error(error, console)
    except Exception:
        traceback.print_exc()
        console.print("[bold red]this is a bug in bidsml[/]: please report it with the lines above")
        return EXIT_BUG
    finally:
        # A process that is being stopped is deaf to its end: its exit code stands.
        if argv is not None or not all(_is_ignored(number) for number in _STOPPING):
            for number, handler in previous.items():
                signal.signal(number, handler)


def _settle_home() -> None:
    """Give a user without a name and a home, as containers make them, a home that is not there.

    Libraries ask for it when they are imported; nothing can be written to it.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = "/nonexistent"


def _configure_nipype(words: Sequence[str]) -> None:
    """Set what Nipype and its workers read when imported: no call home, its own messages only with ``-vv``."""
    os.environ["NIPYPE_NO_ET"] = os.environ["NO_ET"] = "1"
    if "-vv" not in words:
        os.environ.setdefault("NIPYPE_CONFIG_DIR", str(Path(__file__).resolve().parent / "graph"))


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM came. No ``Exception``: libraries would take it for a failure of their own, and go on."""


_STOPPING = (signal.SIGTERM, signal.SIGINT)


def _is_ignored(number: signal.Signals) -> bool:
    """Whether the caller has this run take no notice of a signal, as nohup and a shell's ``&`` do."""
    return signal.getsignal(number) is signal.SIG_IGN


def _on_stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End the run, once: a second Ctrl-C must not cut short the ending of workers and the release of locks."""
    for each in _STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise _TerminatedError if number == signal.SIGTERM else KeyboardInterrupt


def _os_error(error: OSError, console: Console) -> int:
    known: dict[int, type[BidsmlError]] = {
        errno.ENOSPC: DiskError,
        errno.EDQUOT: DiskError,
        errno.EIO: DiskError,
        errno.EACCES: OutputError,
        errno.EPERM: OutputError,
        errno.EROFS: OutputError,
        errno.ENOENT: MissingInputError,
    }
    kind = known.get(error.errno or 0)
    if kind is None:
        traceback.print_exc()
        console.print("[bold red]this is a bug in bidsml[/]: please report it with the lines above")
        return EXIT_BUG
    told = f"{error.strerror}: {error.filename}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename:
        from bidsml.bids.store import disk_error

        told = str(disk_error(error, Path(os.fsdecode(error.filename)), needed="more is needed"))
    console.print(f"[bold red]error:[/] {escape(told)}")
    return kind.exit_code


def _dispatch(words: list[str]) -> int:
    if words and words[0] in COMMANDS:
        from importlib import import_module

        command: Callable[[list[str]], int] = import_module(f"bidsml.commands.{words[0].replace('-', '_')}").main
        return command(words[1:])
    _refuse_misspelt_command(words)
    arguments = parse(build_parser(), words)
    if arguments is None:
        return EXIT_OK
    if arguments.level not in LEVELS:
        raise UnknownLevelError(f"unknown analysis level {arguments.level!r}", hint=near_names(arguments.level, LEVELS))
    return _run_level(arguments, words)


def _refuse_misspelt_command(words: list[str]) -> None:
    """Refuse a first word that is no folder, comes near a helper command, and is followed by no level."""
    if not words or words[0].startswith("-") or {*words} & {*LEVELS} or Path(words[0]).exists():
        return
    near = get_close_matches(words[0].replace("_", "-"), COMMANDS, n=1, cutoff=0.7)
    if near:
        raise UsageError(f"there is no command and no folder {words[0]!r}", hint=f"did you mean 'bidsml {near[0]}'?")


def _run_level(arguments: argparse.Namespace, words: list[str]) -> int:
    options = make_options(arguments, command=("bidsml", *words))
    # Loaded only now: the parser must answer --help at once.
    from bidsml.app.run import run

    return run(arguments.analysis, arguments.overrides, options).exit_code
