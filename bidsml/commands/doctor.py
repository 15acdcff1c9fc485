"""``bidsml doctor``: what is installed and at hand."""

import os
import shutil
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bidsml import __version__
from bidsml.app.provenance import package_versions
from bidsml.arguments import CommandParser, available_gb, parse
from bidsml.atlases import list_atlases
from bidsml.container import (
    container_description,
    describe_baked_template,
    describe_container,
    image_record,
    template_record,
)
from bidsml.errors import PluginError
from bidsml.extension import GROUPS, find_plugins
from bidsml.features import CATALOG as FEATURES
from bidsml.graph.run import PLUGINS
from bidsml.learn.estimators import CATALOG as ESTIMATORS
from bidsml.learn.metrics import METRICS
from bidsml.preproc.confounds import STRATEGIES
from bidsml.report import MORE_GROUP, MORE_PARTICIPANT
from bidsml.spec import list_ready_made
from bidsml.templates import automatic_space, describe_templates


def main(argv: list[str]) -> int:
    """Print versions, atlases, templates, names of the catalogs, memory and cores."""
    parser = CommandParser(prog="bidsml doctor", description="Versions, atlases and templates at hand, memory, cores.")
    if parse(parser, argv) is None:
        return 0
    console = Console(soft_wrap=True, highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, text in _facts().items():
        table.add_row(f"[bold]{name}[/]", text)
    console.print(table)
    return 0


def _facts() -> dict[str, str]:
    versions = ", ".join(f"{name} {number}" for name, number in ({"bidsml": __version__} | package_versions()).items())
    templates = "\n".join(
        f"{name}: {where}" + (f" (space {space})" if space else "") for name, where, space in describe_templates()
    )
    baked = describe_baked_template(template_record())
    return {
        "versions": versions,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{available_gb():.1f} GB free",
        "container": describe_container(description=container_description(), image=image_record()),
        "analyses": ", ".join(list_ready_made()),
        "features": ", ".join(FEATURES),
        "atlases": _say_atlases(),
        "templates": f"this image: {baked}\n{templates}" if baked else templates,
        "raw images": f"go to {automatic_space()} unless preprocess.space says another",
        "denoising": ", ".join(STRATEGIES),
        "estimators": ", ".join(ESTIMATORS),
        "metrics": ", ".join(METRICS),
        "extensions": "\n".join(_describe_extensions()) or "none installed",
        "plugins": ", ".join(PLUGINS),
        "graphviz": (shutil.which("dot") and "there") or "not there: --write-graph writes DOT text",
    }


def _say_atlases() -> str:
    # TemplateFlow's names have a variant behind a hyphen.
    known = list_atlases()
    packaged, others = ([name for name in known if ("-" in name) == fetched] for fetched in (False, True))
    return f"{', '.join(packaged)}\nfrom TemplateFlow, where they were downloaded: {', '.join(others)}"


def _describe_extensions() -> Iterator[str]:
    """Say what other packages add, and which of it cannot be imported."""
    catalogs: dict[str, Mapping[str, object]] = {
        FEATURES.group: FEATURES,
        ESTIMATORS.group: ESTIMATORS,
        MORE_PARTICIPANT.group: MORE_PARTICIPANT,
        MORE_GROUP.group: MORE_GROUP,
    }
    for group, what in GROUPS.items():
        for plugin in find_plugins(group):
            try:
                catalogs[group][plugin.name]
                state = ""
            except PluginError as error:
                state = f" [red]cannot be used[/]: {escape(error.message)}"
            yield f"{escape(plugin.name)} ({what}) of {escape(plugin.package)} {escape(plugin.version)}{state}"
