"""The command line's reference, from its parsers."""

import argparse
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from unittest.mock import patch

from bidsml.arguments import CommandParser, build_parser
from bidsml.cli import COMMANDS
from from_code.tables import code, write_table

_HEAD = """\
# Command line

```
bidsml BIDS_DIR OUTPUT_DIR participant [options]   # one participant at a time
bidsml BIDS_DIR OUTPUT_DIR group       [options]   # learn, test and report
bidsml COMMAND …                                   # a helper command
```

Options may be spelt with hyphens or underscores (`--participant-label`, `--participant_label`); `sub-`, `ses-` and
`task-` before a label are taken off; no option may be abbreviated. What a run's exit code means stands in
[Faults and exit codes](faults.md).

This page is made from the parsers themselves.
"""
_TERMINAL = re.compile(r"\s+")
# As many characters as a page 1,400 pixels wide shows.
_WIDTH = 84


def write_page() -> str:
    """Write the page."""
    parts = [_HEAD, "## The two levels\n", *_describe(build_parser()), "## Helper commands\n"]
    for name, parser in sorted(find_parsers().items()):
        parts += [f"### bidsml {name}\n", _TERMINAL.sub(" ", parser.description or "") + "\n"]
        parts += [f"```\n{_write_usage(parser)}\n```\n", *_describe(parser)]
    return "\n".join(parts)


def _write_usage(parser: argparse.ArgumentParser) -> str:
    """Write how a command is called, broken between its arguments, whatever the width of a terminal."""
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    whole = re.sub(r"\[[^\]]*\]+", lambda part: part[0].replace(" ", "\N{NO-BREAK SPACE}"), usage)
    lines = textwrap.wrap(whole, _WIDTH, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def find_parsers() -> dict[str, argparse.ArgumentParser]:
    """Give every helper command's parser by the command's name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for name in COMMANDS:
        # A command builds its parser when it is called; asking for help calls it and does nothing else.
        with patch.object(CommandParser, "print_help", autospec=True) as asked:
            import_module(f"bidsml.commands.{name.replace('-', '_')}").main(["--help"])
        found[name] = asked.call_args.args[0]
    return found


def list_options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Every argument that a reader may give, with the title of its group."""
    for group in parser._action_groups:  # argparse has no public way to its groups
        for action in group._group_actions:
            if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):
                yield group.title or "", action


def _describe(parser: argparse.ArgumentParser) -> Iterator[str]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for title, action in list_options(parser):
        groups.setdefault(title, []).append((code(_spell(action)), _help(parser, action)))
    titles = {"positional arguments": "", "options": "", "optional arguments": ""}
    for title, rows in groups.items():
        shown = titles.get(title, title)
        heading = f"**{shown[0].upper()}{shown[1:]}**\n\n" if shown else ""
        yield heading + write_table(("argument", "what it does"), rows)


def _spell(action: argparse.Action) -> str:
    """Spell an argument as it is typed: ``-d, --derivatives NAME=PATH …``."""
    if not action.option_strings:
        return str(action.metavar or action.dest)
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    return ", ".join(action.option_strings) + f" {value}".rstrip() + (" …" if action.nargs == "+" else "")


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""
