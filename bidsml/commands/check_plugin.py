"""``bidsml check-plugin``: whether a package that extends bidsml keeps to what bidsml asks of its own parts."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bidsml.arguments import CommandParser, parse
from bidsml.errors import EXIT_OK, PluginError, UsageError, near_names
from bidsml.extension import ESTIMATORS, FEATURES, GROUP_SECTIONS, GROUPS, PARTICIPANT_SECTIONS, Plugin, find_plugins

if TYPE_CHECKING:
    from bidsml.contract import Check


def main(argv: list[str]) -> int:
    """Run the checks and print them; the exit code is 69 when one failed."""
    parser = CommandParser(
        prog="bidsml check-plugin",
        description="Check what an installed package adds to bidsml: feature kinds, estimators, sections of pages.",
    )
    parser.add_argument("name", metavar="NAME|PACKAGE", help="a feature kind, estimator or section, or its package")
    parser.add_argument("--failed", action="store_true", help="list only the checks that failed")
    arguments = parse(parser, argv)
    if arguments is None:
        return EXIT_OK
    console = Console(soft_wrap=True, highlight=False)
    failed = total = 0
    for plugin in _choose(arguments.name):
        console.print(f"[bold]{escape(plugin.name)}[/] ({GROUPS[plugin.group]}) of {plugin.package} {plugin.version}")
        checks = _check(plugin)
        shown = [check for check in checks if not (arguments.failed and check.passed)]
        console.print(_table(shown))
        failed += sum(not check.passed for check in checks)
        total += len(checks)
    console.print(f"[red]{failed} of {total} checks failed[/]" if failed else f"[green]all {total} checks passed[/]")
    return PluginError.exit_code if failed else EXIT_OK


def _choose(name: str) -> list[Plugin]:
    installed = [plugin for group in GROUPS for plugin in find_plugins(group)]
    chosen = [plugin for plugin in installed if name == plugin.name or _plain(name) == _plain(plugin.package)]
    if not chosen:
        known = {name for plugin in installed for name in (plugin.name, plugin.package)}
        hint = near_names(name, known) if known else "no package that extends bidsml is installed here"
        raise UsageError(f"no installed package offers {name!r}, or is called so", hint=hint)
    return chosen


def _plain(package: str) -> str:
    """Spell a package's name as all that is installed is compared by: my_lab.Kit is my-lab-kit."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _table(checks: "Sequence[Check]") -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
    for check in checks:
        colour, word = ("green", "pass") if check.passed else ("red", "FAIL")
        table.add_row(f"[{colour}]{word}[/]", escape(check.name), escape(check.found))
    return table


def _check(plugin: Plugin) -> "list[Check]":
    from bidsml.contract import Check, run_checks
    from bidsml.contract.estimators import check_estimator_kind
    from bidsml.contract.features import check_feature_kind
    from bidsml.contract.running import run_estimator_kind, run_feature_kind
    from bidsml.contract.sections import check_group_section, check_participant_section
    from bidsml.features import CATALOG as KINDS
    from bidsml.learn.estimators import CATALOG as ESTIMATOR_KINDS
    from bidsml.report import MORE_GROUP, MORE_PARTICIPANT

    catalogs: dict[str, Any] = {
        FEATURES: KINDS,
        ESTIMATORS: ESTIMATOR_KINDS,
        PARTICIPANT_SECTIONS: MORE_PARTICIPANT,
        GROUP_SECTIONS: MORE_GROUP,
    }
    try:
        catalogs[plugin.group][plugin.name]
    except PluginError as error:
        return [Check("imports", False, str(error))]
    imported = Check("imports", True, plugin.target)
    if plugin.group == FEATURES:
        kind = KINDS[plugin.name]
        run = _in_folder(lambda folder: run_feature_kind(kind, folder))
        return [imported, *check_feature_kind(kind), *run_checks({"runs under Nipype": run})]
    if plugin.group == ESTIMATORS:
        entry = ESTIMATOR_KINDS[plugin.name]
        run = _in_folder(lambda folder: run_estimator_kind(plugin.name, entry.tasks, folder))
        return [imported, *check_estimator_kind(plugin.name, entry), *run_checks({"runs under Nipype": run})]
    if plugin.group == GROUP_SECTIONS:
        return [imported, *check_group_section(MORE_GROUP[plugin.name])]
    return [imported, *check_participant_section(MORE_PARTICIPANT[plugin.name])]


def _in_folder(run: Callable[[Path], str]) -> Callable[[], str]:
    def run_there() -> str:
        with TemporaryDirectory(prefix="bidsml-check-") as folder:
            return run(Path(folder))

    return run_there
