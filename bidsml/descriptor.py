"""The command line as a Boutiques descriptor, made from the parser itself so that the two can't differ.

Boutiques (Glatard et al. 2018, doi:10.1093/gigascience/giy016) describes a program's inputs in JSON, for platforms that
offer it through forms or start it from scripts.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bidsml import __version__
from bidsml.container import container_description
from bidsml.errors import EXIT_BUG, EXIT_CTRL_C, BidsmlError

SCHEMA_VERSION = "0.5"
# What bidsml makes: not there yet when it starts, so that no platform can ask for it as a file.
_MADE = {"output_dir", "work_dir", "bids_database_dir"}
# The word of the BIDS-App convention for what the parser calls otherwise.
_NAMES = {"level": "analysis_level"}
# What prints something and leaves is no input of a run.
_SHOWS = ("help", "version", "bids_exec_spec")

Numbers = Mapping[Callable[[str], Any], Mapping[str, Any]]


def describe_command(parser: argparse.ArgumentParser, *, levels: Sequence[str], numbers: Numbers) -> dict[str, Any]:
    """Describe a BIDS-App's parser as Boutiques does.

    Parameters
    ----------
    parser
        The parser: positional arguments first on the command line, options by their longest spelling.
    levels
        The analysis levels, which the parser itself does not list.
    numbers
        For each converter that gives a number, what Boutiques says of it (``integer``, ``minimum``).

    Returns
    -------
    dict
        A descriptor of schema 0.5, ready for JSON.
    """
    actions = [action for action in parser._actions if action.dest not in _SHOWS]
    inputs = {action.dest: _input(action, levels=levels, numbers=numbers) for action in actions}
    descriptor = {
        "name": parser.prog,
        "description": parser.description or parser.prog,
        "tool-version": __version__,
        "schema-version": SCHEMA_VERSION,
        "command-line": " ".join([parser.prog, *(one["value-key"] for one in inputs.values())]),
        "inputs": list(inputs.values()),
        "groups": list(_groups(parser, inputs)),
        "output-files": [
            {
                "id": "output_dataset",
                "name": "output dataset",
                "description": "the BIDS derivative dataset with its reports",
                "path-template": "[OUTPUT_DIR]",
            }
        ],
        "error-codes": list(_error_codes()),
        "tags": {"domain": ["neuroinformatics", "mri", "fmri", "machine learning"], "bids-app": True},
    }
    image = _image()
    return descriptor | ({"container-image": image} if image else {})


def _input(action: argparse.Action, *, levels: Sequence[str], numbers: Numbers) -> dict[str, Any]:
    name = _NAMES.get(action.dest, action.dest)
    described: dict[str, Any] = {
        "id": name,
        "name": name.replace("_", " "),
        "description": _help(action),
        "value-key": f"[{name.upper()}]",
        "optional": bool(action.option_strings),
        **_kind(action, numbers),
    }
    if action.option_strings:
        described["command-line-flag"] = max(action.option_strings, key=len)
    if action.dest == "level" or action.choices:
        described["value-choices"] = list(action.choices or levels)
    if described["type"] != "Flag":
        described |= _list(action)
        if action.default not in (None, argparse.SUPPRESS) and action.default != []:
            described["default-value"] = str(action.default) if isinstance(action.default, Path) else action.default
    return described


def _kind(action: argparse.Action, numbers: Numbers) -> dict[str, Any]:
    """Give Boutiques' type of one argument: an option without a value is a flag, whatever it counts."""
    if action.nargs == 0:
        return {"type": "Flag"}
    if callable(action.type) and action.type in numbers:
        return {"type": "Number", **numbers[action.type]}
    return {"type": "File" if action.type is Path and action.dest not in _MADE else "String"}


def _list(action: argparse.Action) -> dict[str, Any]:
    if action.nargs == "+":
        return {"list": True, "min-list-entries": 1}
    if isinstance(action, argparse._AppendAction):
        # Each value has the option's word of its own, which is what stands between two values.
        return {"list": True, "list-separator": f" {max(action.option_strings, key=len)} "}
    return {}


def _help(action: argparse.Action) -> str:
    return (action.help or action.dest).replace("%(default)s", str(action.default)).replace("%%", "%")


def _groups(parser: argparse.ArgumentParser, inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for group in parser._action_groups:
        members = [inputs[action.dest]["id"] for action in group._group_actions if action.dest in inputs]
        if members and group.title:
            yield {"id": "group_" + group.title.replace(" ", "_"), "name": group.title, "members": members}


def _error_codes() -> Iterator[dict[str, Any]]:
    for kind in sorted(BidsmlError.__subclasses__(), key=lambda kind: kind.exit_code):
        yield {"code": kind.exit_code, "description": (kind.__doc__ or kind.__name__).splitlines()[0]}
    yield {"code": EXIT_BUG, "description": "A bug in bidsml."}
    yield {"code": EXIT_CTRL_C, "description": "Interrupted from the keyboard; run it again to resume."}


def _image() -> dict[str, str]:
    """Name the image where this runs in one that says where it is published."""
    uri = os.environ.get("BIDSML_CONTAINER_URI", "")
    if not uri:
        return {}
    scheme, separator, image = uri.partition("://")
    kind = "singularity" if container_description().get("Type") == "apptainer" else "docker"
    described = {"type": kind, "image": image if separator else uri}
    return described | ({"index": f"{scheme}://"} if separator else {})
